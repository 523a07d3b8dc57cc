//! What must last, in SQLite or PostgreSQL. The only place with SQL; one file for each noun.
//!
//! Callers see two kinds of transaction, [`Storage::read`] and [`Storage::write`], with methods in the words
//! of the house: no SQL, row or database type crosses this boundary. A transaction that is dropped without
//! [`Tx::commit`] never happened; one in which a method failed is to be dropped.
//!
//! # Writing a module
//! A statement is written once, for both databases, and runs through `on!`:
//!
//! ```ignore
//! let row: Option<i64> = on!(self, |db| sqlx::query_scalar("SELECT x FROM t WHERE id = $1")
//!     .bind(blob(node))
//!     .fetch_optional(db)
//!     .await)?;
//! on!(self, |db| sqlx::query("DELETE FROM t").execute(db).await.map(drop))?;
//! let deleted: u64 = on!(self, |db| sqlx::query("DELETE FROM t").execute(db).await?.rows_affected());
//! ```
//! - Placeholders are `$1`, `$2`, …; what is bound is `i64`, `bool`, text, bytes or an option of these.
//! - Flags are written `TRUE` and `FALSE`. A sum is `CAST(SUM(x) AS BIGINT)`. In `DO UPDATE SET` the old value
//!   is `t.x`, the new one `excluded.x`. What the databases order, they order by bytes: give text columns
//!   `COLLATE "C"` in PostgreSQL and say nothing in SQLite.
//! - What is done to many rows at once is one statement for the lot ([`sets`]).
//! - Where the databases must be told different things, `match self.dialect()` picks the text and says why.
//! - Who decides from what it read [locks](locks) it first. One statement that does all needs no lock.
//! - A migration is written twice under one number and name, in `migrations/sqlite` (STRICT) and
//!   `migrations/postgres` (BIGINT, BYTEA, BOOLEAN); `conformance` compares them, and is where a module
//!   states what it promises.

/// Runs one statement on whichever database the transaction is on: what stands behind `|db|` is compiled once
/// for each. It may use `?` and must have the same type for both. Every statement passes here, so tests can
/// stop between any two. `|db: Kind|` names the kind of database, too.
macro_rules! on {
    ($tx:expr, |$db:ident| $statement:expr) => {
        on!($tx, |$db: Kind| $statement)
    };
    ($tx:expr, |$db:ident: $kind:ident| $statement:expr) => {{
        #[cfg(test)]
        $crate::storage::fault::statement();
        match &mut $tx.0 {
            $crate::storage::Connection::Sqlite(transaction) => {
                #[allow(dead_code, reason = "few statements need the name")]
                type $kind = sqlx::Sqlite;
                let $db = &mut **transaction;
                $statement
            }
            $crate::storage::Connection::Postgres(transaction) => {
                #[allow(dead_code, reason = "few statements need the name")]
                type $kind = sqlx::Postgres;
                let $db = &mut **transaction;
                $statement
            }
        }
    }};
}

mod account_invites;
mod account_nodes;
mod account_passkeys;
mod account_sessions;
mod account_streams;
mod accounts;
#[cfg(test)]
pub(crate) mod conformance;
mod costs;
mod database;
mod deliveries;
mod disputes;
mod downtimes;
mod epochs;
#[cfg(test)]
pub(crate) mod fault;
mod grants;
mod invites;
mod ledger;
mod lives;
pub mod locks;
mod members;
mod nodes;
mod old_earnings;
mod old_nodes;
mod old_streams;
mod parties;
mod payouts;
mod postgres;
mod probes;
mod receipts;
mod reviews;
mod sessions;
mod sets;
mod sqlite;
mod streams;
mod supporters;
mod uptimes;

use streamr_model::{NodeId, StreamId, StreamKey, UnixMs};

pub use account_passkeys::{Ceremony, StoredPasskey};
pub use account_sessions::PersonSession;
pub use accounts::NewStanding;
pub use costs::HourGiven;
pub use database::{BadDatabase, Database, PostgresUrl};
pub use deliveries::{Delivered, DeliveryKey};
pub use epochs::{ClosedEpoch, NodeShare};
pub use grants::Assigned;
pub use invites::{Invite, UseOfInvite};
pub use ledger::{LedgerError, RecordedBalance};
pub use lives::Live;
pub use members::Member;
pub use old_earnings::{OldEarned, OldEarnedEver};
pub use old_nodes::{DueNode, OldNode};
pub use old_streams::OldStream;
pub use probes::KeptSample;
pub use receipts::{KeptReceipt, RecordedReceipt};
pub use reviews::HeldShare;
pub use streams::{NewStream, Stream};
pub use supporters::{Consents, Done, InvalidSupporterId, NamedSupporter, SupporterId};
pub use uptimes::{Uptime, UptimeKey};

