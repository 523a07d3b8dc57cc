//! What storage promises, whatever database is behind it: a table of cases that runs on SQLite and on
//! PostgreSQL. A module of storage states its promises in a file here and adds its table to [`all`].

#![cfg(unix)]

/// A table of these functions.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        &[$((concat!(module_path!(), "::", stringify!($case)), |fresh| Box::pin($case(fresh)))),*]
    };
}

/// The value of `body`, which has a transaction that is committed then.
macro_rules! within {
    ($fresh:expr, |$tx:ident| $body:expr) => {{
        let mut transaction = $fresh.storage.write().await.unwrap();
        let $tx = &mut transaction;
        let result = $body;
        transaction.commit().await.unwrap();
        result
    }};
}

mod accounts;
mod deliveries;
mod layout;
mod ledger;
mod members;
mod nodes;
mod people;
mod postgres_alone;
mod probes;
mod streams;
mod transactions;
mod uptimes;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::{BoxFuture, join_all};
use sqlx::{Connection, PgConnection};
use streamr_coordinator_api::RegisterStream;
use streamr_model::{NodeId, StreamId, UnixMs};
use tempfile::TempDir;

use super::{Database, NewStream, Storage, Tx};
use crate::secret::SecretHash;
use crate::testing::ON_POSTGRES;
use crate::testing::private_postgres::PrivatePostgres;

/// A promise: its name, and what shows that it holds.
type Case = (&'static str, fn(Fresh) -> BoxFuture<'static, ()>);

fn all() -> Vec<Case> {
    let tables: [&[Case]; 10] = [
        transactions::CASES,
        nodes::CASES,
        streams::CASES,
        members::CASES,
        deliveries::CASES,
        probes::CASES,
        uptimes::CASES,
        ledger::CASES,
        accounts::CASES,
        people::CASES,
    ];
    tables.concat()
}

/// An empty database.
#[derive(Clone)]
pub(super) struct Fresh {
    storage: Storage,
    database: Database,
    _dir: Arc<TempDir>,
}

impl Fresh {
    async fn on_sqlite() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let database = Database::Sqlite(dir.path().join("coordinator.sqlite"));
        Self { storage: Storage::open(&database).await.unwrap(), database, _dir: dir }
    }

    async fn on_postgres(server: &str) -> Self {
        let database = Schema::create(server).await.database();
        let dir = Arc::new(tempfile::tempdir().unwrap());
        Self { storage: Storage::open(&database).await.unwrap(), database, _dir: dir }
    }

    async fn read(&self) -> Tx {
        self.storage.read().await.unwrap()
    }

    /// With these streams, and the nodes 1 to `nodes` enrolled.
    async fn with(self, streams: &[&str], nodes: u8) -> Self {
        within!(self, |tx| {
            for id in streams {
                assert!(register(tx, id).await);
            }
            for n in 1..=nodes {
                tx.enrol(&node(n), token(n), NOW).await.unwrap();
            }
        });
        self
    }
}

/// A part of a PostgreSQL database in which nobody else is.
pub(crate) struct Schema {
    pub(crate) name: String,
    url: String,
}

impl Schema {
    pub(crate) async fn create(server: &str) -> Self {
        static CREATED: AtomicU32 = AtomicU32::new(0);
        let name = format!("s{}_{}", std::process::id(), CREATED.fetch_add(1, Ordering::SeqCst));
        let mut connection = PgConnection::connect(server).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {name}")))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        Self { url: format!("{server}&options=-c%20search_path%3D{name}"), name }
    }

    pub(crate) fn database(&self) -> Database {
        Database::from_argument(self.url.as_ref()).unwrap()
    }
}

const NOW: UnixMs = UnixMs(1_795_000_000_000);
/// More than there are connections.
const MANY: u8 = 20;

fn node(n: u8) -> NodeId {
    NodeId([n; 32])
}

fn stream(id: &str) -> StreamId {
    id.parse().unwrap()
}

fn token(n: u8) -> SecretHash {
    SecretHash::of(&format!("token {n}"))
}

fn request(id: &str, streamer: &str) -> RegisterStream {
    RegisterStream {
        stream: stream(id),
        title: format!("Live of {streamer}"),
        streamer: streamer.to_owned(),
        origin: "http://127.0.0.1:8080/live/a.m3u8".parse().unwrap(),
        key: None,
        pool_per_hour: None,
        currency: None,
    }
}

async fn register(tx: &mut Tx, id: &str) -> bool {
    let new = NewStream { request: &request(id, id), secret: SecretHash::of(id) };
    tx.register_stream(&new, NOW).await.unwrap()
}

/// Does `what` for 1 to `count` at the same time, each in a task.
async fn at_once<F>(count: u8, what: impl Fn(u8) -> F) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let tasks: Vec<_> = (1..=count).map(|n| tokio::spawn(what(n))).collect();
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// Runs every case in a database of its own and names those that failed; what they said stands above.
async fn hold<F: Future<Output = Fresh>>(cases: &[Case], fresh: impl Fn() -> F) {
    let mut broken = Vec::new();
    for (name, case) in cases {
        if tokio::spawn(case(fresh().await)).await.is_err() {
            broken.push(*name);
        }
    }
    assert!(broken.is_empty(), "{} of {} promises are broken: {broken:#?}", broken.len(), cases.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promise_holds_on_sqlite() {
    hold(&all(), Fresh::on_sqlite).await;
}

/// Nothing of it matters after a crash of the machine.
const FAST: [&str; 2] = ["fsync=off", "full_page_writes=off"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promise_holds_on_postgresql() {
    let server = PrivatePostgres::start(&FAST);
    let cases: Vec<Case> = [all().as_slice(), postgres_alone::CASES, layout::CASES].concat();
    let url = server.url();
    hold(&cases, || Fresh::on_postgres(&url)).await;
}

/// Runs this program's tests of handlers again, over HTTP as they are, on PostgreSQL.
fn hold_on_postgresql(which: &[&str]) {
    let server = PrivatePostgres::start(&FAST);
    let tests = std::process::Command::new(std::env::current_exe().unwrap())
        .args(which)
        .args(["--test-threads", "4"])
        .env(ON_POSTGRES, server.url())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tests.stdout);
    assert!(tests.status.success(), "{said}{}", String::from_utf8_lossy(&tests.stderr));
    assert!(!said.contains(" 0 passed"), "no test was found: {said}");
}

#[test]
fn what_every_handler_promises_holds_on_postgresql() {
    hold_on_postgresql(&["handlers::", "reporting::", "--skip", "handlers::old::"]);
}

#[test]
fn what_the_old_surface_promises_holds_on_postgresql() {
    hold_on_postgresql(&["handlers::old::"]);
}
