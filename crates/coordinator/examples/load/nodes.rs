//! Nodes that report, and the stream they report about.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::{Value, json};
use streamr_coordinator_api::{Challenge, Enrolled, HeartbeatAnswer, StreamRegistered};
use streamr_model::{
    BitsPerSecond, EnrolmentProof, Heartbeat, NodeActivity, NodeId, SecretKey, Signed, UnixMs,
};

use super::http::Connection;
use super::server::Server;

/// The stream's id.
pub(crate) const STREAM: &str = "alice";

/// Now, by the clock that the coordinator has as well.
pub(crate) fn now() -> UnixMs {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

/// A stream's signer: says that it is live, again and again.
pub(crate) struct Signer {
    connection: Connection,
    secret: String,
}

impl Signer {
    /// Registers the stream and goes live.
    pub(crate) async fn go_live(server: &Server) -> Result<Self> {
        let mut connection = Connection::open(&server.host).await?;
        let stream = json!({
            "stream": STREAM, "title": "Live", "streamer": "Alice", "key": "ab".repeat(32),
            "origin": "http://127.0.0.1:8080/live/alice.m3u8", "pool_per_hour": 3_600_000, "currency": "EUR",
        });
        let registered: StreamRegistered =
            connection.post("/v1/streams", Some(&server.operator), &stream).await?;
        let mut this = Self { connection, secret: registered.publish_secret };
        this.repeat().await?;
        Ok(this)
    }

    async fn repeat(&mut self) -> Result<()> {
        let live = json!({
            "seed": "5e".repeat(32), "addresses": ["/ip4/192.0.2.9/udp/1/quic-v1"],
            "live_since": 1, "bitrate_bps": 4_000_000,
        });
        let (path, body) = (format!("/v1/streams/{STREAM}/live"), serde_json::to_vec(&live)?);
        self.connection.ask("PUT", &path, Some(&self.secret), &body).await?;
        Ok(())
    }

    /// Stays live until `work` is done.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let staying = async {
            loop {
                tokio::time::sleep(Duration::from_secs(5)).await;
                if let Err(error) = self.repeat().await {
                    return error;
                }
            }
        };
        tokio::select! {
            done = work => done,
            error = staying => Err(error),
        }
    }
}

/// An enrolled node.
pub(crate) struct Node {
    pub(crate) key: SecretKey,
    pub(crate) token: String,
    number: u64,
    nonce: String,
    uplink_bps: u64,
}

impl Node {
    /// Enrols node `n`.
    async fn enrol(n: usize, connection: &mut Connection, host: &str) -> Result<Self> {
        let key = SecretKey::from_seed(*blake3::hash(&n.to_be_bytes()).as_bytes());
        let node = key.node_id();
        let asked = json!({ "node": node });
        let Challenge { challenge, .. } = connection.post("/v1/nodes/challenge", None, &asked).await?;
        let proof = EnrolmentProof { node, challenge, coordinator: format!("http://{host}") };
        let enrol = json!({"node": node, "proof": Signed::new(&proof, &key), "invite": null});
        let Enrolled { token } = connection.post("/v1/nodes", None, &enrol).await?;
        let uplink_bps = 1_000_000 * (1 + n as u64 % 97);
        Ok(Self { key, token, number: 0, nonce: String::new(), uplink_bps })
    }

    pub(crate) fn id(&self) -> NodeId {
        self.key.node_id()
    }

    /// Reports once; how long the answer took since `due`.
    pub(crate) async fn report(&mut self, connection: &mut Connection, due: Instant) -> Result<Duration> {
        self.number += 1;
        let heartbeat = Heartbeat {
            node: self.id(),
            stream: STREAM.parse()?,
            session: 1,
            number: self.number,
            nonce: std::mem::take(&mut self.nonce),
            activity: NodeActivity::Supporting,
            uplink_bps: BitsPerSecond(self.uplink_bps),
            addresses: vec!["/ip4/192.0.2.200/udp/40000/quic-v1".into(), "/ip4/192.0.2.200/tcp/40000".into()],
            peers: 3,
            bytes_origin: 0,
        };
        let report = json!({"node": heartbeat.node, "heartbeat": Signed::new(&heartbeat, &self.key)});
        let answer: HeartbeatAnswer = connection.post("/v1/heartbeats", None, &report).await?;
        self.nonce = answer.nonce;
        Ok(due.elapsed())
    }
}

/// Some nodes and the connection they share.
pub(crate) struct Share {
    pub(crate) connection: Connection,
    pub(crate) nodes: Vec<Node>,
}

impl Share {
    /// Every node of it reports once.
    pub(crate) async fn report_each(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            node.report(&mut self.connection, Instant::now()).await?;
        }
        Ok(())
    }
}

/// Enrols `count` nodes, shared out to `connections`.
pub(crate) async fn enrol(server: &Server, count: usize, connections: usize) -> Result<Vec<Share>> {
    let shares = (0..connections.min(count)).map(|first| async move {
        let mut connection = Connection::open(&server.host).await?;
        let mut nodes = Vec::new();
        for n in (first..count).step_by(connections) {
            nodes.push(Node::enrol(n, &mut connection, &server.host).await?);
        }
        anyhow::Ok(Share { connection, nodes })
    });
    try_join_all(shares).await
}

/// Lets every node report for the first time; how many did so in a second.
pub(crate) async fn join(shares: &mut [Share]) -> Result<f64> {
    let begun = Instant::now();
    try_join_all(shares.iter_mut().map(Share::report_each)).await?;
    let count: usize = shares.iter().map(|share| share.nodes.len()).sum();
    Ok(rate(count, begun.elapsed()))
}

/// So many in such a time, in a second.
pub(crate) fn rate(count: usize, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
    let count = count as f64;
    (count / took.as_secs_f64()).round()
}

/// `figures` as the one line that is printed.
pub(crate) fn object<const N: usize>(figures: [(&str, f64); N]) -> Value {
    figures
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