/// How long a request waits for a connection, or for a lock, before it is told that the coordinator is busy.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Why storage failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file cannot be made or written to.
    #[error("{0}")]
    File(#[source] std::io::Error),
    /// The database itself: disk full, file gone, locked by another program, server gone.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// It cannot be brought to this version's layout.
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
    /// Whether waiting helps: too many requests wanted the database at once, or its server is being restarted.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::PoolTimedOut) => true,
            Self::Database(error) => postgres::is_busy(error),
            _ => false,
        }
    }
}

type Result<T, E = StorageError> = std::result::Result<T, E>;

/// The database.
#[derive(Debug, Clone)]
pub struct Storage(Pools);

#[derive(Debug, Clone)]
enum Pools {
    Sqlite(sqlite::Pools),
    Postgres(postgres::Pools),
}

impl Storage {
    /// Opens the database and brings it up to date. A missing SQLite file is created; a PostgreSQL database
    /// must exist.
    pub async fn open(database: &Database) -> Result<Self> {
        let pools = match database {
            Database::Sqlite(path) => Pools::Sqlite(sqlite::Pools::open(path).await?),
            Database::Postgres(url) => Pools::Postgres(postgres::Pools::open(url).await?),
        };
        Ok(Self(pools))
    }

    /// Opens the database to read it only, as it is: nothing is created or brought up to date.
    pub async fn open_to_read(database: &Database) -> Result<Self> {
        let pools = match database {
            Database::Sqlite(path) => Pools::Sqlite(sqlite::Pools::open_to_read(path).await?),
            Database::Postgres(url) => Pools::Postgres(postgres::Pools::open_to_read(url).await?),
        };
        Ok(Self(pools))
    }

    /// A consistent view to read from.
    pub async fn read(&self) -> Result<Tx> {
        let connection = match &self.0 {
            Pools::Sqlite(pools) => Connection::Sqlite(pools.read().await?),
            Pools::Postgres(pools) => Connection::Postgres(pools.read().await?),
        };
        Ok(Tx(connection))
    }

    /// A transaction that writes. In SQLite there is one at a time; in PostgreSQL there are several, which keep
    /// out of each other's way by [`locks`].
    pub async fn write(&self) -> Result<Tx> {
        let connection = match &self.0 {
            Pools::Sqlite(pools) => Connection::Sqlite(pools.write().await?),
            Pools::Postgres(pools) => Connection::Postgres(pools.write().await?),
        };
        Ok(Tx(connection))
    }

    /// The same for what may be lost when the machine that keeps the data loses its power, and only then: its
    /// end does not wait for the disk, unless [`Tx::make_durable`] says so. On SQLite that holds for all
    /// transactions.
    pub async fn write_lightly(&self) -> Result<Tx> {
        match &self.0 {
            Pools::Sqlite(_) => self.write().await,
            Pools::Postgres(pools) => Ok(Tx(Connection::Postgres(pools.write_lightly().await?))),
        }
    }

    /// How many transactions are worth writing side by side.
    pub(crate) fn writers_at_once(&self) -> usize {
        match &self.0 {
            Pools::Sqlite(_) => 1,
            Pools::Postgres(_) => postgres::WRITERS_AT_ONCE,
        }
    }

    /// Waits for what is under way and closes the database.
    pub async fn close(&self) {
        match &self.0 {
            Pools::Sqlite(pools) => pools.close().await,
            Pools::Postgres(pools) => pools.close().await,
        }
    }
}

/// A transaction: every read of [`Storage::read`] sees one state, every write in it happens or none does.
#[derive(Debug)]
pub struct Tx(Connection);

#[derive(Debug)]
enum Connection {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

/// What a statement is written in, where that makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

impl Tx {
    /// Makes what was written last.
    pub async fn commit(self) -> Result<()> {
        #[cfg(test)]
        fault::statement();
        match self.0 {
            Connection::Sqlite(transaction) => Ok(transaction.commit().await?),
            Connection::Postgres(transaction) => Ok(transaction.commit().await?),
        }
    }

    /// Lets the end of a transaction of [`Storage::write_lightly`] wait for the disk after all, as far as the
    /// database's operator has it so.
    pub async fn make_durable(&mut self) -> Result<()> {
        if self.dialect() == Dialect::Postgres {
            let durable = "SET LOCAL synchronous_commit TO DEFAULT";
            on!(self, |db| sqlx::query(durable).execute(db).await.map(drop))?;
        }
        Ok(())
    }

    fn dialect(&self) -> Dialect {
        match self.0 {
            Connection::Sqlite(_) => Dialect::Sqlite,
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }
}

// Both databases' integers are signed 64-bit. Whatever is larger is stored as the largest.

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
