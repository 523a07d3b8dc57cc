//! Downtime that nodes declared.

use std::collections::BTreeMap;

use streamr_coordinator_api::{DeclareDowntime, Downtime};
use streamr_model::{NodeId, UnixMs};

use super::{Result, Tx, blob, int, node_id, time};
use crate::downtime::within;
use crate::hour::Hour;

impl Tx {
    /// Declares downtime; what began at the same moment stays as it was.
    pub async fn declare_downtime(&mut self, node: &NodeId, downtime: &Downtime) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO downtimes (node, begins_at, ends_at, declared_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(blob(node))
        .bind(int(downtime.begins_at.0))
        .bind(int(downtime.ends_at.0))
        .bind(int(downtime.declared_at.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Takes back downtime that has not begun by `now`; false if there is none.
    pub async fn withdraw_downtime(&mut self, node: &NodeId, begins_at: UnixMs, now: UnixMs) -> Result<bool> {
        let gone = on!(self, |db| sqlx::query(
            "DELETE FROM downtimes WHERE node = $1 AND begins_at = $2 AND begins_at > $3"
        )
        .bind(blob(node))
        .bind(int(begins_at.0))
        .bind(int(now.0))
        .execute(db)
        .await?
        .rows_affected());
        Ok(gone == 1)
    }

    /// Downtime of the node that ends after `after`, the first to begin first.
    pub async fn downtimes(&mut self, node: &NodeId, after: UnixMs) -> Result<Vec<Downtime>> {
        let rows: Vec<(i64, i64, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT begins_at, ends_at, declared_at FROM downtimes
             WHERE node = $1 AND ends_at > $2 ORDER BY begins_at",
        )
        .bind(blob(node))
        .bind(int(after.0))
        .fetch_all(db)
        .await)?;
        let downtime = |(begins_at, ends_at, declared_at)| Downtime {
            begins_at: time(begins_at),
            ends_at: time(ends_at),
            declared_at: time(declared_at),
        };
        Ok(rows.into_iter().map(downtime).collect())
    }

    /// How much of an hour each node had declared, in milliseconds; those that had declared nothing are left out.
    pub async fn declared_in(&mut self, hour: Hour) -> Result<BTreeMap<NodeId, u64>> {
        let rows: Vec<(Vec<u8>, i64, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT node, begins_at, ends_at FROM downtimes
             WHERE begins_at > $1 AND begins_at < $2 AND ends_at > $3",
        )
        .bind(int(hour.start().0.saturating_sub(DeclareDowntime::LONGEST_MS + 1)))
        .bind(int(hour.end().0))
        .bind(int(hour.start().0))
        .fetch_all(db)
        .await)?;
        let mut declared: BTreeMap<NodeId, u64> = BTreeMap::new();
        for (node, begins_at, ends_at) in rows {
            *declared.entry(node_id(&node)?).or_default() += within(hour, time(begins_at), time(ends_at));
        }
        Ok(declared)
    }
}
