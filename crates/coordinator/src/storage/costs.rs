//! What running the network costs, as the operator says, and what was carried.

use streamr_coordinator_api::{Carried, CostItem, SetCosts};
use streamr_model::{BitsPerSecond, MicroUnits, StreamId, UnixMs};

use super::{Result, Tx, int, time, uint};
use crate::hour::Hour;

/// What supporters gave in one hour of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourGiven {
    /// Bytes that others signed for.
    pub bytes: u64,
    /// What the stream was said to have at most; 0 where it was not said.
    pub bitrate: BitsPerSecond,
}

impl Tx {
    /// Keeps what the operator says, in the place of what was said before.
    pub async fn set_costs(&mut self, costs: &SetCosts, now: UnixMs) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO costs (one, currency, egress_per_gb, set_at) VALUES (1, $1, $2, $3)
             ON CONFLICT (one) DO UPDATE SET currency = excluded.currency,
                egress_per_gb = excluded.egress_per_gb, set_at = excluded.set_at",
        )
        .bind(&costs.currency)
        .bind(costs.egress_per_gb.map(|price| price.0))
        .bind(int(now.0))
        .execute(db)
        .await
        .map(drop))?;
        on!(self, |db| sqlx::query("DELETE FROM cost_items").execute(db).await.map(drop))?;
        for (place, item) in (0_i64..).zip(&costs.items) {
            on!(self, |db| sqlx::query("INSERT INTO cost_items (place, what, amount) VALUES ($1, $2, $3)")
                .bind(place)
                .bind(&item.what)
                .bind(item.amount.0)
                .execute(db)
                .await
                .map(drop))?;
        }
        Ok(())
    }

    /// What the operator said, and when; `None` before anything was.
    pub async fn costs(&mut self) -> Result<Option<(SetCosts, UnixMs)>> {
        let row: Option<(String, Option<i64>, i64)> =
            on!(self, |db| sqlx::query_as("SELECT currency, egress_per_gb, set_at FROM costs")
                .fetch_optional(db)
                .await)?;
        let Some((currency, egress_per_gb, set_at)) = row else { return Ok(None) };
        let rows: Vec<(String, i64)> =
            on!(self, |db| sqlx::query_as("SELECT what, amount FROM cost_items ORDER BY place")
                .fetch_all(db)
                .await)?;
        let items =
            rows.into_iter().map(|(what, amount)| CostItem { what, amount: MicroUnits(amount) }).collect();
        Ok(Some((SetCosts { currency, egress_per_gb: egress_per_gb.map(MicroUnits), items }, time(set_at))))
    }

    /// What was carried of all streams since `since`.
    pub async fn carried(&mut self, since: Hour) -> Result<Carried> {
        let (origin, peers): (i64, i64) = on!(self, |db| {
            sqlx::query_as(
            "SELECT (SELECT CAST(COALESCE(SUM(bytes_origin), 0) AS BIGINT) FROM uptimes WHERE hour >= $1),
                    (SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM deliveries WHERE hour >= $1)",
        )
        .bind(int(since.0))
        .fetch_one(db)
        .await
        })?;
        Ok(Carried { origin_bytes: uint(origin), peer_bytes: uint(peers) })
    }

    /// Media bytes of a stream that nodes say they fetched from its origin since `since`, and how many nodes
    /// supported it.
    pub async fn fetched(&mut self, stream: &StreamId, since: Hour) -> Result<(u64, u64)> {
        let (origin, nodes): (i64, i64) = on!(self, |db| sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(bytes_origin), 0) AS BIGINT), COUNT(DISTINCT node)
             FROM uptimes WHERE stream = $1 AND hour >= $2",
        )
        .bind(stream.as_str())
        .bind(int(since.0))
        .fetch_one(db)
        .await)?;
        Ok((uint(origin), uint(nodes)))
    }

    /// How long a stream was live since `since`, in milliseconds.
    pub async fn live_time_since(&mut self, stream: &StreamId, since: Hour) -> Result<u64> {
        let live_ms: i64 = on!(self, |db| {
            sqlx::query_scalar(
            "SELECT CAST(COALESCE(SUM(live_ms), 0) AS BIGINT) FROM live_hours WHERE stream = $1 AND hour >= $2"
        )
        .bind(stream.as_str())
        .bind(int(since.0))
        .fetch_one(db)
        .await
        })?;
        Ok(uint(live_ms))
    }

    /// What supporters gave in each hour of a stream since `since`.
    pub async fn given(&mut self, stream: &StreamId, since: Hour) -> Result<Vec<HourGiven>> {
        let rows: Vec<(i64, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT CAST(SUM(d.bytes) AS BIGINT), CAST(COALESCE(MAX(l.bitrate_bps), 0) AS BIGINT)
             FROM deliveries d LEFT JOIN live_hours l ON l.stream = d.stream AND l.hour = d.hour
             WHERE d.stream = $1 AND d.hour >= $2 GROUP BY d.hour",
        )
        .bind(stream.as_str())
        .bind(int(since.0))
        .fetch_all(db)
        .await)?;
        let given =
            |(bytes, bitrate)| HourGiven { bytes: uint(bytes), bitrate: BitsPerSecond(uint(bitrate)) };
        Ok(rows.into_iter().map(given).collect())
    }

    /// What the hours of a stream that closed since `since` paid in each currency, less what was corrected.
    pub async fn paid_by_stream(
        &mut self,
        stream: &StreamId,
        since: Hour,
    ) -> Result<Vec<(String, MicroUnits)>> {
        let rows: Vec<(String, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT p.currency, CAST(SUM(p.amount) AS BIGINT)
             FROM closed_epochs c JOIN ledger_postings p ON p.entry = c.entry
             WHERE c.stream = $1 AND c.hour >= $2 AND p.account LIKE 'payable:%' AND NOT EXISTS
                (SELECT 1 FROM ledger_entries x WHERE x.occasion = 'correction:' || CAST(c.entry AS TEXT))
             GROUP BY p.currency ORDER BY p.currency",
        )
        .bind(stream.as_str())
        .bind(int(since.0))
        .fetch_all(db)
        .await)?;
        Ok(rows.into_iter().map(|(currency, paid)| (currency, MicroUnits(paid))).collect())
    }
}
