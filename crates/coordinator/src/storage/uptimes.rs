//! Time supported, by stream, hour and node.

use streamr_model::{NodeId, StreamId};

use super::{Result, Tx, blob, int, node_id, uint};
use crate::hour::Hour;

/// Time gained by one node, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uptime {
    /// Supporting, whether the stream was live or not.
    pub supporting_ms: u64,
    /// The part of it while the stream was live.
    pub live_ms: u64,
    /// Paused, and said so.
    pub paused_ms: u64,
}

impl Tx {
    /// Adds time to a node's hour.
    pub async fn add_uptime(
        &mut self,
        stream: &StreamId,
        hour: Hour,
        node: &NodeId,
        gained: Uptime,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO uptimes (stream, hour, node, supporting_ms, live_ms, paused_ms)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (stream, hour, node) DO UPDATE SET
                supporting_ms = uptimes.supporting_ms + excluded.supporting_ms,
                live_ms = uptimes.live_ms + excluded.live_ms,
                paused_ms = uptimes.paused_ms + excluded.paused_ms",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .bind(blob(node))
        .bind(int(gained.supporting_ms))
        .bind(int(gained.live_ms))
        .bind(int(gained.paused_ms))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Time each node supported in an hour of a stream while it was live, in milliseconds.
    pub async fn live_uptimes(&mut self, stream: &StreamId, hour: Hour) -> Result<Vec<(NodeId, u64)>> {
        let rows: Vec<(Vec<u8>, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT node, live_ms FROM uptimes WHERE stream = $1 AND hour = $2"
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(|(node, live_ms)| Ok((node_id(&node)?, uint(live_ms)))).collect()
    }

    /// Time the node has supported anything, ever, in milliseconds.
    pub async fn supporting_ever(&mut self, node: &NodeId) -> Result<u64> {
        let sum: i64 = on!(self, |db| sqlx::query_scalar(
            "SELECT CAST(COALESCE(SUM(supporting_ms), 0) AS BIGINT) FROM uptimes WHERE node = $1"
        )
        .bind(blob(node))
        .fetch_one(db)
        .await)?;
        Ok(uint(sum))
    }
}
