//! Sessions of people, by the hash of their token.

use streamr_model::{AccountId, UnixMs};

use super::accounts::Row as AccountRow;
use super::{Dialect, Result, Tx, int, time};
use crate::accounts::Account;
use crate::secret::SecretHash;

/// A session as stored. Whether it still lasts is [`crate::accounts::lifetime`]'s to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonSession {
    /// Whose it is.
    pub account: Account,
    /// When it began.
    pub began_at: UnixMs,
    /// When it was last noted to be used.
    pub last_at: UnixMs,
}

#[derive(sqlx::FromRow)]
struct Row {
    began_at: i64,
    last_at: i64,
    #[sqlx(flatten)]
    account: AccountRow,
}

impl Tx {
    /// Begins a session and forgets those that are over: of anybody by their end, of this account those beyond
    /// `most` that were unused longest. The account is to be locked.
    pub async fn begin_sign_in(
        &mut self,
        token: SecretHash,
        account: &AccountId,
        now: UnixMs,
        ends_at: UnixMs,
        most: u32,
    ) -> Result<()> {
        let forget = match self.dialect() {
            Dialect::Sqlite => "DELETE FROM sign_ins WHERE ends_at <= $1",
            Dialect::Postgres => {
                "DELETE FROM sign_ins WHERE token_hash = ANY (ARRAY(
                    SELECT token_hash FROM sign_ins WHERE ends_at <= $1 FOR UPDATE SKIP LOCKED))"
            }
        };
        on!(self, |db| sqlx::query(forget).bind(int(now.0)).execute(db).await.map(drop))?;
        on!(self, |db| sqlx::query(
            "DELETE FROM sign_ins WHERE account = $1 AND token_hash NOT IN (
                SELECT token_hash FROM sign_ins WHERE account = $1
                ORDER BY last_at DESC, token_hash LIMIT $2)",
        )
        .bind(account.0.as_slice())
        .bind(i64::from(most.saturating_sub(1)))
        .execute(db)
        .await
        .map(drop))?;
        on!(self, |db| sqlx::query(
            "INSERT INTO sign_ins (token_hash, account, began_at, last_at, ends_at)
             VALUES ($1, $2, $3, $3, $4)",
        )
        .bind(token.as_bytes())
        .bind(account.0.as_slice())
        .bind(int(now.0))
        .bind(int(ends_at.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// The session whose token has this hash. As for nodes' tokens, the index's timing tells nothing about a
    /// token nobody knows.
    pub async fn sign_in(&mut self, token: SecretHash) -> Result<Option<PersonSession>> {
        let row: Option<Row> = on!(self, |db| sqlx::query_as(
            "SELECT s.began_at, s.last_at,
                    p.account, p.handle, p.email, p.role, p.standing, p.created_at
             FROM sign_ins s JOIN people p ON p.account = s.account WHERE s.token_hash = $1",
        )
        .bind(token.as_bytes())
        .fetch_optional(db)
        .await)?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(PersonSession {
            account: row.account.try_into()?,
            began_at: time(row.began_at),
            last_at: time(row.last_at),
        }))
    }

    /// Notes that a session is used.
    pub async fn note_sign_in(&mut self, token: SecretHash, now: UnixMs) -> Result<()> {
        on!(self, |db| sqlx::query("UPDATE sign_ins SET last_at = $1 WHERE token_hash = $2")
            .bind(int(now.0))
            .bind(token.as_bytes())
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Ends a session.
    pub async fn end_sign_in(&mut self, token: SecretHash) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM sign_ins WHERE token_hash = $1")
            .bind(token.as_bytes())
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Ends every session of the account, but the one under `kept` if there is one.
    pub async fn end_sign_ins(&mut self, account: &AccountId, kept: Option<SecretHash>) -> Result<()> {
        let kept = kept.as_ref().map_or(&[] as &[u8], SecretHash::as_bytes);
        on!(self, |db| sqlx::query("DELETE FROM sign_ins WHERE account = $1 AND token_hash <> $2")
            .bind(account.0.as_slice())
            .bind(kept)
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }
}
