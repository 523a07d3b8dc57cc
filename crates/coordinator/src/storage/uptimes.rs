//! Time supported, by stream, hour and node.

use sqlx::QueryBuilder;
use streamr_model::{NodeId, StreamId};

use super::sets::pieces;
use super::{Result, Tx, blob, int, node_id, uint};
use crate::hour::Hour;

/// What one node gained: time in milliseconds, and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uptime {
    /// Supporting, whether the stream was live or not.
    pub supporting_ms: u64,
    /// The part of it while the stream was live.
    pub live_ms: u64,
    /// Paused, and said so.
    pub paused_ms: u64,
    /// Media bytes that the node says it fetched from the origin.
    pub bytes_origin: u64,
}

impl Uptime {
    /// Adds what was gained beside it.
    pub fn add(&mut self, gained: Self) {
        self.supporting_ms += gained.supporting_ms;
        self.live_ms += gained.live_ms;
        self.paused_ms += gained.paused_ms;
        self.bytes_origin += gained.bytes_origin;
    }
}

/// Whose time it is: of a stream's hour, a node's.
pub type UptimeKey = (StreamId, Hour, NodeId);

impl Tx {
    /// Adds to a node's hour.
    pub async fn add_uptime(
        &mut self,
        stream: &StreamId,
        hour: Hour,
        node: &NodeId,
        gained: Uptime,
    ) -> Result<()> {
        self.add_uptimes(&[(&(stream.clone(), hour, *node), gained)]).await
    }

    /// Adds to the hours of nodes, each named once.
    pub async fn add_uptimes(&mut self, gained: &[(&UptimeKey, Uptime)]) -> Result<()> {
        for piece in pieces(gained) {
            on!(self, |db: Kind| {
                let mut insert = QueryBuilder::<Kind>::new(
                    "INSERT INTO uptimes (stream, hour, node, supporting_ms, live_ms, paused_ms, bytes_origin) ",
                );
                insert.push_values(piece, |mut row, ((stream, hour, node), gained)| {
                    row.push_bind(stream.as_str())
                        .push_bind(int(hour.0))
                        .push_bind(blob(node))
                        .push_bind(int(gained.supporting_ms))
                        .push_bind(int(gained.live_ms))
                        .push_bind(int(gained.paused_ms))
                        .push_bind(int(gained.bytes_origin));
                });
                insert.push(
                    " ON CONFLICT (stream, hour, node) DO UPDATE SET
                        supporting_ms = uptimes.supporting_ms + excluded.supporting_ms,
                        live_ms = uptimes.live_ms + excluded.live_ms,
                        paused_ms = uptimes.paused_ms + excluded.paused_ms,
                        bytes_origin = uptimes.bytes_origin + excluded.bytes_origin",
                );
                insert.build().execute(db).await.map(drop)
            })?;
        }
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
