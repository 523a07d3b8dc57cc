//! What must last, in SQLite. The only place with SQL; one file for each noun.
//!
//! Callers see two kinds of transaction, [`Storage::read`] and [`Storage::write`], with methods in the words
//! of the house: no SQL, row or database type crosses this boundary, so that PostgreSQL can come behind it.
//! A transaction that is dropped without [`Tx::commit`] never happened.
//!
//! There is one writing connection, so writers queue here instead of failing on a locked file. The file is
//! in WAL mode with `synchronous=NORMAL`: after `kill -9` nothing that was committed is missing; after a
//! power cut the last moments may be, but the file is never corrupt. That is the right side of the trade
//! for heartbeats, which are most of the writes: a node whose last one is missing begins a new session.

mod account_invites;
mod account_nodes;
mod account_passkeys;
mod account_sessions;
mod account_streams;
mod accounts;
mod deliveries;
mod epochs;
#[cfg(test)]
pub(crate) mod fault;
mod grants;
mod invites;
mod ledger;
mod lives;
mod members;
mod nodes;
mod old_earnings;
mod old_nodes;
mod old_streams;
mod payouts;
mod receipts;
mod sessions;
mod streams;
mod uptimes;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use streamr_model::{NodeId, StreamId, StreamKey, UnixMs};

pub use account_passkeys::{Ceremony, StoredPasskey};
pub use account_sessions::PersonSession;
pub use accounts::NewStanding;
pub use deliveries::Delivered;
pub use epochs::{ClosedEpoch, NodeShare};
pub use grants::Assigned;
pub use invites::{Invite, UseOfInvite};
pub use ledger::{LedgerError, RecordedBalance};
pub use lives::Live;
pub use members::Member;
pub use old_earnings::{OldEarned, OldEarnedEver};
pub use old_nodes::{DueNode, OldNode};
pub use old_streams::OldStream;
pub use receipts::KeptReceipt;
pub use streams::{NewStream, Stream};
pub use uptimes::Uptime;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();
const READERS: u32 = 4;
/// How long a request waits for a connection before it is told that the coordinator is busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why storage failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file cannot be made or written to.
    #[error("{0}")]
    File(#[source] std::io::Error),
    /// The database itself: disk full, file gone, locked by another program.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The file cannot be brought to this version's layout.
    #[error("the database cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored value is not what this version writes there.
    #[error("the database holds a {what} that cannot be read")]
    Unreadable {
        /// Which value.
        what: &'static str,
    },
}

impl StorageError {
    /// Whether waiting helps: too many requests wanted the database at once.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::PoolTimedOut))
    }
}

type Result<T, E = StorageError> = std::result::Result<T, E>;

/// The database.
#[derive(Debug, Clone)]
pub struct Storage {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Storage {
    /// Opens the file, creating it and bringing it up to date as needed.
    pub async fn open(path: &Path) -> Result<Self> {
        create_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let pool = |connections| {
            SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        MIGRATIONS.run(&writer).await?;
        let readers = pool(READERS).connect_with(options.pragma("query_only", "ON")).await?;
        Ok(Self { writer, readers })
    }

    /// Opens the file to read it only, as it is: nothing is created or brought up to date.
    pub async fn open_to_read(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).create_if_missing(false);
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        let readers = pool.connect_with(options.pragma("query_only", "ON")).await?;
        Ok(Self { writer: readers.clone(), readers })
    }

    /// A consistent view to read from.
    pub async fn read(&self) -> Result<Tx> {
        Ok(Tx(self.readers.begin().await?))
    }

    /// A transaction that writes. There is one at a time.
    pub async fn write(&self) -> Result<Tx> {
        Ok(Tx(self.writer.begin_with("BEGIN IMMEDIATE").await?))
    }

    /// Waits for what is under way and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A transaction: every read in it sees one state, every write in it happens or none does.
#[derive(Debug)]
pub struct Tx(sqlx::Transaction<'static, Sqlite>);

impl Tx {
    /// Makes what was written last.
    pub async fn commit(self) -> Result<()> {
        #[cfg(test)]
        fault::statement();
        Ok(self.0.commit().await?)
    }

    fn db(&mut self) -> &mut SqliteConnection {
        #[cfg(test)]
        fault::statement();
        &mut self.0
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

// SQLite's integers are signed 64-bit. Whatever is larger is stored as the largest.

fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn time(value: i64) -> UnixMs {
    UnixMs(uint(value))
}

fn blob(node: &NodeId) -> &[u8] {
    &node.0
}

fn node_id(bytes: &[u8]) -> Result<NodeId> {
    bytes.try_into().map(NodeId).map_err(|_| StorageError::Unreadable { what: "node id" })
}

fn stream_key(bytes: &[u8]) -> Result<StreamKey> {
    bytes.try_into().map(StreamKey).map_err(|_| StorageError::Unreadable { what: "stream key" })
}

fn stream_id(text: &str) -> Result<StreamId> {
    text.parse().map_err(|_| StorageError::Unreadable { what: "stream id" })
}

/// Address lists are JSON texts.
fn addresses_text(addresses: &[String]) -> String {
    serde_json::to_string(addresses).expect("a list of texts is always JSON")
}

fn addresses(text: &str) -> Result<Vec<String>> {
    serde_json::from_str(text).map_err(|_| StorageError::Unreadable { what: "list of addresses" })
}
