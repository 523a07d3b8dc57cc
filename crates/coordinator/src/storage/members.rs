//! Who supports a stream now, and the version of that knowledge.

use streamr_coordinator_api::MemberView;
use streamr_model::{BitsPerSecond, NodeId, StreamId, UnixMs};

use super::{Result, Tx, addresses, blob, int, node_id, time, uint};

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
    /// there was any; then the membership has changed.
    pub async fn drop_lapsed(
        &mut self,
        stream: &StreamId,
        live_after: UnixMs,
        member_after: UnixMs,
    ) -> Result<bool> {
        let members = sqlx::query(
            "UPDATE sessions SET is_member = 0 WHERE stream = ? AND is_member = 1 AND last_at <= ?",
        )
        .bind(stream.as_str())
        .bind(int(member_after.0))
        .execute(self.db())
        .await?;
        let signer =
            sqlx::query("UPDATE lives SET is_live = 0 WHERE stream = ? AND is_live = 1 AND last_at <= ?")
                .bind(stream.as_str())
                .bind(int(live_after.0))
                .execute(self.db())
                .await?;
        Ok(members.rows_affected() + signer.rows_affected() > 0)
    }

    /// Whether [`Tx::drop_lapsed`] would find any.
    pub async fn has_lapsed(
        &mut self,
        stream: &StreamId,
        live_after: UnixMs,
        member_after: UnixMs,
    ) -> Result<bool> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM sessions WHERE stream = ? AND is_member = 1 AND last_at <= ?)
                 OR EXISTS (SELECT 1 FROM lives WHERE stream = ? AND is_live = 1 AND last_at <= ?)",
        )
        .bind(stream.as_str())
        .bind(int(member_after.0))
        .bind(stream.as_str())
        .bind(int(live_after.0))
        .fetch_one(self.db())
        .await?)
    }

    /// The version of a registered stream's membership.
    pub async fn membership_version(&mut self, stream: &StreamId) -> Result<u64> {
        let version: i64 = sqlx::query_scalar("SELECT membership_version FROM streams WHERE stream = ?")
            .bind(stream.as_str())
            .fetch_one(self.db())
            .await?;
        Ok(uint(version))
    }

    /// Counts a change of the stream's membership; the new version.
    pub async fn membership_changed(&mut self, stream: &StreamId) -> Result<u64> {
        let version: i64 = sqlx::query_scalar(
            "UPDATE streams SET membership_version = membership_version + 1 WHERE stream = ?
             RETURNING membership_version",
        )
        .bind(stream.as_str())
        .fetch_one(self.db())
        .await?;
        Ok(uint(version))
    }

    /// The members, by id.
    pub async fn members(&mut self, stream: &StreamId) -> Result<Vec<Member>> {
        let rows: Vec<(Vec<u8>, String, i64, i64)> = sqlx::query_as(
            "SELECT node, addresses, uplink_bps, started_at FROM sessions WHERE stream = ? AND is_member = 1
             ORDER BY node",
        )
        .bind(stream.as_str())
        .fetch_all(self.db())
        .await?;
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
            sqlx::query_scalar("SELECT node FROM electors WHERE stream = ? ORDER BY node")
                .bind(stream.as_str())
                .fetch_all(self.db())
                .await?;
        rows.iter().map(|node| node_id(node)).collect()
    }

    /// Replaces the electors.
    pub async fn save_electors(&mut self, stream: &StreamId, electors: &[NodeId]) -> Result<()> {
        sqlx::query("DELETE FROM electors WHERE stream = ?").bind(stream.as_str()).execute(self.db()).await?;
        for elector in electors {
            sqlx::query("INSERT INTO electors (stream, node) VALUES (?, ?)")
                .bind(stream.as_str())
                .bind(blob(elector))
                .execute(self.db())
                .await?;
        }
        Ok(())
    }
}
