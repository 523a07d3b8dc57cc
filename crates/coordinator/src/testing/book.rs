//! A database with streams that were live, below the HTTP interface: for tests of closing and of the book.

use std::path::PathBuf;

use streamr_coordinator_api::RegisterStream;
use streamr_model::{MicroUnits, NodeId, StreamId, UnixMs};
use tempfile::TempDir;

use super::deliver::deliver;
use super::{START, stream};
use crate::bookkeeping::deposit;
use crate::credit::Counts;
use crate::hour::Hour;
use crate::ledger::{Account, Currency};
use crate::secret::SecretHash;
use crate::storage::{Database, NewStream, Storage, Uptime};

/// The hour in which every test begins.
pub(crate) const FIRST: Hour = Hour(START / Hour::MS);

/// A moment at which [`FIRST`] and the `hours` after it are due.
pub(crate) fn due_after(hours: u64) -> UnixMs {
    UnixMs(Hour(FIRST.0 + hours).end().0 + 600_000)
}

pub(crate) fn eur() -> Currency {
    "EUR".parse().unwrap()
}

pub(crate) fn node(id: u8) -> NodeId {
    NodeId([id; 32])
}

/// A database of its own.
pub(crate) struct Books {
    pub(crate) dir: TempDir,
    pub(crate) storage: Storage,
}

impl Books {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Database::Sqlite(dir.path().join("coordinator.sqlite"))).await.unwrap();
        Self { dir, storage }
    }

    /// With “alice”, 100 units in her pool, and `nodes` nodes that supported her in the hour [`FIRST`].
    pub(crate) async fn with_hour(nodes: u8) -> Self {
        let books = Self::new().await;
        books.register("alice", 100_000_000).await;
        books.live("alice", FIRST, nodes).await;
        books
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("coordinator.sqlite")
    }

    pub(crate) async fn register(&self, id: &str, pool: i64) -> StreamId {
        let request: RegisterStream = serde_json::from_value(stream(id)).unwrap();
        let mut tx = self.storage.write().await.unwrap();
        let new = NewStream { request: &request, secret: SecretHash::of(id) };
        assert!(tx.register_stream(&new, UnixMs(START)).await.unwrap());
        let registered = tx.stream(&request.stream).await.unwrap().unwrap();
        if pool > 0 {
            let key = "first".parse().unwrap();
            deposit(&mut tx, &registered, (MicroUnits(pool), eur()), key, UnixMs(START)).await.unwrap();
        }
        tx.commit().await.unwrap();
        request.stream
    }

    /// A whole hour live in which each of `nodes` nodes was there and delivered something.
    pub(crate) async fn live(&self, id: &str, hour: Hour, nodes: u8) {
        let stream: StreamId = id.parse().unwrap();
        let mut tx = self.storage.write().await.unwrap();
        tx.add_live_time(&stream, hour, Hour::MS).await.unwrap();
        // All of them first: each is somebody's consumer. With a single node that is a second one.
        for id in 1..=nodes.max(2) {
            tx.enrol(&node(id), SecretHash::of(&format!("token {id}")), UnixMs(START)).await.unwrap();
        }
        for id in 1..=nodes {
            let time = Uptime { live_ms: Hour::MS / u64::from(id), ..Uptime::default() };
            tx.add_uptime(&stream, hour, &node(id), time).await.unwrap();
            let blocks = u64::from(id) * 1_000;
            let counts = Counts { bytes: blocks * 32_768, blocks, on_time: blocks - 7, bad: 1, missed: 0 };
            deliver(&mut tx, &stream, hour, node(id), node(id % nodes.max(2) + 1), counts).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// What is owed to all of `nodes` nodes.
    pub(crate) async fn owed(&self, nodes: u8) -> i64 {
        owed(&self.storage, nodes).await
    }
}

pub(crate) async fn owed(storage: &Storage, nodes: u8) -> i64 {
    let mut tx = storage.read().await.unwrap();
    let mut sum = 0;
    for id in 1..=nodes {
        sum += tx.balance(&Account::Payable(node(id)), eur()).await.unwrap().0;
    }
    sum
}
