//! What consumers signed for, by the hour, for people to see.

use sqlx::QueryBuilder;
use streamr_model::{NodeId, StreamId};

use super::sets::pieces;
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

/// What a consumer signed for: of a stream's hour, of a provider, by a consumer.
pub type DeliveryKey = (StreamId, Hour, NodeId, NodeId);

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
        self.add_deliveries(&[(&(stream.clone(), hour, *provider, *consumer), counts)]).await
    }

    /// Adds what consumers signed for, each named once with each provider and hour.
    pub async fn add_deliveries(&mut self, more: &[(&DeliveryKey, Counts)]) -> Result<()> {
        for piece in pieces(more) {
            on!(self, |db: Kind| {
                let mut insert = QueryBuilder::<Kind>::new(
                    "INSERT INTO deliveries (stream, hour, provider, consumer, bytes, blocks, on_time, bad) ",
                );
                insert.push_values(piece, |mut row, ((stream, hour, provider, consumer), counts)| {
                    row.push_bind(stream.as_str())
                        .push_bind(int(hour.0))
                        .push_bind(blob(provider))
                        .push_bind(blob(consumer))
                        .push_bind(int(counts.bytes))
                        .push_bind(int(counts.blocks))
                        .push_bind(int(counts.on_time))
                        .push_bind(int(counts.bad));
                });
                insert.push(
                    " ON CONFLICT (stream, hour, provider, consumer) DO UPDATE SET
                        bytes = deliveries.bytes + excluded.bytes, blocks = deliveries.blocks + excluded.blocks,
                        on_time = deliveries.on_time + excluded.on_time, bad = deliveries.bad + excluded.bad",
                );
                insert.build().execute(db).await.map(drop)
            })?;
        }
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
