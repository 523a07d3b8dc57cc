//! What nodes of the old house said and polls showed of them, and what closed hours paid them.

use streamr_model::MicroUnits;

use super::old_nodes::old_node_id;
use super::{Result, StorageError, Tx, int, uint};
use crate::hour::Hour;
use crate::old_surface::names::{OldNodeId, OldStreamId};
use crate::old_surface::pay::Shown;

/// What a node earned from a stream over some hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldEarned {
    /// The node.
    pub node: OldNodeId,
    /// The stream.
    pub stream: OldStreamId,
    /// How much.
    pub amount: MicroUnits,
    /// In how many hours.
    pub hours: u32,
}

/// What a node earned from all streams, ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldEarnedEver {
    /// The node.
    pub node: OldNodeId,
    /// How much.
    pub amount: MicroUnits,
    /// In how many hours.
    pub hours: u32,
}

fn few(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn earned((node, stream, amount, hours): (String, String, i64, i64)) -> Result<OldEarned> {
    let stream = stream.parse().map_err(|_| StorageError::Unreadable { what: "old stream id" })?;
    Ok(OldEarned { node: old_node_id(&node)?, stream, amount: MicroUnits(amount), hours: few(hours) })
}

impl Tx {
    /// Adds time to a node's hour of a stream.
    pub async fn add_old_activity(
        &mut self,
        stream: &OldStreamId,
        hour: Hour,
        node: &OldNodeId,
        active_ms: u64,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO old_shown (stream, hour, node, line, active_ms, asked, good)
             VALUES ($1, $2, $3, '', $4, 0, 0)
             ON CONFLICT (stream, hour, node)
                DO UPDATE SET active_ms = old_shown.active_ms + excluded.active_ms",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .bind(node.as_str())
        .bind(int(active_ms))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Adds a poll to a node's hour of a stream. `line` is what the node answered from, if it answered.
    pub async fn add_old_poll(
        &mut self,
        stream: &OldStreamId,
        hour: Hour,
        node: &OldNodeId,
        line: Option<&str>,
        good: u32,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO old_shown (stream, hour, node, line, active_ms, asked, good)
             VALUES ($1, $2, $3, $4, 0, 1, $5)
             ON CONFLICT (stream, hour, node) DO UPDATE SET
                line = CASE WHEN excluded.line = '' THEN old_shown.line ELSE excluded.line END,
                asked = old_shown.asked + 1, good = old_shown.good + excluded.good",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .bind(node.as_str())
        .bind(line.unwrap_or_default())
        .bind(i64::from(good))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// The hours from `from` up to but without `until` in which a poll showed somebody streaming, in order.
    pub async fn old_hours_shown(
        &mut self,
        stream: &OldStreamId,
        from: Hour,
        until: Hour,
    ) -> Result<Vec<Hour>> {
        let hours: Vec<i64> = on!(self, |db| sqlx::query_scalar(
            "SELECT DISTINCT hour FROM old_shown
             WHERE stream = $1 AND hour >= $2 AND hour < $3 AND good > 0 ORDER BY hour",
        )
        .bind(stream.as_str())
        .bind(int(from.0))
        .bind(int(until.0))
        .fetch_all(db)
        .await)?;
        Ok(hours.into_iter().map(|hour| Hour(uint(hour))).collect())
    }

    /// What nodes said and polls showed in an hour of a stream.
    pub async fn old_shown(&mut self, stream: &OldStreamId, hour: Hour) -> Result<Vec<Shown>> {
        let rows: Vec<(String, String, i64, i64, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT node, line, active_ms, asked, good FROM old_shown WHERE stream = $1 AND hour = $2
             ORDER BY node",
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .fetch_all(db)
        .await)?;
        let shown = |(node, line, active_ms, asked, good): (String, String, i64, i64, i64)| {
            let (active_ms, asked, good) = (uint(active_ms), few(asked), few(good));
            Ok(Shown { node: old_node_id(&node)?, line, active_ms, asked, good })
        };
        rows.into_iter().map(shown).collect()
    }

    /// Forgets what nodes said and polls showed before `hour`.
    pub async fn forget_old_shown(&mut self, stream: &OldStreamId, hour: Hour) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM old_shown WHERE stream = $1 AND hour < $2")
            .bind(stream.as_str())
            .bind(int(hour.0))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Enters what an hour of a stream paid a node. An hour that paid the node already is an error.
    pub async fn add_old_earning(
        &mut self,
        stream: &OldStreamId,
        hour: Hour,
        node: &OldNodeId,
        amount: MicroUnits,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO old_earnings (stream, hour, node, amount) VALUES ($1, $2, $3, $4)"
        )
        .bind(stream.as_str())
        .bind(int(hour.0))
        .bind(node.as_str())
        .bind(amount.0)
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// What the hours from `from` on paid, by stream and node.
    pub async fn old_earned_since(&mut self, from: Hour) -> Result<Vec<OldEarned>> {
        let rows: Vec<(String, String, i64, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT node, stream, CAST(SUM(amount) AS BIGINT), COUNT(*) FROM old_earnings
             WHERE hour >= $1 GROUP BY stream, node ORDER BY stream, node",
        )
        .bind(int(from.0))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(earned).collect()
    }

    /// What the hours from `from` on paid one node, by stream.
    pub async fn old_earned_by(&mut self, node: &OldNodeId, from: Hour) -> Result<Vec<OldEarned>> {
        let rows: Vec<(String, String, i64, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT node, stream, CAST(SUM(amount) AS BIGINT), COUNT(*) FROM old_earnings
             WHERE node = $1 AND hour >= $2 GROUP BY node, stream ORDER BY stream",
        )
        .bind(node.as_str())
        .bind(int(from.0))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(earned).collect()
    }

    /// Whether a node of the old house was ever heard of or paid.
    pub async fn is_old_node_known(&mut self, node: &OldNodeId) -> Result<bool> {
        let known: bool = on!(self, |db| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM old_nodes WHERE node = $1)
                 OR EXISTS (SELECT 1 FROM old_earnings WHERE node = $1)",
        )
        .bind(node.as_str())
        .fetch_one(db)
        .await)?;
        Ok(known)
    }

    /// Who earned most, ever; of equals the smaller id first; at most `limit`.
    pub async fn old_leaders(&mut self, limit: u32) -> Result<Vec<OldEarnedEver>> {
        let rows: Vec<(String, i64, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT node, CAST(SUM(amount) AS BIGINT) AS total, COUNT(DISTINCT hour) FROM old_earnings
             GROUP BY node ORDER BY total DESC, node LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        let leader = |(node, amount, hours): (String, i64, i64)| {
            Ok(OldEarnedEver { node: old_node_id(&node)?, amount: MicroUnits(amount), hours: few(hours) })
        };
        rows.into_iter().map(leader).collect()
    }
}
