//! Invites, by the hash of their code.

use data_encoding::HEXLOWER;
use streamr_coordinator_api::{InviteState, ListedInvite};
use streamr_model::{NodeId, StreamId, UnixMs};

use super::{Dialect, Result, StorageError, Tx, blob, int, node_id, stream_id, time, uint};
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
    /// Whether the streamer took it back.
    pub is_revoked: bool,
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
    /// The streamer took it back.
    Revoked,
}

#[derive(sqlx::FromRow)]
struct Row {
    stream: String,
    expires_at: i64,
    used_by: Option<Vec<u8>>,
    revoked_at: Option<i64>,
}

impl TryFrom<Row> for Invite {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            stream: stream_id(&row.stream)?,
            expires_at: time(row.expires_at),
            used_by: row.used_by.as_deref().map(node_id).transpose()?,
            is_revoked: row.revoked_at.is_some(),
        })
    }
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    code_hash: Vec<u8>,
    created_at: i64,
    expires_at: i64,
    used_by: Option<Vec<u8>>,
    revoked_at: Option<i64>,
}

impl ListedRow {
    fn listed(self, now: UnixMs) -> Result<ListedInvite> {
        let state = match self {
            Self { used_by: Some(_), .. } => InviteState::Used,
            Self { revoked_at: Some(_), .. } => InviteState::Revoked,
            Self { expires_at, .. } if time(expires_at) <= now => InviteState::Expired,
            _ => InviteState::Open,
        };
        Ok(ListedInvite {
            invite: HEXLOWER.encode(&self.code_hash),
            created_at: time(self.created_at),
            expires_at: time(self.expires_at),
            state,
            used_by: self.used_by.as_deref().map(node_id).transpose()?,
        })
    }
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
        let row: Option<Row> = on!(self, |db| sqlx::query_as(
            "SELECT stream, expires_at, used_by, revoked_at FROM invites WHERE code_hash = $1",
        )
        .bind(code.as_bytes())
        .fetch_optional(db)
        .await)?;
        row.map(Invite::try_from).transpose()
    }

    /// Uses up an invite for an enrolled node.
    pub async fn use_invite(&mut self, code: SecretHash, node: &NodeId, now: UnixMs) -> Result<UseOfInvite> {
        let used = match self.invite(code).await? {
            None => UseOfInvite::Unknown,
            Some(Invite { used_by: Some(user), .. }) if user == *node => UseOfInvite::Accepted,
            Some(Invite { used_by: Some(_), .. }) => UseOfInvite::Used,
            Some(invite) if invite.is_revoked => UseOfInvite::Revoked,
            Some(invite) if invite.expires_at <= now => UseOfInvite::Expired,
            Some(_) => {
                // The condition makes the winner certain: whoever comes second waits for the first and finds
                // it used.
                let mark = "UPDATE invites SET used_by = $1, used_at = $2
                            WHERE code_hash = $3 AND used_by IS NULL AND revoked_at IS NULL";
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

    /// How many invites of the stream can still be used.
    pub async fn count_open_invites(&mut self, stream: &StreamId, now: UnixMs) -> Result<u64> {
        let count: i64 = on!(self, |db| sqlx::query_scalar(
            "SELECT count(*) FROM invites
             WHERE stream = $1 AND expires_at > $2 AND used_by IS NULL AND revoked_at IS NULL",
        )
        .bind(stream.as_str())
        .bind(int(now.0))
        .fetch_one(db)
        .await)?;
        Ok(uint(count))
    }

    /// The stream's invites, the newest first, at most `limit`.
    ///
    /// Each is named by the hash of its code. Nobody finds the code from that, and the hash itself opens nothing.
    pub async fn invites_of(
        &mut self,
        stream: &StreamId,
        now: UnixMs,
        limit: u32,
    ) -> Result<Vec<ListedInvite>> {
        let rows: Vec<ListedRow> = on!(self, |db| sqlx::query_as(
            "SELECT code_hash, created_at, expires_at, used_by, revoked_at FROM invites
             WHERE stream = $1 ORDER BY created_at DESC, code_hash LIMIT $2",
        )
        .bind(stream.as_str())
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(|row| row.listed(now)).collect()
    }

    /// Takes an invite of the stream back, by the name that [`Tx::invites_of`] gave it; false if there is none
    /// that was not used. Taking it back again changes nothing.
    pub async fn revoke_invite(&mut self, stream: &StreamId, invite: &str, now: UnixMs) -> Result<bool> {
        let Ok(code_hash) = HEXLOWER.decode(invite.as_bytes()) else { return Ok(false) };
        let done = on!(self, |db| sqlx::query(
            "UPDATE invites SET revoked_at = COALESCE(revoked_at, $1)
             WHERE stream = $2 AND code_hash = $3 AND used_by IS NULL",
        )
        .bind(int(now.0))
        .bind(stream.as_str())
        .bind(code_hash)
        .execute(db)
        .await?
        .rows_affected());
        Ok(done == 1)
    }
}
