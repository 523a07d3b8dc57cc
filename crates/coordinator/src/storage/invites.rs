//! Invites, by the hash of their code.

use streamr_model::{NodeId, StreamId, UnixMs};

use super::{Dialect, Result, Tx, blob, int, node_id, stream_id, time};
use crate::secret::SecretHash;

/// An invite that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// The stream it is scoped to.
    pub stream: StreamId,
    /// When it expires.
    pub expires_at: UnixMs,
    /// Who used it up.
    pub used_by: Option<NodeId>,
}

/// What became of an attempt to use an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseOfInvite {
    /// It is now used up by this node, or was before: a node that lost the answer may ask again.
    Accepted,
    /// There is none with this code.
    Unknown,
    /// Another node used it.
    Used,
    /// Its time is over.
    Expired,
}

impl Tx {
    /// Stores a new invite and forgets those that expired before `forget_before`.
    pub async fn create_invite(
        &mut self,
        code: SecretHash,
        stream: &StreamId,
        now: UnixMs,
        expires_at: UnixMs,
        forget_before: UnixMs,
    ) -> Result<()> {
        // What somebody else is forgetting is skipped: two who took the same rows in different orders would
        // wait for each other.
        let forget = match self.dialect() {
            Dialect::Sqlite => "DELETE FROM invites WHERE expires_at < $1",
            Dialect::Postgres => {
                "DELETE FROM invites WHERE code_hash = ANY (ARRAY(
                    SELECT code_hash FROM invites WHERE expires_at < $1 FOR UPDATE SKIP LOCKED))"
            }
        };
        on!(self, |db| sqlx::query(forget).bind(int(forget_before.0)).execute(db).await.map(drop))?;
        on!(self, |db| sqlx::query(
            "INSERT INTO invites (code_hash, stream, created_at, expires_at) VALUES ($1, $2, $3, $4)"
        )
        .bind(code.as_bytes())
        .bind(stream.as_str())
        .bind(int(now.0))
        .bind(int(expires_at.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// The invite with this code.
    pub async fn invite(&mut self, code: SecretHash) -> Result<Option<Invite>> {
        let row: Option<(String, i64, Option<Vec<u8>>)> = on!(self, |db| sqlx::query_as(
            "SELECT stream, expires_at, used_by FROM invites WHERE code_hash = $1"
        )
        .bind(code.as_bytes())
        .fetch_optional(db)
        .await)?;
        let Some((stream, expires_at, used_by)) = row else { return Ok(None) };
        let used_by = used_by.as_deref().map(node_id).transpose()?;
        Ok(Some(Invite { stream: stream_id(&stream)?, expires_at: time(expires_at), used_by }))
    }

    /// Uses up an invite for an enrolled node.
    pub async fn use_invite(&mut self, code: SecretHash, node: &NodeId, now: UnixMs) -> Result<UseOfInvite> {
        let used = match self.invite(code).await? {
            None => UseOfInvite::Unknown,
            Some(Invite { used_by: Some(user), .. }) if user == *node => UseOfInvite::Accepted,
            Some(Invite { used_by: Some(_), .. }) => UseOfInvite::Used,
            Some(invite) if invite.expires_at <= now => UseOfInvite::Expired,
            Some(_) => {
                // The condition makes the winner certain: whoever comes second waits for the first and finds
                // it used.
                let mark =
                    "UPDATE invites SET used_by = $1, used_at = $2 WHERE code_hash = $3 AND used_by IS NULL";
                let used = on!(self, |db| sqlx::query(mark)
                    .bind(blob(node))
                    .bind(int(now.0))
                    .bind(code.as_bytes())
                    .execute(db)
                    .await?
                    .rows_affected());
                if used == 1 { UseOfInvite::Accepted } else { UseOfInvite::Used }
            }
        };
        Ok(used)
    }
}
