//! What `GET /v1/streams/{stream}/members` costs in a swarm of so many supporters: a coordinator on a temporary
//! file, asked over HTTP on loopback.
//!
//! `cargo run --release -p streamr-coordinator --example members_cost -- 10000` prints one line of JSON. More than
//! 16,384, which is how many may enrol in a minute, are refused.

#![expect(clippy::print_stdout, reason = "the result is what it is run for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use streamr_coordinator::{Config, Coordinator, RateLimit, SystemClock};
use streamr_model::{BitsPerSecond, EnrolmentProof, Heartbeat, NodeActivity, SecretKey, Signed};

/// Requests under way while the swarm is made and while throughput is measured.
const AT_ONCE: usize = 16;
const ASKED: usize = 2_000;

struct Bench {
    url: String,
    http: reqwest::Client,
}

impl Bench {
    async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Result<Value> {
        let mut request = self.http.post(format!("{}/v1/{path}", self.url)).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// Enrols node `n` and lets it report; its token.
    async fn support(&self, n: usize) -> Result<String> {
        let key = SecretKey::from_seed(*blake3::hash(&n.to_be_bytes()).as_bytes());
        let node = key.node_id();
        let challenge = self.post("nodes/challenge", None, &json!({"node": node})).await?;
        let challenge = challenge["challenge"].as_str().context("a challenge")?.to_owned();
        let proof = EnrolmentProof { node, challenge, coordinator: self.url.clone() };
        let enrol = json!({"node": node, "proof": Signed::new(&proof, &key), "invite": null});
        let enrolled = self.post("nodes", None, &enrol).await?;
        let heartbeat = Heartbeat {
            node,
            stream: "alice".parse()?,
            session: 1,
            number: 1,
            nonce: String::new(),
            activity: NodeActivity::Supporting,
            uplink_bps: BitsPerSecond(1_000_000 * (1 + n as u64 % 97)),
            addresses: vec!["/ip4/192.0.2.200/udp/40000/quic-v1".into(), "/ip4/192.0.2.200/tcp/40000".into()],
            peers: 0,
            bytes_origin: 0,
        };
        let report = json!({"node": node, "heartbeat": Signed::new(&heartbeat, &key)});
        self.post("heartbeats", None, &report).await?;
        Ok(enrolled["token"].as_str().context("a token")?.to_owned())
    }

    /// Asks for the members; how long that took, and the answer's bytes.
    async fn ask(&self, token: &str) -> Result<(Duration, usize)> {
        let begun = Instant::now();
        let request = self.http.get(format!("{}/v1/streams/alice/members", self.url)).bearer_auth(token);
        let answer = request.send().await?.error_for_status()?;
        let bytes = answer.bytes().await?.len();
        Ok((begun.elapsed(), bytes))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let supporters: usize = std::env::args().nth(1).as_deref().unwrap_or("10000").parse()?;
    let dir = tempfile::tempdir()?;
    let operator = "the operator's token, long enough".to_owned();
    let mut config = Config::new(dir.path().join("coordinator.sqlite"), operator.clone());
    config.rate_limit = RateLimit::Off;
    let coordinator = Coordinator::start(config, Arc::new(SystemClock)).await?;
    let url = coordinator.url().to_string().trim_end_matches('/').to_owned();
    let bench = Bench { url, http: reqwest::Client::new() };
    let alice = json!({
        "stream": "alice", "title": "Live", "streamer": "Alice", "key": "ab".repeat(32),
        "origin": "http://127.0.0.1:8080/live/alice.m3u8", "pool_per_hour": null, "currency": null,
    });
    bench.post("streams", Some(&operator), &alice).await?;

    let begun = Instant::now();
    let tokens: Vec<String> =
        stream::iter(0..supporters).map(|n| bench.support(n)).buffer_unordered(AT_ONCE).try_collect().await?;
    let joined_s = begun.elapsed().as_secs_f64();

    // The first to ask has the table made, and the electors written.
    let (first, _) = bench.ask(&tokens[0]).await?;
    let askers = || tokens.iter().cycle().step_by(7).take(ASKED);
    let (mut times, mut bytes) = (Vec::new(), 0);
    for token in askers() {
        let (took, len) = bench.ask(token).await?;
        times.push(took);
        bytes += len;
    }
    times.sort_unstable();
    let begun = Instant::now();
    let asked = stream::iter(askers()).map(|token| bench.ask(token)).buffer_unordered(AT_ONCE);
    asked.try_collect::<Vec<_>>().await?;
    let per_s = ASKED as f64 / begun.elapsed().as_secs_f64();
    let ms = |time: Duration| (time.as_secs_f64() * 1e5).round() / 100.0;
    let result = json!({
        "supporters": supporters, "joins_per_s": (supporters as f64 / joined_s).round(),
        "first_ms": ms(first), "p50_ms": ms(times[ASKED / 2]), "p99_ms": ms(times[ASKED * 99 / 100]),
        "asked_per_s": per_s.round(), "answer_bytes": bytes / ASKED,
    });
    println!("{result}");
    coordinator.stop().await;
    Ok(())
}
