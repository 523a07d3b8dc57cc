//! Locks: what makes read, decide, write one step where several write at the same time.
//!
//! SQLite has one writer, so there nothing has to be locked. On PostgreSQL transactions write side by side
//! under READ COMMITTED, and whoever decides from what it has read locks that first:
//!
//! - **a node** ([`Tx::lock_node`]): its session, its time, whom it is assigned, and whose it is;
//!   [`Tx::lock_nodes`] with those it signed receipts with: what is kept of these, and for how many it signed;
//! - **an account** ([`Tx::lock_account`]): how many nodes, streams, passkeys and sessions it has, its standings;
//! - **a stream** ([`Tx::lock_streams`]): its live, its electors, how many invites it has open, and who is a
//!   member. Counting a change of the membership locks it as well, so a version names one membership;
//! - **a whole**: the ledger with its payouts ([`Tx::lock_ledger`]), the old house, or the account invites
//!   ([`Tx::lock_whole`]).
//!
//! The lock is the row of `nodes`, `people`, `streams` or `ledger_head` that everything else hangs on, until the
//! transaction ends. It is FOR NO KEY UPDATE: rows that refer to it can still be inserted by others. Where there
//! is no such row, it is an advisory lock.
//!
//! **The order:** first nodes (all at once, sorted by id), then one account, then streams (all at once, sorted by
//! id), then rows that need no lock, because only their owner writes them or because one statement does all.
//! Whoever has a stream waits for no node. Whoever has a whole took it first and locks nothing else. So no two
//! transactions wait for each other. What many delete together because its time is over, they skip where it is
//! locked.

use std::collections::BTreeSet;

use sqlx::QueryBuilder;
use streamr_model::{AccountId, NodeId, StreamId};

use super::sets::{padded, push_list};
use super::{Dialect, Result, Tx, blob, node_id};

/// What is locked as a whole, because it is bounded or numbered as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// Every stream, node and earning of the old surface.
    OldHouse,
    /// Every open invite to an account.
    AccountInvites,
}

impl Whole {
    /// The advisory lock's key: eight letters that nobody else who shares the database will think of.
    fn key(self) -> i64 {
        i64::from_be_bytes(match self {
            Self::OldHouse => *b"strm-old",
            Self::AccountInvites => *b"strm-inv",
        })
    }
}

impl Tx {
    /// Locks a node until the transaction ends; false if it is not enrolled. To be the first thing that a
    /// transaction does.
    pub async fn lock_node(&mut self, node: &NodeId) -> Result<bool> {
        let lock = match self.dialect() {
            Dialect::Sqlite => "SELECT TRUE FROM nodes WHERE node = $1",
            Dialect::Postgres => "SELECT TRUE FROM nodes WHERE node = $1 FOR NO KEY UPDATE",
        };
        let row: Option<bool> =
            on!(self, |db| sqlx::query_scalar(lock).bind(blob(node)).fetch_optional(db).await)?;
        Ok(row.is_some())
    }

    /// Locks nodes until the transaction ends, in the order of their ids; those of them that are enrolled. To
    /// be the first thing that a transaction does.
    pub async fn lock_nodes(&mut self, nodes: &BTreeSet<NodeId>) -> Result<BTreeSet<NodeId>> {
        // Rows are locked after they were sorted.
        let lock = match self.dialect() {
            Dialect::Sqlite => "",
            Dialect::Postgres => " FOR NO KEY UPDATE",
        };
        let mut enrolled = BTreeSet::new();
        for piece in padded(nodes) {
            let rows: Vec<Vec<u8>> = on!(self, |db: Kind| {
                let mut select = QueryBuilder::<Kind>::new("SELECT node FROM nodes WHERE node IN ");
                push_list(&mut select, piece.iter().map(|node| blob(node)));
                select.push(" ORDER BY node").push(lock);
                select.build_query_scalar().fetch_all(db).await
            })?;
            for row in rows {
                enrolled.insert(node_id(&row)?);
            }
        }
        Ok(enrolled)
    }

    /// Locks an account until the transaction ends.
    pub async fn lock_account(&mut self, account: &AccountId) -> Result<()> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(());
        }
        let lock = "SELECT TRUE FROM people WHERE account = $1 FOR NO KEY UPDATE";
        let _: Option<bool> =
            on!(self, |db| sqlx::query_scalar(lock).bind(account.0.as_slice()).fetch_optional(db).await)?;
        Ok(())
    }

    /// Locks a whole until the transaction ends. To be the first thing that a transaction does.
    pub async fn lock_whole(&mut self, whole: Whole) -> Result<()> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(());
        }
        let lock = "SELECT pg_advisory_xact_lock($1)";
        on!(self, |db| sqlx::query(lock).bind(whole.key()).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Locks streams until the transaction ends, in the order of their ids. To be called once, with all whose
    /// membership or live the transaction may change, unless [`Tx::membership_changed`] is all it does to one.
    pub async fn lock_streams(&mut self, streams: &[&StreamId]) -> Result<()> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(());
        }
        let sorted: BTreeSet<&StreamId> = streams.iter().copied().collect();
        for piece in padded(sorted) {
            on!(self, |db: Kind| {
                let mut select = QueryBuilder::<Kind>::new("SELECT TRUE FROM streams WHERE stream IN ");
                push_list(&mut select, piece.iter().map(|stream| stream.as_str()));
                // By bytes, as ids are ordered here, and locked after they were sorted.
                select.push(" ORDER BY stream FOR NO KEY UPDATE");
                select.build().execute(db).await.map(drop)
            })?;
        }
        Ok(())
    }
}
