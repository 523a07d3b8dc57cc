//! Invites to make an account of a role, by the hash of their code.

use streamr_coordinator_api::Role;
use streamr_model::UnixMs;

use super::accounts::{role, role_text};
use super::{Result, Tx, int, uint};
use crate::secret::SecretHash;

impl Tx {
    /// Stores a new account invite and forgets those that are over.
    pub async fn create_account_invite(
        &mut self,
        code: SecretHash,
        role: Role,
        now: UnixMs,
        expires_at: UnixMs,
    ) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM account_invites WHERE expires_at <= $1")
            .bind(int(now.0))
            .execute(db)
            .await
            .map(drop))?;
        on!(self, |db| sqlx::query(
            "INSERT INTO account_invites (code_hash, role, expires_at) VALUES ($1, $2, $3)"
        )
        .bind(code.as_bytes())
        .bind(role_text(role))
        .bind(int(expires_at.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// How many account invites can still be used.
    pub async fn count_account_invites(&mut self, now: UnixMs) -> Result<u64> {
        let count: i64 =
            on!(self, |db| sqlx::query_scalar("SELECT count(*) FROM account_invites WHERE expires_at > $1")
                .bind(int(now.0))
                .fetch_one(db)
                .await)?;
        Ok(uint(count))
    }

    /// Uses up an account invite; the role that it gives. `None` if there is none with this code, or no longer.
    pub async fn take_account_invite(&mut self, code: SecretHash, now: UnixMs) -> Result<Option<Role>> {
        let text: Option<String> = on!(self, |db| sqlx::query_scalar(
            "DELETE FROM account_invites WHERE code_hash = $1 AND expires_at > $2 RETURNING role",
        )
        .bind(code.as_bytes())
        .bind(int(now.0))
        .fetch_optional(db)
        .await)?;
        text.as_deref().map(role).transpose()
    }
}
