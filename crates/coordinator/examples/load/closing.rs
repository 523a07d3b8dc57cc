//! What it costs to close an hour of ten thousand nodes, and to verify it.

#[path = "../../src/testing/deliver.rs"]
mod deliver;

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;
use streamr_coordinator::SecretHash;
use streamr_coordinator::closing::close_due;
use streamr_coordinator::credit::Counts;
use streamr_coordinator::hour::Hour;
use streamr_coordinator::ledger::{Account, Draft, Occasion};
use streamr_coordinator::storage::{NewStream, Storage, Uptime};
use streamr_coordinator::verify::{NoReceipts, verify};
use streamr_coordinator_api::RegisterStream;
use streamr_model::{MicroUnits, NodeId, StreamId, UnixMs};

use super::nodes::{STREAM, object};
use super::server::{Kind, OwnDatabase};

const NODES: u32 = 10_000;
const FIRST: Hour = Hour(500_000);

pub(crate) async fn run(kind: Kind) -> Result<Value> {
    let own = OwnDatabase::create(kind)?;
    let storage = Storage::open(&own.database()?).await?;
    let stream: StreamId = STREAM.parse().context("a stream's id")?;
    prepare(&storage, &stream).await?;
    let now = UnixMs(FIRST.end().0 + 600_000);
    let begun = Instant::now();
    let closed = close_due(&storage, &mut Hour(0), now).await?;
    let close_s = begun.elapsed().as_secs_f64();
    anyhow::ensure!(closed == 1, "{closed} hours were closed");
    let begun = Instant::now();
    verify(&storage, &NoReceipts, None).await?;
    let verify_s = begun.elapsed().as_secs_f64();
    storage.close().await;
    Ok(object([("close_s", close_s), ("verify_s", verify_s)]))
}

/// A stream with money, and an hour in which every node was there and delivered something.
async fn prepare(storage: &Storage, stream: &StreamId) -> Result<()> {
    let currency = "EUR".parse()?;
    let request = RegisterStream {
        stream: stream.clone(),
        title: "t".into(),
        streamer: "s".into(),
        origin: "http://127.0.0.1/a.m3u8".parse()?,
        key: None,
        pool_per_hour: Some(MicroUnits(1_000_000_000)),
        currency: Some("EUR".into()),
    };
    let mut tx = storage.write().await?;
    tx.register_stream(&NewStream { request: &request, secret: SecretHash::of("s") }, UnixMs(0)).await?;
    let mut deposit = Draft::new(Occasion::Deposit { stream: stream.clone(), key: "one".parse()? });
    let (from, to) = (Account::Deposits(stream.clone()), Account::Pool(stream.clone()));
    deposit.transfer(currency, from, to, MicroUnits(100_000_000_000));
    tx.write_entry(deposit, FIRST.start()).await?;
    for n in 0..NODES {
        let node = id(n);
        tx.enrol(&node, SecretHash::of(&n.to_string()), UnixMs(0)).await?;
    }
    tx.add_live_time(stream, FIRST, Hour::MS).await?;
    for n in 0..NODES {
        let live_ms = Hour::MS - u64::from(n);
        tx.add_uptime(stream, FIRST, &id(n), Uptime { live_ms, ..Uptime::default() }).await?;
        let blocks = 1_000 + u64::from(n);
        let counts = Counts { bytes: blocks * 32_768, blocks, on_time: blocks - 3, bad: 0, missed: 0 };
        deliver::deliver(&mut tx, stream, FIRST, id(n), id((n + 1) % NODES), counts).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn id(n: u32) -> NodeId {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b1).to_be_bytes());
    id[28..].copy_from_slice(&n.to_be_bytes());
    NodeId(id)
}
