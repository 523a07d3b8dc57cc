//! What consumers signed for, by the hour, for people to see.

use streamr_model::{NodeId, StreamId};

use super::{Result, Tx, blob, int, uint};
use crate::credit::Counts;
use crate::hour::Hour;

/// What others signed for a node over all streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Bytes since the hour asked for.
    pub bytes_since: u64,
    /// Bytes ever.
    pub bytes_ever: u64,
    /// Different consumers ever.
    pub consumers_ever: u32,
}

impl Tx {
    /// Adds what a consumer signed for.
    pub async fn add_delivery(
        &mut self,
        stream: &StreamId,
        hour: Hour,
        provider: &NodeId,
        consumer: &NodeId,
        counts: Counts,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO deliveries (stream, hour, provider, consumer, bytes, blocks, on_time, bad)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (stream, hour, provider, consumer) DO UPDATE SET
                bytes = deliveries.bytes + excluded.bytes, blocks = deliveries.blocks + excluded.blocks,
                on_time = deliveries.on_time + excluded.on_time, bad = deliveries.bad + excluded.bad",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .bind(blob(provider))
        .bind(blob(consumer))
        .bind(int(counts.bytes))
        .bind(int(counts.blocks))
        .bind(int(counts.on_time))
        .bind(int(counts.bad))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// What others signed for a node over all streams, ever and since `since`.
    pub async fn delivered(&mut self, provider: &NodeId, since: Hour) -> Result<Delivered> {
        let (bytes_since, bytes_ever, consumers): (i64, i64, i64) = on!(self, |db| sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(CASE WHEN hour >= $1 THEN bytes ELSE 0 END), 0) AS BIGINT),
                    CAST(COALESCE(SUM(bytes), 0) AS BIGINT),
                    COUNT(DISTINCT CASE WHEN bytes > 0 THEN consumer END)
             FROM deliveries WHERE provider = $2",
        )
        .bind(int(since.0))
        .bind(blob(provider))
        .fetch_one(db)
        .await)?;
        Ok(Delivered {
            bytes_since: uint(bytes_since),
            bytes_ever: uint(bytes_ever),
            consumers_ever: u32::try_from(consumers).unwrap_or(u32::MAX),
        })
    }
}
