//! SQLite: one file, one writing connection.
//!
//! There is one writing connection, so writers queue here instead of failing on a locked file. The file is
//! in WAL mode with `synchronous=NORMAL`: after `kill -9` nothing that was committed is missing; after a
//! power cut the last moments may be, but the file is never corrupt. That is the right side of the trade
//! for heartbeats, which are most of the writes: a node whose last one is missing begins a new session.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

use super::{PATIENCE, Result, StorageError};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

const READERS: u32 = 4;

#[derive(Debug, Clone)]
pub(super) struct Pools {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Pools {
    pub(super) async fn open(path: &Path) -> Result<Self> {
        create_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        // A file does not hang up, so a connection need not be tried before it is used.
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(PATIENCE)
                .test_before_acquire(false)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        // Not `run`, whose future is not `Send`.
        MIGRATIONS.run_direct(None, &mut *writer.acquire().await?, false).await?;
        let readers = pool(READERS).connect_with(options.pragma("query_only", "ON")).await?;
        Ok(Self { writer, readers })
    }

    pub(super) async fn open_to_read(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).create_if_missing(false);
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
        let readers = pool.connect_with(options.pragma("query_only", "ON")).await?;
        Ok(Self { writer: readers.clone(), readers })
    }

    pub(super) async fn read(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.readers.begin().await?)
    }

    pub(super) async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Makes the file for its owner only, if it is missing: it knows the addresses of people's homes. SQLite gives
/// the files beside it the same permissions.
fn create_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(StorageError::File)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::storage::{Database, Storage};

    /// The layouts that databases in the field were made with, by number: how their texts begin in SHA-384.
    const RELEASED: [(i64, &str); 2] = [(1, "ee983c7d615ccfcc902bb36d"), (2, "ea90b7642f7797a6e48cf7dd")];

    #[test]
    fn released_layouts_are_as_they_were_released() {
        for (version, begins) in RELEASED {
            let migration = MIGRATIONS.iter().find(|migration| migration.version == version).unwrap();
            let checksum = migration.checksum.iter().fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").unwrap();
                text
            });
            assert!(checksum.starts_with(begins), "{version} is now {checksum}: add a new one instead");
        }
    }

    /// A database as the first release left it, with a node that supports a stream.
    async fn database_of_the_first_release(path: &Path) {
        create_private(path).unwrap();
        let old = SqlitePool::connect_with(
            SqliteConnectOptions::new().filename(path).journal_mode(SqliteJournalMode::Wal),
        )
        .await
        .unwrap();
        MIGRATIONS.run_to(2, &old).await.unwrap();
        sqlx::raw_sql(
            "INSERT INTO streams VALUES ('alice', 't', 'Alice', 'http://o/a', NULL, 5, 'EUR', zeroblob(32), 7, 1);
             INSERT INTO nodes VALUES (zeroblob(32), zeroblob(32), 1);
             INSERT INTO sessions VALUES (zeroblob(32), zeroblob(8), 'alice', 3, 'a', 'b', 'supporting', 1, 2, 0, 1,
                                          1000, '[\"/ip4/127.0.0.1/tcp/1\"]');
             INSERT INTO credits VALUES ('alice', 1, zeroblob(32), zeroblob(32), 100, 2, 2, 0);",
        )
        .execute(&old)
        .await
        .unwrap();
        old.close().await;
    }

    #[tokio::test]
    async fn a_database_of_the_first_release_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("coordinator.sqlite");
        database_of_the_first_release(&path).await;

        let storage = Storage::open(&Database::Sqlite(path)).await.unwrap();
        let (stream, node) = ("alice".parse().unwrap(), streamr_model::NodeId([0; 32]));
        let mut tx = storage.write().await.unwrap();
        let session = tx.session(&node).await.unwrap().unwrap();
        assert_eq!((session.number, session.nonce_given.as_str()), (3, "b"));
        assert_eq!(session.shown.unwrap().addresses, ["/ip4/127.0.0.1/tcp/1"]);
        assert_eq!(tx.delivered(&node, crate::hour::Hour(0)).await.unwrap().bytes_ever, 100);
        assert_eq!(tx.membership_changed(&stream).await.unwrap(), 8);
        tx.commit().await.unwrap();
        storage.close().await;
    }

    #[tokio::test]
    async fn a_database_of_a_later_release_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(dir.path().join("coordinator.sqlite"));
        let storage = Storage::open(&database).await.unwrap();
        let crate::storage::Pools::Sqlite(pools) = &storage.0 else { panic!("it is a file") };
        sqlx::raw_sql(
            "INSERT INTO _sqlx_migrations VALUES (9999, 'of the future', 0, TRUE, zeroblob(48), 0)",
        )
        .execute(&pools.writer)
        .await
        .unwrap();
        storage.close().await;
        let error = Storage::open(&database).await.unwrap_err();
        assert!(error.to_string().contains("9999"), "{error}");
    }
}
