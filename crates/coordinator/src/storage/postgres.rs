//! PostgreSQL: a server, several writers at a time.
//!
//! Writers are READ COMMITTED and lock what they decide from ([`super::locks`]); readers are REPEATABLE READ,
//! so that all they read is of one moment. They have connections of their own: writers that wait for a lock
//! keep no reader waiting. What was committed survives a power cut of the server, unless its operator
//! switched `synchronous_commit` off.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use sqlx::{ConnectOptions, Connection, PgPool, Postgres, Transaction};

use super::{PATIENCE, PostgresUrl, Result};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

const WRITERS: u32 = 8;
/// A transaction computes in the server as long as it waits here, so two keep two cores busy.
pub(super) const WRITERS_AT_ONCE: usize = 2;
const READERS: u32 = 4;
/// More than there are statements: each is prepared once for each connection.
const STATEMENTS: usize = 512;
/// A connection that was used so lately is not tried before it is used: that would be one more round trip.
const FRESH: Duration = Duration::from_secs(1);
/// What holds for every connection. A transaction whose coordinator has fallen silent gives its locks back.
const SETTINGS: [(&str, &str); 2] = [("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "30s")];

/// SQLSTATEs after which the same request may well succeed.
const BUSY: [&str; 7] = [
    "40001", // serialization_failure
    "40P01", // deadlock_detected
    "53300", // too_many_connections
    "55P03", // lock_not_available: the lock_timeout
    "57P01", // admin_shutdown
    "57P02", // crash_shutdown
    "57P03", // cannot_connect_now
];

#[derive(Debug, Clone)]
pub(super) struct Pools {
    writers: PgPool,
    readers: PgPool,
}

impl Pools {
    /// Several coordinators may do so at once: one brings the database up to date, the others wait.
    pub(super) async fn open(url: &PostgresUrl) -> Result<Self> {
        // Not from a pool, which would try until its patience ends and then say no more than that; and without
        // our settings, because another coordinator's migration may take its time.
        let mut first = patiently(url.options().connect()).await?;
        // Not `run`, whose future is not `Send`.
        MIGRATIONS.run_direct(None, &mut first, false).await?;
        first.close().await?;
        Ok(Self { writers: pool(WRITERS, url), readers: pool(READERS, url) })
    }

    pub(super) async fn open_to_read(url: &PostgresUrl) -> Result<Self> {
        // Says at once what is wrong, as in `open`.
        patiently(url.options().connect()).await?.close().await?;
        let writers = pool(1, url);
        // A pool that is closed gives nobody a connection, so nothing is written.
        writers.close().await;
        Ok(Self { writers, readers: pool(READERS, url) })
    }

    pub(super) async fn read(&self) -> Result<Transaction<'static, Postgres>> {
        Ok(self.readers.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?)
    }

    pub(super) async fn write(&self) -> Result<Transaction<'static, Postgres>> {
        Ok(self.writers.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE").await?)
    }

    /// Its commit is acknowledged before it is on the disk. What is acknowledged survives the death of this
    /// process and of the server's all the same; after a crash of the server's machine the last second of
    /// such commits may be missing, each whole, and nothing else.
    pub(super) async fn write_lightly(&self) -> Result<Transaction<'static, Postgres>> {
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE; SET LOCAL synchronous_commit = off";
        Ok(self.writers.begin_with(begin).await?)
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

fn pool(connections: u32, url: &PostgresUrl) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, used| {
            Box::pin(async move { Ok(used.idle_for < FRESH || connection.ping().await.is_ok()) })
        })
        .connect_lazy_with(url.options().options(SETTINGS).statement_cache_capacity(STATEMENTS))
}

async fn patiently<T>(connecting: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let timed_out = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 5 s");
    tokio::time::timeout(PATIENCE, connecting).await.map_err(timed_out)?
}

/// Whether waiting helps. A lost connection is that of a server that is being restarted.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| BUSY.contains(&code.as_ref())),
        _ => false,
    }
}
