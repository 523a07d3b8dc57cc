//! Who supports a stream now, and the version of that knowledge.

use streamr_coordinator_api::MemberView;
use streamr_model::{BitsPerSecond, NodeId, StreamId, UnixMs};

use super::{Dialect, Result, Tx, addresses, blob, int, node_id, time, uint};

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// As others see it.
    pub view: MemberView,
    /// When its session began.
    pub since: UnixMs,
}

impl Tx {
    /// Takes out the members and the signer not heard of since `member_after` and `live_after`. True if
    /// there was any; then the membership has changed. The stream is to be locked. A node that is locked is
    /// being heard of in this moment, so on PostgreSQL it stays.
    pub async fn drop_lapsed(
        &mut self,
        stream: &StreamId,
        live_after: UnixMs,
        member_after: UnixMs,
    ) -> Result<bool> {
        // A node locks itself before its stream, so whoever has the stream must not wait for a node.
        let drop_members = match self.dialect() {
            Dialect::Sqlite => {
                "UPDATE sessions SET is_member = FALSE
                 WHERE stream = $1 AND is_member = TRUE AND last_at <= $2"
            }
            Dialect::Postgres => {
                "UPDATE sessions SET is_member = FALSE
                 WHERE stream = $1 AND is_member = TRUE AND last_at <= $2 AND node = ANY (ARRAY(
                    SELECT n.node FROM sessions s JOIN nodes n ON n.node = s.node
                    WHERE s.stream = $1 AND s.is_member = TRUE AND s.last_at <= $2
                    FOR NO KEY UPDATE OF n SKIP LOCKED))"
            }
        };
        let members = on!(self, |db| sqlx::query(drop_members)
            .bind(stream.as_str())
            .bind(int(member_after.0))
            .execute(db)
            .await?
            .rows_affected());
        let signer = on!(self, |db| sqlx::query(
            "UPDATE lives SET is_live = FALSE WHERE stream = $1 AND is_live = TRUE AND last_at <= $2"
        )
        .bind(stream.as_str())
        .bind(int(live_after.0))
        .execute(db)
        .await?
        .rows_affected());
        Ok(members + signer > 0)
    }

    /// When the member was heard of that has been silent for longest. Looks at every member.
    pub async fn longest_silent(&mut self, stream: &StreamId) -> Result<Option<UnixMs>> {
        let last_at: Option<i64> = on!(self, |db| sqlx::query_scalar(
            "SELECT MIN(last_at) FROM sessions WHERE stream = $1 AND is_member = TRUE"
        )
        .bind(stream.as_str())
        .fetch_one(db)
        .await)?;
        Ok(last_at.map(time))
    }

    /// The version of a registered stream's membership.
    pub async fn membership_version(&mut self, stream: &StreamId) -> Result<u64> {
        let version: i64 =
            on!(self, |db| sqlx::query_scalar("SELECT membership_version FROM streams WHERE stream = $1")
                .bind(stream.as_str())
                .fetch_one(db)
                .await)?;
        Ok(uint(version))
    }

    /// Counts a change of the stream's membership; the new version.
    pub async fn membership_changed(&mut self, stream: &StreamId) -> Result<u64> {
        let version: i64 = on!(self, |db| sqlx::query_scalar(
            "UPDATE streams SET membership_version = membership_version + 1 WHERE stream = $1
             RETURNING membership_version",
        )
        .bind(stream.as_str())
        .fetch_one(db)
        .await)?;
        Ok(uint(version))
    }

    /// The members, by id.
    pub async fn members(&mut self, stream: &StreamId) -> Result<Vec<Member>> {
        let rows: Vec<(Vec<u8>, String, i64, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT node, addresses, uplink_bps, started_at FROM sessions
             WHERE stream = $1 AND is_member = TRUE ORDER BY node",
        )
        .bind(stream.as_str())
        .fetch_all(db)
        .await)?;
        let member = |(node, texts, uplink, started_at): (Vec<u8>, String, i64, i64)| {
            let uplink_bps = BitsPerSecond(uint(uplink));
            let view = MemberView { node: node_id(&node)?, addresses: addresses(&texts)?, uplink_bps };
            Ok(Member { view, since: time(started_at) })
        };
        rows.into_iter().map(member).collect()
    }

    /// The electors so far, by id.
    pub async fn electors(&mut self, stream: &StreamId) -> Result<Vec<NodeId>> {
        let rows: Vec<Vec<u8>> =
            on!(self, |db| sqlx::query_scalar("SELECT node FROM electors WHERE stream = $1 ORDER BY node")
                .bind(stream.as_str())
                .fetch_all(db)
                .await)?;
        rows.iter().map(|node| node_id(node)).collect()
    }

    /// Replaces the electors.
    pub async fn save_electors(&mut self, stream: &StreamId, electors: &[NodeId]) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM electors WHERE stream = $1")
            .bind(stream.as_str())
            .execute(db)
            .await
            .map(drop))?;
        for elector in electors {
            on!(self, |db| sqlx::query("INSERT INTO electors (stream, node) VALUES ($1, $2)")
                .bind(stream.as_str())
                .bind(blob(elector))
                .execute(db)
                .await
                .map(drop))?;
        }
        Ok(())
    }
}
