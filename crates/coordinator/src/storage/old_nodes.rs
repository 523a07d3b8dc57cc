//! Nodes of the old house: names that nobody proves, and what was heard and seen of them.

use streamr_model::UnixMs;

use super::{Result, StorageError, Tx, int, time, uint};
use crate::old_surface::names::{OldNodeId, OldStreamId};
use crate::old_surface::standing::Standing;
use crate::old_surface::stats_url::StatsUrl;

/// A node of the old house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldNode {
    /// Where it says what it does: the first address it named.
    pub stats_url: StatsUrl,
    /// When it was heard of.
    pub last_at: UnixMs,
    /// What polls found out.
    pub standing: Standing,
    /// When it is to be polled.
    pub next_poll_at: UnixMs,
}

/// A node whose poll is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNode {
    /// The node.
    pub node: OldNodeId,
    /// Where to ask.
    pub stats_url: StatsUrl,
}

pub(super) fn old_node_id(text: &str) -> Result<OldNodeId> {
    text.parse().map_err(|_| StorageError::Unreadable { what: "old node id" })
}

fn stats_url(text: &str) -> Result<StatsUrl> {
    text.parse().map_err(|_| StorageError::Unreadable { what: "statistics address" })
}

impl Tx {
    /// A node of the old house.
    pub async fn old_node(&mut self, node: &OldNodeId) -> Result<Option<OldNode>> {
        let row: Option<(String, i64, i64, Option<i64>, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT stats_url, last_at, run, flagged_at, next_poll_at
             FROM old_nodes WHERE node = $1",
        )
        .bind(node.as_str())
        .fetch_optional(db)
        .await)?;
        let Some((url, last_at, run, flagged_at, next_poll_at)) = row else { return Ok(None) };
        let run = i32::try_from(run).map_err(|_| StorageError::Unreadable { what: "run of verdicts" })?;
        Ok(Some(OldNode {
            stats_url: stats_url(&url)?,
            last_at: time(last_at),
            standing: Standing { run, flagged_at: flagged_at.map(time) },
            next_poll_at: time(next_poll_at),
        }))
    }

    /// Adds a node of the old house.
    pub async fn create_old_node(
        &mut self,
        node: &OldNodeId,
        stats_url: &StatsUrl,
        next_poll_at: UnixMs,
        now: UnixMs,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO old_nodes (node, stats_url, host, first_at, last_at, run, next_poll_at,
                                    foreign_heartbeats)
             VALUES ($1, $2, $3, $4, $4, 0, $5, 0)",
        )
        .bind(node.as_str())
        .bind(stats_url.as_str())
        .bind(stats_url.host())
        .bind(int(now.0))
        .bind(int(next_poll_at.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// A node of the old house was heard of.
    pub async fn heard_old_node(
        &mut self,
        node: &OldNodeId,
        next_poll_at: UnixMs,
        now: UnixMs,
    ) -> Result<()> {
        on!(self, |db| sqlx::query("UPDATE old_nodes SET last_at = $2, next_poll_at = $3 WHERE node = $1")
            .bind(node.as_str())
            .bind(int(now.0))
            .bind(int(next_poll_at.0))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// How many nodes of the old house there are, and how many of them at `host`.
    pub async fn count_old_nodes(&mut self, host: &str) -> Result<(u64, u64)> {
        let (all, at_host): (i64, i64) = on!(self, |db| sqlx::query_as(
            "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN host = $1 THEN 1 ELSE 0 END), 0) AS BIGINT)
             FROM old_nodes",
        )
        .bind(host)
        .fetch_one(db)
        .await)?;
        Ok((uint(all), uint(at_host)))
    }

    /// Nodes of the old house that may be forgotten, the longest silent first, at most `limit`: those not heard
    /// of since `silent_since`, and those not heard of since `unproven_since` that never earned, were not shown
    /// streaming by the last poll that told, and are not flagged.
    pub async fn forgettable_old_nodes(
        &mut self,
        silent_since: UnixMs,
        unproven_since: UnixMs,
        limit: u32,
    ) -> Result<Vec<OldNodeId>> {
        let nodes: Vec<String> = on!(self, |db| sqlx::query_scalar(
            "SELECT n.node FROM old_nodes n
             WHERE n.last_at <= $1
                OR (n.last_at <= $2 AND n.run <= 0 AND n.flagged_at IS NULL
                    AND NOT EXISTS (SELECT 1 FROM old_earnings e WHERE e.node = n.node))
             ORDER BY n.last_at, n.node LIMIT $3",
        )
        .bind(int(silent_since.0))
        .bind(int(unproven_since.0))
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        nodes.iter().map(|node| old_node_id(node)).collect()
    }

    /// Forgets which streams nodes of the old house supported that they have not supported since.
    pub async fn forget_old_supports(&mut self, since: UnixMs) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM old_supports WHERE last_at <= $1")
            .bind(int(since.0))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Forgets one node of the old house; false if there is none. What it earned stays.
    pub async fn forget_old_node(&mut self, node: &OldNodeId) -> Result<bool> {
        on!(self, |db| sqlx::query("DELETE FROM old_supports WHERE node = $1")
            .bind(node.as_str())
            .execute(db)
            .await
            .map(drop))?;
        on!(self, |db| sqlx::query("DELETE FROM old_foreign WHERE node = $1")
            .bind(node.as_str())
            .execute(db)
            .await
            .map(drop))?;
        let done = on!(self, |db| sqlx::query("DELETE FROM old_nodes WHERE node = $1")
            .bind(node.as_str())
            .execute(db)
            .await?
            .rows_affected());
        Ok(done == 1)
    }

    /// Keeps as evidence that a heartbeat named another address under a node's name: the address, if fewer
    /// than `most` are kept of the node or it is one of them, and how many such heartbeats there were.
    pub async fn note_foreign_heartbeat(
        &mut self,
        node: &OldNodeId,
        named: &StatsUrl,
        most: u32,
        now: UnixMs,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "UPDATE old_nodes SET foreign_heartbeats = foreign_heartbeats + 1 WHERE node = $1"
        )
        .bind(node.as_str())
        .execute(db)
        .await
        .map(drop))?;
        let again = on!(self, |db| sqlx::query(
            "UPDATE old_foreign SET times = times + 1, last_at = $3 WHERE node = $1 AND stats_url = $2",
        )
        .bind(node.as_str())
        .bind(named.as_str())
        .bind(int(now.0))
        .execute(db)
        .await?
        .rows_affected());
        let kept: i64 =
            on!(self, |db| sqlx::query_scalar("SELECT COUNT(*) FROM old_foreign WHERE node = $1")
                .bind(node.as_str())
                .fetch_one(db)
                .await)?;
        if again == 0 && uint(kept) < u64::from(most) {
            on!(self, |db| sqlx::query(
                "INSERT INTO old_foreign (node, stats_url, first_at, last_at, times)
                 VALUES ($1, $2, $3, $3, 1)",
            )
            .bind(node.as_str())
            .bind(named.as_str())
            .bind(int(now.0))
            .execute(db)
            .await
            .map(drop))?;
        }
        Ok(())
    }

    /// When a node of the old house last said to support a stream.
    pub async fn old_support(&mut self, stream: &OldStreamId, node: &OldNodeId) -> Result<Option<UnixMs>> {
        let last_at: Option<i64> = on!(self, |db| sqlx::query_scalar(
            "SELECT last_at FROM old_supports WHERE stream = $1 AND node = $2"
        )
        .bind(stream.as_str())
        .bind(node.as_str())
        .fetch_optional(db)
        .await)?;
        Ok(last_at.map(time))
    }

    /// How many nodes were ever heard of for `stream`, and for how many streams `node` was.
    pub async fn count_old_supports(&mut self, stream: &OldStreamId, node: &OldNodeId) -> Result<(u64, u64)> {
        let (of_stream, of_node): (i64, i64) = on!(self, |db| sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM old_supports WHERE stream = $1),
                    (SELECT COUNT(*) FROM old_supports WHERE node = $2)",
        )
        .bind(stream.as_str())
        .bind(node.as_str())
        .fetch_one(db)
        .await)?;
        Ok((uint(of_stream), uint(of_node)))
    }

    /// A node of the old house says to support a stream.
    pub async fn save_old_support(
        &mut self,
        stream: &OldStreamId,
        node: &OldNodeId,
        now: UnixMs,
    ) -> Result<()> {
        on!(self, |db| sqlx::query(
            "INSERT INTO old_supports (stream, node, last_at) VALUES ($1, $2, $3)
             ON CONFLICT (stream, node) DO UPDATE SET last_at = excluded.last_at",
        )
        .bind(stream.as_str())
        .bind(node.as_str())
        .bind(int(now.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// The nodes heard of for a stream since `active_after` that are not flagged, by id.
    pub async fn active_old_nodes(
        &mut self,
        stream: &OldStreamId,
        active_after: UnixMs,
    ) -> Result<Vec<DueNode>> {
        let rows: Vec<(String, String)> = on!(self, |db| sqlx::query_as(
            "SELECT n.node, n.stats_url FROM old_supports s JOIN old_nodes n ON n.node = s.node
             WHERE s.stream = $1 AND s.last_at > $2 AND n.flagged_at IS NULL ORDER BY n.node",
        )
        .bind(stream.as_str())
        .bind(int(active_after.0))
        .fetch_all(db)
        .await)?;
        rows.iter()
            .map(|(node, url)| Ok(DueNode { node: old_node_id(node)?, stats_url: stats_url(url)? }))
            .collect()
    }

    /// The active streams with something left to pay for which a node was heard of since `active_after`.
    pub async fn old_streams_to_show(
        &mut self,
        node: &OldNodeId,
        active_after: UnixMs,
    ) -> Result<Vec<OldStreamId>> {
        let rows: Vec<String> = on!(self, |db| sqlx::query_scalar(
            "SELECT s.stream FROM old_supports s JOIN old_streams t ON t.stream = s.stream
             WHERE s.node = $1 AND s.last_at > $2 AND t.is_active = TRUE AND t.pool_left > 0
             ORDER BY s.stream",
        )
        .bind(node.as_str())
        .bind(int(active_after.0))
        .fetch_all(db)
        .await)?;
        let unreadable = |_| StorageError::Unreadable { what: "old stream id" };
        rows.iter().map(|stream| stream.parse().map_err(unreadable)).collect()
    }

    /// The nodes whose poll is due at `now` and that might earn, the longest due first; at most `limit`.
    pub async fn due_old_nodes(
        &mut self,
        now: UnixMs,
        active_after: UnixMs,
        limit: u32,
    ) -> Result<Vec<DueNode>> {
        let rows: Vec<(String, String)> = on!(self, |db| sqlx::query_as(
            "SELECT n.node, n.stats_url FROM old_nodes n
             WHERE n.next_poll_at <= $1 AND EXISTS (
                SELECT 1 FROM old_supports s JOIN old_streams t ON t.stream = s.stream
                WHERE s.node = n.node AND s.last_at > $2 AND t.is_active = TRUE AND t.pool_left > 0)
             ORDER BY n.next_poll_at, n.node LIMIT $3",
        )
        .bind(int(now.0))
        .bind(int(active_after.0))
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        rows.iter()
            .map(|(node, url)| Ok(DueNode { node: old_node_id(node)?, stats_url: stats_url(url)? }))
            .collect()
    }

    /// Takes the poll of a node that is due at `now`, and sets when its next is. False if somebody else took it.
    pub async fn take_old_poll(&mut self, node: &OldNodeId, now: UnixMs, next: UnixMs) -> Result<bool> {
        let done = on!(self, |db| sqlx::query(
            "UPDATE old_nodes SET next_poll_at = $2 WHERE node = $1 AND next_poll_at <= $3"
        )
        .bind(node.as_str())
        .bind(int(next.0))
        .bind(int(now.0))
        .execute(db)
        .await?
        .rows_affected());
        Ok(done == 1)
    }

    /// Replaces what polls found out about a node of the old house.
    pub async fn save_old_standing(&mut self, node: &OldNodeId, standing: Standing) -> Result<()> {
        on!(self, |db| sqlx::query("UPDATE old_nodes SET run = $2, flagged_at = $3 WHERE node = $1")
            .bind(node.as_str())
            .bind(i64::from(standing.run))
            .bind(standing.flagged_at.map(|at| int(at.0)))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }
}
