//! The binary on PostgreSQL: what a node and an operator see is what they see on SQLite, and several
//! coordinators on one database are one.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

#[path = "../src/testing/private_postgres.rs"]
mod private_postgres;
#[path = "support/process.rs"]
mod process;

use private_postgres::PrivatePostgres;
use process::{Process, outcome};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use streamr_model::{BitsPerSecond, EnrolmentProof, Heartbeat, NodeActivity, SecretKey, Signed};
use tempfile::TempDir;

/// A network on one database.
struct Network {
    dir: TempDir,
    database: String,
    http: reqwest::Client,
    _server: PrivatePostgres,
}

impl Network {
    fn start() -> Self {
        let server = PrivatePostgres::start(&["fsync=off"]);
        let dir = tempfile::tempdir().unwrap();
        Self { dir, database: server.url(), http: reqwest::Client::new(), _server: server }
    }

    /// One more coordinator. All have the same operator token.
    fn coordinator(&self) -> Process {
        Process::start(self.dir.path(), &["--database", &self.database])
    }

    async fn ask(
        &self,
        method: Method,
        coordinator: &Process,
        path: &str,
        token: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let request = self.http.request(method, format!("{}{path}", coordinator.url)).bearer_auth(token);
        let answer = request.json(body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    async fn post(&self, coordinator: &Process, path: &str, token: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(Method::POST, coordinator, path, token, body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// Registers “alice”; her publish secret.
    async fn register(&self, coordinator: &Process) -> String {
        let operator = std::fs::read_to_string(self.dir.path().join("operator.token")).unwrap();
        let stream = json!({
            "stream": "alice", "title": "Live", "streamer": "Alice", "key": "ab".repeat(32),
            "origin": "http://127.0.0.1:8080/live/alice.m3u8", "pool_per_hour": 3_600_000, "currency": "EUR",
        });
        let answer = self.post(coordinator, "/v1/streams", operator.trim(), &stream).await;
        answer["publish_secret"].as_str().unwrap().to_owned()
    }
}

struct Node {
    key: SecretKey,
    token: String,
    heartbeat: Heartbeat,
}

impl Node {
    async fn enrolled(network: &Network, coordinator: &Process, n: u8, invite: Option<&str>) -> Self {
        let key = SecretKey::from_seed([n; 32]);
        let node = key.node_id();
        let challenge =
            network.post(coordinator, "/v1/nodes/challenge", "", &json!({"node": node})).await["challenge"]
                .as_str()
                .unwrap()
                .to_owned();
        let proof = EnrolmentProof { node, challenge, coordinator: coordinator.url.clone() };
        let enrol = json!({"node": node, "proof": Signed::new(&proof, &key), "invite": invite});
        let answer = network.post(coordinator, "/v1/nodes", "", &enrol).await;
        let heartbeat = Heartbeat {
            node,
            stream: "alice".parse().unwrap(),
            session: 1,
            number: 1,
            nonce: String::new(),
            activity: NodeActivity::Supporting,
            uplink_bps: BitsPerSecond(20_000_000),
            addresses: vec!["/ip4/192.0.2.1/tcp/1".into()],
            peers: 1,
            bytes_origin: 0,
        };
        Self { key, token: answer["token"].as_str().unwrap().to_owned(), heartbeat }
    }

    async fn report(&mut self, network: &Network, coordinator: &Process) -> Value {
        let signed = Signed::new(&self.heartbeat, &self.key);
        let body = json!({"node": self.heartbeat.node, "heartbeat": signed});
        let answer = network.post(coordinator, "/v1/heartbeats", "", &body).await;
        self.heartbeat.number += 1;
        answer["nonce"].as_str().unwrap().clone_into(&mut self.heartbeat.nonce);
        answer
    }

    async fn get(&self, network: &Network, coordinator: &Process, path: &str) -> Value {
        let (status, answer) = network.ask(Method::GET, coordinator, path, &self.token, &Value::Null).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    async fn impact(&self, network: &Network, coordinator: &Process) -> Value {
        self.get(network, coordinator, &format!("/v1/nodes/{}/impact", self.heartbeat.node)).await
    }
}

#[tokio::test]
async fn two_coordinators_on_one_database_are_one() {
    let network = Network::start();
    let (first, mut second) = (network.coordinator(), network.coordinator());
    let secret = network.register(&first).await;
    let live = json!({
        "seed": "5e".repeat(32), "addresses": ["/ip4/192.0.2.9/udp/1/quic-v1"],
        "live_since": 1, "bitrate_bps": 4_000_000,
    });
    let (status, _) = network.ask(Method::PUT, &second, "/v1/streams/alice/live", &secret, &live).await;
    assert_eq!(status, StatusCode::NO_CONTENT);

    let code = network.post(&first, "/v1/streams/alice/invites", &secret, &json!({"valid_s": 3600})).await;
    let mut invited = Node::enrolled(&network, &second, 1, code["code"].as_str()).await;
    let mut other = Node::enrolled(&network, &first, 2, None).await;
    let (status, _) = network
        .ask(
            Method::GET,
            &first,
            &format!("/v1/invites/{}", code["code"].as_str().unwrap()),
            "",
            &Value::Null,
        )
        .await;
    assert_eq!(status, StatusCode::GONE, "it was used at the other");

    // A chain goes on wherever its next link arrives, also after one of them died.
    for coordinator in [&first, &second, &first] {
        invited.report(&network, coordinator).await;
        other.report(&network, coordinator).await;
    }
    second.signal("-KILL");
    assert_eq!(second.child.wait().unwrap().code(), None);
    let second = network.coordinator();
    other.report(&network, &second).await;
    invited.report(&network, &second).await;

    let mut shown = Vec::new();
    for coordinator in [&first, &second] {
        let members = invited.get(&network, coordinator, "/v1/streams/alice/members").await;
        assert_eq!(members["supporters"].as_u64(), Some(2), "{members}");
        shown.push(members);
        let impact = invited.impact(&network, coordinator).await;
        assert_eq!(impact["node"], json!(invited.heartbeat.node));
    }
    assert_eq!(shown[0], shown[1]);
}

#[tokio::test]
async fn a_report_sent_to_two_coordinators_at_once_counts_once() {
    let network = Network::start();
    let (first, second) = (network.coordinator(), network.coordinator());
    network.register(&first).await;
    let mut node = Node::enrolled(&network, &first, 1, None).await;
    for _ in 0..10 {
        let (mut here, mut there) = (node.copy(), node.copy());
        let (one, two) = tokio::join!(here.report(&network, &first), there.report(&network, &second));
        assert_eq!(one["nonce"], two["nonce"]);
        node = here;
    }
}

/// Every node reports to both at once, round after round: each coordinator takes many in together, in
/// whatever order, and the two have the same nodes to lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reports_sent_to_two_coordinators_at_once_count_once_each() {
    let network = Network::start();
    let (first, second) = (network.coordinator(), network.coordinator());
    network.register(&first).await;
    let mut nodes = Vec::new();
    for n in 1..=25 {
        nodes.push(Node::enrolled(&network, &first, n, None).await);
    }
    for _ in 0..5 {
        let rounds = nodes.iter().map(|node| async {
            let (mut here, mut there) = (node.copy(), node.copy());
            let (one, two) = tokio::join!(here.report(&network, &first), there.report(&network, &second));
            assert_eq!(one["nonce"], two["nonce"]);
            here
        });
        nodes = futures::future::join_all(rounds).await;
    }
    for coordinator in [&first, &second] {
        let members = nodes[0].get(&network, coordinator, "/v1/streams/alice/members").await;
        assert_eq!(members["supporters"].as_u64(), Some(25));
    }
    assert!(nodes.iter().all(|node| node.heartbeat.number == 6));
}

impl Node {
    fn copy(&self) -> Self {
        let key = SecretKey::from_seed(self.key.to_seed());
        Self { key, token: self.token.clone(), heartbeat: self.heartbeat.clone() }
    }
}

#[tokio::test]
async fn a_server_that_ends_all_connections_is_busy_for_a_moment() {
    let network = Network::start();
    let coordinator = network.coordinator();
    network.register(&coordinator).await;
    let mut node = Node::enrolled(&network, &coordinator, 1, None).await;
    node.report(&network, &coordinator).await;

    let ended = std::process::Command::new(private_postgres::program("psql"))
        .args(["--dbname", &network.database, "--tuples-only", "--command"])
        .arg("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'streamr-coordinator'")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&ended.stdout).contains('t'), "{ended:?}");

    // Each of its connections may fail once, and none twice.
    for attempt in 0.. {
        assert!(attempt < 20, "it does not recover");
        let signed = Signed::new(&node.heartbeat, &node.key);
        let body = json!({"node": node.heartbeat.node, "heartbeat": signed});
        let (status, answer) = network.ask(Method::POST, &coordinator, "/v1/heartbeats", "", &body).await;
        if status == StatusCode::OK {
            break;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    }
}

#[test]
fn a_database_that_does_not_exist_is_named_and_exits_73() {
    let network = Network::start();
    let missing = network.database.replace("/postgres?", "/missing?");
    let (code, stdout, stderr) = outcome(network.dir.path(), &["--database", &missing]);
    assert_eq!((code, stdout.as_str()), (73, ""), "{stderr}");
    assert!(stderr.contains("\"missing\" does not exist"), "{stderr}");
}

fn verify_ledger(database: &str) -> (i32, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_streamr-coordinator"));
    let output = command.args(["verify-ledger", "--database", database]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_book_is_verified_while_coordinators_run() {
    let network = Network::start();
    let (code, _, stderr) = verify_ledger(&network.database);
    assert_eq!(code, 66, "it has no tables yet, and none were made: {stderr}");

    let (first, second) = (network.coordinator(), network.coordinator());
    network.register(&first).await;
    let operator = std::fs::read_to_string(network.dir.path().join("operator.token")).unwrap();
    let deposit = json!({"idempotency_key": "march", "amount": 2_500_000, "currency": "EUR"});
    for coordinator in [&first, &second] {
        network.post(coordinator, "/v1/streams/alice/deposits", operator.trim(), &deposit).await;
    }
    let (code, stdout, stderr) = verify_ledger(&network.database);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.contains("EUR (millionths): deposited 2500000 = pools 2500000"), "{stdout}");
}
