//! A coordinator of one's own for each test, over real HTTP on a temporary file, with a clock that only the
//! test moves.
//!
//! Where [`ON_POSTGRES`] names a PostgreSQL server, each has a schema of it instead of a file: so
//! `storage::conformance` runs every handler's tests a second time.

#[cfg(unix)]
pub(crate) mod private_postgres;

pub(crate) mod authenticator;
pub(crate) mod book;
pub(crate) mod deliver;
pub(crate) mod people;
pub(crate) mod provider;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::{Method, Response};
use serde::Serialize;
use serde_json::{Value, json};
use streamr_coordinator_api::{
    Challenge, Deposited, Enrolled, ErrorCode, Granted, HeartbeatAnswer, Impact, InviteCreated, Membership,
    PayoutBatch, Problem, ReceiptsAnswer, ReceiptsRequest, RefusalReason, SamplesRequest, StreamRegistered,
};
use streamr_model::{
    BitsPerSecond, EnrolmentProof, GrantId, Heartbeat, NodeActivity, NodeId, Receipt, SecretKey, Signed,
    SignedByBoth, UnixMs, Window,
};
use tempfile::TempDir;

use crate::evidence::SignedReceipts;
use crate::hour::Hour;
use crate::state::AppState;
#[cfg(unix)]
use crate::storage::conformance::Schema;
use crate::storage::{Assigned, Database, Storage};
use crate::verify::{Report, VerifyError, verify};
use crate::{Clock, Config, Coordinator, RateLimit, closing};

/// When every test begins: some way into an hour and a day.
pub(crate) const START: u64 = 1_795_000_000_000 / 3_600_000 * 3_600_000;
/// The signer of every live.
pub(crate) const SEED: NodeId = NodeId([0x5e; 32]);

/// The environment variable with the URL of the PostgreSQL server to test on.
pub(crate) const ON_POSTGRES: &str = "STREAMR_TEST_POSTGRES";

