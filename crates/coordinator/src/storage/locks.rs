//! Locks: what makes read, decide, write one step where several write at the same time.
//!
//! SQLite has one writer, so there nothing has to be locked. On PostgreSQL transactions write side by side
//! under READ COMMITTED, and whoever decides from what it has read locks that first:
//!
//! - **a node** ([`Tx::lock_node`]): its session, its accounts as a consumer, its time;
//! - **a stream** ([`Tx::lock_streams`]): its live, its electors, and who is a member. Counting a change of the
//!   membership locks it as well, so a version names one membership.
//!
//! The lock is the row of `nodes` or `streams` that everything else hangs on, until the transaction ends. It
//! is FOR NO KEY UPDATE: rows that refer to it can still be inserted by others.
//!
//! **The order:** first the node (never more than one), then its streams (all at once, sorted by id), then
//! rows that need no lock, because only their owner writes them or because one statement does all. Whoever has
//! a stream waits for no node. So no two transactions wait for each other.

use streamr_model::{NodeId, StreamId};

use super::{Dialect, Result, Tx, blob};

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

    /// Locks streams until the transaction ends, in the order of their ids. To be called once, with all whose
    /// membership or live the transaction may change, unless [`Tx::membership_changed`] is all it does to one.
    pub async fn lock_streams(&mut self, streams: &[&StreamId]) -> Result<()> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(());
        }
        let mut sorted = streams.to_vec();
        sorted.sort_unstable();
        for stream in sorted {
            let lock = "SELECT TRUE FROM streams WHERE stream = $1 FOR NO KEY UPDATE";
            let _: Option<bool> =
                on!(self, |db| sqlx::query_scalar(lock).bind(stream.as_str()).fetch_optional(db).await)?;
        }
        Ok(())
    }
}
