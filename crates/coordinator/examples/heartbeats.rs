//! How many heartbeats a coordinator takes in: nodes that report as fast as they are answered, over HTTP on
//! loopback. Load and coordinator share the machine.
//!
//! `cargo run --release -p streamr-coordinator --example heartbeats -- sqlite` prints one line of JSON;
//! `postgres` starts a server of its own (with a disk that is waited for), `postgres-async` one with
//! `synchronous_commit=off`. Then may follow the nodes, the requests under way, the seconds.

#![cfg_attr(not(unix), allow(unused))]
#![expect(clippy::print_stdout, reason = "the result is what it is run for")]
#![allow(clippy::unwrap_used, reason = "a server that does not start ends the bench")]

#[cfg(unix)]
#[path = "../src/testing/private_postgres.rs"]
mod private_postgres;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, future, stream};
use serde_json::{Value, json};
use streamr_coordinator::{Config, Coordinator, Database, RateLimit, SystemClock};
use streamr_model::{BitsPerSecond, EnrolmentProof, Heartbeat, NodeActivity, SecretKey, Signed};

struct Bench {
    url: String,
    http: reqwest::Client,
}

impl Bench {
    async fn post(&self, path: &str, token: Option<&str>, body: &impl serde::Serialize) -> Result<Value> {
        let mut request = self.http.post(format!("{}/v1/{path}", self.url)).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    async fn enrolled(&self, n: usize) -> Result<Node> {
        let key = SecretKey::from_seed(*blake3::hash(&n.to_be_bytes()).as_bytes());
        let node = key.node_id();
        let challenge = self.post("nodes/challenge", None, &json!({"node": node})).await?;
        let challenge = challenge["challenge"].as_str().context("a challenge")?.to_owned();
        let proof = EnrolmentProof { node, challenge, coordinator: self.url.clone() };
        let enrol = json!({"node": node, "proof": Signed::new(&proof, &key), "invite": null});
        self.post("nodes", None, &enrol).await?;
        Ok(Node { key, number: 0, nonce: String::new() })
    }
}

struct Node {
    key: SecretKey,
    number: u64,
    nonce: String,
}

impl Node {
    /// Reports once; how long the answer took.
    async fn report(&mut self, bench: &Bench) -> Result<Duration> {
        self.number += 1;
        let heartbeat = Heartbeat {
            node: self.key.node_id(),
            stream: "alice".parse()?,
            session: 1,
            number: self.number,
            nonce: std::mem::take(&mut self.nonce),
            activity: NodeActivity::Supporting,
            uplink_bps: BitsPerSecond(20_000_000),
            addresses: vec!["/ip4/192.0.2.200/udp/40000/quic-v1".into(), "/ip4/192.0.2.200/tcp/40000".into()],
            peers: 3,
            bytes_origin: 0,
        };
        let report = json!({"node": heartbeat.node, "heartbeat": Signed::new(&heartbeat, &self.key)});
        let begun = Instant::now();
        let answer = bench.post("heartbeats", None, &report).await?;
        let took = begun.elapsed();
        self.nonce = answer["nonce"].as_str().context("a nonce")?.to_owned();
        Ok(took)
    }
}

/// Each of `at_once` shares of the nodes reports in turn until `end`; how long each answer took.
async fn load(bench: &Bench, nodes: &mut [Node], at_once: usize, end: Instant) -> Result<Vec<Duration>> {
    let shares = nodes.chunks_mut(nodes.len().div_ceil(at_once)).map(|share| async move {
        let mut times = Vec::new();
        for turn in (0..share.len()).cycle() {
            if Instant::now() >= end {
                break;
            }
            times.push(share[turn].report(bench).await?);
        }
        Ok::<_, anyhow::Error>(times)
    });
    Ok(future::try_join_all(shares).await?.concat())
}

async fn run(database: Database, which: &str, nodes: usize, at_once: usize, seconds: u64) -> Result<()> {
    let operator = "the operator's token, long enough".to_owned();
    let mut config = Config::new(database, operator.clone());
    config.rate_limit = RateLimit::Off;
    let coordinator = Coordinator::start(config, Arc::new(SystemClock)).await?;
    let url = coordinator.url().to_string().trim_end_matches('/').to_owned();
    let bench = Bench { url, http: reqwest::Client::new() };
    let alice = json!({
        "stream": "alice", "title": "Live", "streamer": "Alice", "key": "ab".repeat(32),
        "origin": "http://127.0.0.1:8080/live/alice.m3u8", "pool_per_hour": null, "currency": null,
    });
    bench.post("streams", Some(&operator), &alice).await?;
    let enrolling = stream::iter(0..nodes).map(|n| bench.enrolled(n)).buffer_unordered(at_once);
    let mut supporters: Vec<Node> = enrolling.try_collect().await?;
    // The first report of each is a join, which is another matter.
    let begun = Instant::now();
    stream::iter(&mut supporters)
        .map(|node| node.report(&bench))
        .buffer_unordered(at_once)
        .try_collect::<Vec<_>>()
        .await?;
    let joined_s = begun.elapsed().as_secs_f64();

    let begun = Instant::now();
    let mut times = load(&bench, &mut supporters, at_once, begun + Duration::from_secs(seconds)).await?;
    let took_s = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let ms = |time: Duration| (time.as_secs_f64() * 1e5).round() / 100.0;
    let result = json!({
        "database": which, "nodes": nodes, "at_once": at_once,
        "joins_per_s": (nodes as f64 / joined_s).round(),
        "heartbeats_per_s": (times.len() as f64 / took_s).round(),
        "p50_ms": ms(times[times.len() / 2]), "p99_ms": ms(times[times.len() * 99 / 100]),
    });
    println!("{result}");
    coordinator.stop().await;
    Ok(())
}

#[cfg(unix)]
async fn on_postgres(settings: &[&str], run: impl AsyncFnOnce(Database) -> Result<()>) -> Result<()> {
    let server = private_postgres::PrivatePostgres::start(settings);
    run(Database::from_argument(server.url().as_ref())?).await
}

#[cfg(not(unix))]
async fn on_postgres(_: &[&str], _: impl AsyncFnOnce(Database) -> Result<()>) -> Result<()> {
    bail!("a PostgreSQL server is started on Unix only")
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let which = arguments.next().unwrap_or("sqlite".to_owned());
    let mut number = |otherwise: usize| arguments.next().map_or(Ok(otherwise), |text| text.parse());
    let (nodes, at_once, seconds) = (number(1000)?, number(32)?, number(5)?);
    let run = async |database| run(database, &which, nodes, at_once, seconds as u64).await;
    let dir = tempfile::tempdir()?;
    let file = |dir: &Path| Database::Sqlite(dir.join("coordinator.sqlite"));
    match which.as_str() {
        "sqlite" => run(file(dir.path())).await,
        "postgres" => on_postgres(&[], run).await,
        "postgres-async" => on_postgres(&["synchronous_commit=off"], run).await,
        _ => bail!("sqlite, postgres or postgres-async?"),
    }
}
