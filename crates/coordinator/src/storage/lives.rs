//! Lives: what each stream's signer said last, and how long it has been live.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::QueryBuilder;
use streamr_model::{BitsPerSecond, NodeId, StreamId, UnixMs};

use super::sets::{padded, push_list};
use super::{Result, StorageError, Tx, addresses, addresses_text, blob, int, node_id, stream_id, time, uint};
use crate::hour::Hour;

/// The last that a stream's signer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Whether it is live, as far as anybody has looked.
    pub is_live: bool,
    /// The signer's identity.
    pub seed: NodeId,
    /// Where the signer listens.
    pub addresses: Vec<String>,
    /// When the epoch began.
    pub live_since: UnixMs,
    /// The stream's rate; 0 until known.
    pub bitrate_bps: BitsPerSecond,
    /// When the signer was heard of.
    pub last_at: UnixMs,
    /// Live time since the stream was registered, in milliseconds.
    pub live_total_ms: u64,
}

#[derive(sqlx::FromRow)]
struct Row {
    stream: String,
    is_live: bool,
    seed: Vec<u8>,
    addresses: String,
    live_since: i64,
    bitrate_bps: i64,
    last_at: i64,
    live_total_ms: i64,
}

impl TryFrom<Row> for Live {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            is_live: row.is_live,
            seed: node_id(&row.seed)?,
            addresses: addresses(&row.addresses)?,
            live_since: time(row.live_since),
            bitrate_bps: BitsPerSecond(uint(row.bitrate_bps)),
            last_at: time(row.last_at),
            live_total_ms: uint(row.live_total_ms),
        })
    }
}

impl Tx {
    /// The last that the stream's signer said; `None` if it was never live.
    pub async fn live(&mut self, stream: &StreamId) -> Result<Option<Live>> {
        Ok(self.lives(&BTreeSet::from([stream])).await?.remove(stream))
    }

    /// The last that the signers of `streams` said; those that were never live are left out.
    pub async fn lives(&mut self, streams: &BTreeSet<&StreamId>) -> Result<BTreeMap<StreamId, Live>> {
        let mut lives = BTreeMap::new();
        for piece in padded(streams.iter().copied()) {
            let rows: Vec<Row> = on!(self, |db: Kind| {
                let mut select = QueryBuilder::<Kind>::new(
                    "SELECT stream, is_live, seed, addresses, live_since, bitrate_bps, last_at, live_total_ms
                     FROM lives WHERE stream IN ",
                );
                push_list(&mut select, piece.iter().map(|stream| stream.as_str()));
                select.build_query_as().fetch_all(db).await
            })?;
            for row in rows {
                lives.insert(stream_id(&row.stream)?, Live::try_from(row)?);
            }
        }
        Ok(lives)
    }

    /// Replaces it.
    pub async fn save_live(&mut self, stream: &StreamId, live: &Live) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO lives
                (stream, is_live, seed, addresses, live_since, bitrate_bps, last_at, live_total_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (stream) DO UPDATE SET
                is_live = excluded.is_live, seed = excluded.seed, addresses = excluded.addresses,
                live_since = excluded.live_since, bitrate_bps = excluded.bitrate_bps,
                last_at = excluded.last_at, live_total_ms = excluded.live_total_ms",
        )
        .bind(stream.as_str())
        .bind(live.is_live)
        .bind(blob(&live.seed))
        .bind(addresses_text(&live.addresses))
        .bind(int(live.live_since.0))
        .bind(int(live.bitrate_bps.0))
        .bind(int(live.last_at.0))
        .bind(int(live.live_total_ms))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Adds live time to an hour of the stream.
    pub async fn add_live_time(&mut self, stream: &StreamId, hour: Hour, live_ms: u64) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO live_hours (stream, hour, live_ms) VALUES ($1, $2, $3)
             ON CONFLICT (stream, hour) DO UPDATE SET live_ms = live_hours.live_ms + excluded.live_ms",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .bind(int(live_ms))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Notes what the stream was said to have in an hour in which it was live; the most stays.
    pub async fn note_bitrate(
        &mut self,
        stream: &StreamId,
        hour: Hour,
        bitrate: BitsPerSecond,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "UPDATE live_hours SET bitrate_bps = $1 WHERE stream = $2 AND hour = $3 AND bitrate_bps < $1",
        )
        .bind(int(bitrate.0))
        .bind(stream.as_str())
        .bind(int(hour.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// What the stream was said to have at most in an hour; 0 where it was not said.
    pub async fn bitrate_of_hour(&mut self, stream: &StreamId, hour: Hour) -> Result<BitsPerSecond> {
        let bitrate: Option<i64> = on!(self, |db| sqlx::query_scalar(
            "SELECT bitrate_bps FROM live_hours WHERE stream = $1 AND hour = $2"
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .fetch_optional(db)
        .await)?;
        Ok(BitsPerSecond(bitrate.map_or(0, uint)))
    }

    /// How long the stream was live in an hour, in milliseconds.
    pub async fn live_time(&mut self, stream: &StreamId, hour: Hour) -> Result<u64> {
        let live_ms: Option<i64> = on!(self, |db| sqlx::query_scalar(
            "SELECT live_ms FROM live_hours WHERE stream = $1 AND hour = $2"
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .fetch_optional(db)
        .await)?;
        Ok(live_ms.map_or(0, uint))
    }
}