/// A clock that only the test moves.
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(crate) fn advance_s(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

/// A coordinator that runs.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) operator: String,
    pub(crate) clock: Arc<ManualClock>,
    config: Config,
    dir: TempDir,
    /// Its part of [`ON_POSTGRES`]' server.
    schema: Option<String>,
    server: Option<Coordinator>,
    client: reqwest::Client,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let operator = "the operator's token, long enough".to_owned();
        let (database, schema) = match std::env::var(ON_POSTGRES) {
            #[cfg(unix)]
            Ok(server) => {
                let schema = Schema::create(&server).await;
                (schema.database(), Some(schema.name))
            }
            _ => (Database::Sqlite(dir.path().join("coordinator.sqlite")), None),
        };
        let mut config = Config::new(database, operator.clone());
        config.rate_limit = RateLimit::Off;
        change(&mut config);
        let clock = Arc::new(ManualClock(AtomicU64::new(START)));
        let server = Coordinator::start(config.clone(), clock.clone()).await.unwrap();
        let url = server.url().to_string();
        let (server, client) = (Some(server), reqwest::Client::new());
        Self { url, operator, clock, config, dir, schema, server, client }
    }

    /// Stops it and starts it on the same address and file.
    pub(crate) async fn restart(&mut self) {
        let server = self.server.take().unwrap();
        self.config.listen = server.local_addr();
        server.stop().await;
        self.server = Some(Coordinator::start(self.config.clone(), self.clock.clone()).await.unwrap());
    }

    /// Polls whoever of the old house is due.
    pub(crate) async fn poll_round(&self) {
        self.server.as_ref().unwrap().poll_round().await;
    }

    /// Whether the database's files, or all that PostgreSQL can say of it, hold `text`.
    pub(crate) fn database_holds(&self, text: &str) -> bool {
        #[cfg(unix)]
        if let (Ok(server), Some(schema)) = (std::env::var(ON_POSTGRES), &self.schema) {
            let dump = std::process::Command::new(private_postgres::program("pg_dump"))
                .args(["--inserts", "--dbname", &server, "--schema", schema])
                .output()
                .unwrap();
            assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
            return String::from_utf8_lossy(&dump.stdout).contains(text);
        }
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    /// How often a consumer was caught, read from the database.
    pub(crate) async fn equivocations_of(&self, consumer: &NodeId) -> u64 {
        let storage = Storage::open(&self.config.database).await.unwrap();
        storage.read().await.unwrap().equivocations_of(consumer).await.unwrap()
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&impl Serialize>,
    ) -> Response {
        let mut request = self.client.request(method, format!("{}{path}", self.url.trim_end_matches('/')));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.get_as(path, None).await
    }

    pub(crate) async fn get_as(&self, path: &str, token: Option<&str>) -> Response {
        self.request(Method::GET, path, token, None::<&()>).await
    }

    pub(crate) async fn post(&self, path: &str, token: Option<&str>, body: &impl Serialize) -> Response {
        self.request(Method::POST, path, token, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, token: Option<&str>, body: &impl Serialize) -> Response {
        self.request(Method::PUT, path, token, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, token: Option<&str>) -> Response {
        self.request(Method::DELETE, path, token, None::<&()>).await
    }

    /// Registers a stream; its publish secret.
    pub(crate) async fn register(&self, id: &str) -> String {
        let answer = self.post("/v1/streams", Some(&self.operator), &stream(id)).await;
        assert_eq!(answer.status(), 201);
        answer.json::<StreamRegistered>().await.unwrap().publish_secret
    }

    pub(crate) async fn put_live(&self, id: &str, secret: &str) -> Response {
        self.put(&format!("/v1/streams/{id}/live"), Some(secret), &live()).await
    }

    pub(crate) fn storage(&self) -> &Storage {
        self.server.as_ref().unwrap().storage()
    }

    /// What its requests share.
    pub(crate) fn app(&self) -> &AppState {
        self.server.as_ref().unwrap().app()
    }

    /// Puts money into a stream's pool.
    pub(crate) async fn deposit(&self, id: &str, key: &str, amount: i64) -> Deposited {
        let body = json!({"idempotency_key": key, "amount": amount, "currency": "EUR"});
        let answer = self.post(&format!("/v1/streams/{id}/deposits"), Some(&self.operator), &body).await;
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }

    /// Sets where a node's money goes: to Ada's bank account.
    pub(crate) async fn set_payee(&self, node: &Node) {
        let body =
            json!({"name": "Ada", "destination": {"kind": "iban", "account": "DE89 3704 0044 0532 0130 00"}});
        let answer = self.put(&format!("/v1/nodes/{}/payee", node.id()), Some(&node.token), &body).await;
        assert_eq!(answer.status(), 204);
    }

    /// Asks to begin a batch in euro.
    pub(crate) async fn try_payouts(&self, key: &str, method: &str, max_fees: i64) -> Response {
        let body = json!({"idempotency_key": key, "method": method, "currency": "EUR", "max_fees": max_fees});
        self.post("/v1/payouts", Some(&self.operator), &body).await
    }

    /// Begins one.
    pub(crate) async fn begin_payouts(&self, key: &str, method: &str) -> PayoutBatch {
        let answer = self.try_payouts(key, method, 1_000_000).await;
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }

    /// Gives one to the provider.
    pub(crate) async fn submit_payouts(&self, key: &str) -> Response {
        self.post(&format!("/v1/payouts/{key}/submit"), Some(&self.operator), &()).await
    }

    /// Closes every epoch that is due; how many there were.
    pub(crate) async fn close_epochs(&self) -> usize {
        closing::close_due(self.storage(), &mut Hour(0), self.clock.now()).await.unwrap()
    }

    /// Verifies the book.
    pub(crate) async fn verify(&self) -> Result<Report, VerifyError> {
        verify(self.storage(), &SignedReceipts, None).await
    }

    /// `seconds` of live time in which the nodes report every 30 s; at their end the second signs for what it got
    /// of the first, and the first for a little that it got of the second, under no grant.
    pub(crate) async fn support(&self, secret: &str, nodes: &mut [Node], seconds: u64) {
        for second in (5..=seconds).step_by(5) {
            self.clock.advance_s(5);
            self.put_live("alice", secret).await;
            if second % 30 == 0 {
                for node in &mut *nodes {
                    node.beat(self).await;
                }
            }
        }
        if let [giver, taker, ..] = nodes {
            giver.deliver(self, taker, 10_000_000, 1000).await;
            let receipt = Receipt { grant: None, ..giver.sign(self, taker.id(), 100, 1) };
            let both = taker.countersign(giver, &receipt);
            assert_eq!(taker.hand_in(self, vec![both]).await, None);
        }
    }

    /// “alice” with a pool (of nothing where `deposit` is 0), and the first minute of [`START`]'s hour live, in
    /// which the second of two nodes got everything from the first, as it does usually; her publish secret and the nodes.
    pub(crate) async fn supported_hour(&self, deposit: i64) -> (String, Vec<Node>) {
        let secret = self.register("alice").await;
        if deposit > 0 {
            self.deposit("alice", "first", deposit).await;
        }
        let mut nodes = vec![Node::enrolled(self, 1).await, Node::enrolled(self, 2).await];
        self.put_live("alice", &secret).await;
        for node in &mut nodes {
            node.beat(self).await;
        }
        let usual = [10_000_000; 12];
        let mut tx = self.storage().write().await.unwrap();
        let before = Hour(Hour::of(self.clock.now()).0 - 1);
        tx.keep_usual(&"alice".parse().unwrap(), before, &nodes[1].id(), &usual).await.unwrap();
        tx.commit().await.unwrap();
        self.support(&secret, &mut nodes, 60).await;
        (secret, nodes)
    }

    /// The same with the hour closed: the deposit is entry 1, the epoch entry 2.
    pub(crate) async fn closed_hour(&self, deposit: i64) -> (String, Vec<Node>) {
        let supported = self.supported_hour(deposit).await;
        self.clock.advance_s(4_200);
        assert_eq!(self.close_epochs().await, 1);
        supported
    }

    /// Eight hours before now, in every sixth window of which `consumer` was assigned `friend`, and else `other`; it
    /// signed when it was the friend.
    pub(crate) async fn skewed_signing(&self, consumer: &Node, friend: &Node, other: &Node) {
        let stream = "alice".parse().unwrap();
        let now = Window::of(self.clock.now()).0;
        let mut tx = self.storage().write().await.unwrap();
        for window in (now - 96..now).map(Window) {
            let is_friend = window.0.is_multiple_of(6);
            let provider = if is_friend { friend.id() } else { other.id() };
            let (cap_bytes, expires_at) = (10_000_000, window.ends_at());
            let assigned = Assigned { provider, cap_bytes, expires_at, grant: GrantId([0; 32]) };
            tx.assign(&stream, window, &consumer.id(), &assigned).await.unwrap();
            if is_friend {
                let receipt = Receipt {
                    window,
                    bytes: 9_000_000,
                    blocks: 100,
                    on_time: 100,
                    ..consumer.receipt(friend.id())
                };
                let both = friend.countersign(consumer, &receipt);
                tx.keep_receipt(&receipt, Some(cap_bytes), &both).await.unwrap();
            }
        }
        let an_hour = [9_000_000, 0, 0, 0, 0, 0, 9_000_000, 0, 0, 0, 0, 0];
        for hour in (1..=8).map(|before| Hour(Hour::of(self.clock.now()).0 - before)) {
            tx.keep_usual(&stream, hour, &consumer.id(), &an_hour).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// Makes an invite for an hour; its code.
    pub(crate) async fn invite(&self, id: &str, secret: &str) -> String {
        let path = format!("/v1/streams/{id}/invites");
        let answer = self.post(&path, Some(secret), &json!({"valid_s": 3600})).await;
        answer.json::<InviteCreated>().await.unwrap().code
    }
}

/// A stream to register, with a pool of 3.6 units for each hour.
pub(crate) fn stream(id: &str) -> Value {
    json!({
        "stream": id, "title": format!("Live of {id}"), "streamer": id,
        "origin": format!("http://127.0.0.1:8080/live/{id}.m3u8"), "key": "ab".repeat(32),
        "pool_per_hour": 3_600_000, "currency": "EUR",
    })
}

/// A live of 4 Mb/s that began a second before [`START`].
pub(crate) fn live() -> Value {
    json!({
        "seed": SEED, "addresses": ["/ip4/127.0.0.1/udp/4001/quic-v1"],
        "live_since": START - 1000, "bitrate_bps": 4_000_000,
    })
}

/// The code of a refusal that is a proper problem.
pub(crate) async fn code_of(answer: Response) -> ErrorCode {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], Problem::MEDIA_TYPE, "status {status}");
    let problem: Problem = answer.json().await.unwrap();
    assert_eq!((problem.status, problem.status), (status, problem.code.status()));
    assert!(!problem.detail.is_empty());
    problem.code
}

/// Does the same `count` times at once.
pub(crate) async fn at_once<F: Future>(count: usize, one: impl Fn() -> F) -> Vec<F::Output> {
    futures::future::join_all((0..count).map(|_| one())).await
}

/// A node that supports “alice”.
pub(crate) struct Node {
    pub(crate) key: SecretKey,
    pub(crate) token: String,
    /// What it reports next.
    pub(crate) heartbeat: Heartbeat,
    /// What it was told last of whom it was assigned.
    pub(crate) grants: Vec<Granted>,
    /// What it signed last, by provider.
    pub(crate) signed: BTreeMap<NodeId, Receipt>,
}

impl Node {
    pub(crate) fn new(n: u8) -> Self {
        let key = SecretKey::from_seed([n; 32]);
        let heartbeat = Heartbeat {
            node: key.node_id(),
            stream: "alice".parse().unwrap(),
            session: 1000,
            number: 1,
            nonce: String::new(),
            activity: NodeActivity::Supporting,
            uplink_bps: BitsPerSecond(20_000_000),
            addresses: vec![format!("/ip4/127.0.0.1/udp/{}/quic-v1", 5000 + u16::from(n))],
            peers: 0,
            bytes_origin: 0,
        };
        Self { key, token: String::new(), heartbeat, grants: vec![], signed: BTreeMap::new() }
    }

    pub(crate) async fn enrolled(coordinator: &Running, n: u8) -> Self {
        let mut node = Self::new(n);
        node.enrol(coordinator, None).await.unwrap();
        node
    }

    pub(crate) fn id(&self) -> NodeId {
        self.key.node_id()
    }

    pub(crate) async fn challenge(&self, coordinator: &Running) -> String {
        let answer = coordinator.post("/v1/nodes/challenge", None, &json!({"node": self.id()})).await;
        answer.json::<Challenge>().await.unwrap().challenge
    }

    pub(crate) async fn proof(&self, coordinator: &Running) -> Signed<EnrolmentProof> {
        let challenge = self.challenge(coordinator).await;
        let coordinator = coordinator.url.trim_end_matches('/').to_owned();
        Signed::new(&EnrolmentProof { node: self.id(), challenge, coordinator }, &self.key)
    }

    pub(crate) fn enrolment(&self, proof: &Signed<EnrolmentProof>) -> Value {
        json!({"node": self.id(), "proof": proof, "invite": null})
    }

    pub(crate) async fn enrol(
        &mut self,
        coordinator: &Running,
        invite: Option<&str>,
    ) -> Result<(), ErrorCode> {
        let mut body = self.enrolment(&self.proof(coordinator).await);
        body["invite"] = json!(invite);
        let answer = coordinator.post("/v1/nodes", None, &body).await;
        if answer.status() != 200 {
            return Err(code_of(answer).await);
        }
        self.token = answer.json::<Enrolled>().await.unwrap().token;
        Ok(())
    }

    /// Sends the heartbeat as it is.
    pub(crate) async fn send(&self, coordinator: &Running) -> Response {
        coordinator.post("/v1/heartbeats", None, &self.report()).await
    }

    /// The heartbeat as it is sent.
    pub(crate) fn report(&self) -> Value {
        json!({"node": self.id(), "heartbeat": Signed::new(&self.heartbeat, &self.key)})
    }

    /// Makes the heartbeat the one after `answer`.
    pub(crate) fn follow(&mut self, answer: &HeartbeatAnswer) {
        self.heartbeat.number += 1;
        self.heartbeat.nonce.clone_from(&answer.nonce);
    }

    /// Sends the heartbeat and takes the answer in.
    pub(crate) async fn beat(&mut self, coordinator: &Running) -> HeartbeatAnswer {
        let answer = self.send(coordinator).await;
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        let answer: HeartbeatAnswer = answer.json().await.unwrap();
        self.follow(&answer);
        if !answer.grants.is_empty() {
            self.grants.clone_from(&answer.grants);
        }
        answer
    }

    /// The receipt after the last that this consumer signed for `provider`, all blocks on time, as of now.
    pub(crate) fn sign(
        &mut self,
        coordinator: &Running,
        provider: NodeId,
        bytes: u64,
        blocks: u32,
    ) -> Receipt {
        let window = Window::of(coordinator.clock.now());
        let before = self.signed.get(&provider).filter(|last| last.window == window);
        let granted = self.grants.iter().find(|one| one.provider == provider && one.window == window);
        let receipt = Receipt {
            window,
            grant: granted.map(|one| one.grant.id()),
            sequence: before.map_or(0, |last| last.sequence) + 1,
            bytes: before.map_or(0, |last| last.bytes) + bytes,
            blocks: before.map_or(0, |last| last.blocks) + blocks,
            on_time: before.map_or(0, |last| last.on_time) + blocks,
            ..self.receipt(provider)
        };
        self.signed.insert(provider, receipt.clone());
        receipt
    }

    /// A receipt of its session about nothing.
    fn receipt(&self, provider: NodeId) -> Receipt {
        Receipt {
            stream: self.heartbeat.stream.clone(),
            window: Window(0),
            provider,
            consumer: self.id(),
            grant: None,
            session: self.heartbeat.session,
            sequence: 1,
            bytes: 0,
            blocks: 0,
            on_time: 0,
            bad: 0,
            missed: 0,
        }
    }

    /// Signs as the provider what `consumer` signed.
    pub(crate) fn countersign(&self, consumer: &Node, receipt: &Receipt) -> SignedByBoth {
        SignedByBoth::new(consumer.id(), Signed::new(receipt, &consumer.key), &self.key)
    }

    /// Hands in receipts; why the first was refused, if any was.
    pub(crate) async fn hand_in(
        &self,
        coordinator: &Running,
        receipts: Vec<SignedByBoth>,
    ) -> Option<RefusalReason> {
        let path = format!("/v1/nodes/{}/receipts", self.id());
        let answer = coordinator.post(&path, Some(&self.token), &ReceiptsRequest { receipts }).await;
        assert_eq!(answer.status(), 200);
        answer.json::<ReceiptsAnswer>().await.unwrap().refused.first().map(|refused| refused.reason)
    }

    /// `consumer` gets so much of this node, signs for it, and this node hands that in.
    pub(crate) async fn deliver(&self, coordinator: &Running, consumer: &mut Node, bytes: u64, blocks: u32) {
        let receipt = consumer.sign(coordinator, self.id(), bytes, blocks);
        let both = self.countersign(consumer, &receipt);
        assert_eq!(self.hand_in(coordinator, vec![both]).await, None);
    }

    /// The operator trusts this node about others.
    pub(crate) async fn measures(&self, coordinator: &Running) {
        let path = format!("/v1/measurers/{}", self.id());
        assert_eq!(coordinator.put(&path, Some(&coordinator.operator), &()).await.status(), 204);
    }

    /// Hands in what this measurer signed; why it was refused, if it was.
    pub(crate) async fn sample(&self, coordinator: &Running, receipt: &Receipt) -> Option<RefusalReason> {
        let path = format!("/v1/nodes/{}/samples", self.id());
        let samples = vec![Signed::new(receipt, &self.key)];
        let answer = coordinator.post(&path, Some(&self.token), &SamplesRequest { samples }).await;
        assert_eq!(answer.status(), 200);
        answer.json::<ReceiptsAnswer>().await.unwrap().refused.first().map(|refused| refused.reason)
    }

    /// Makes the heartbeat the first of its session.
    pub(crate) fn begin_again(&mut self) {
        self.heartbeat.number = 1;
        self.heartbeat.nonce.clear();
    }

    pub(crate) async fn members(&self, coordinator: &Running) -> Membership {
        let answer = coordinator.get_as("/v1/streams/alice/members", Some(&self.token)).await;
        answer.json().await.unwrap()
    }

    pub(crate) async fn impact(&self, coordinator: &Running) -> Impact {
        let path = format!("/v1/nodes/{}/impact", self.id());
        coordinator.get_as(&path, Some(&self.token)).await.json().await.unwrap()
    }
}
