//! Whose a stream is, and its publish secret.

use streamr_model::{AccountId, StreamId};

use super::accounts::account_id;
use super::{Result, Tx, stream_id, uint};
use crate::secret::SecretHash;

impl Tx {
    /// Gives a stream that was just registered to an account.
    pub async fn own_stream(&mut self, stream: &StreamId, account: &AccountId) -> Result<()> {
        on!(self, |db| sqlx::query("INSERT INTO stream_owners (stream, account) VALUES ($1, $2)")
            .bind(stream.as_str())
            .bind(account.0.as_slice())
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Whose a stream is; `None` for those registered with the operator token.
    pub async fn owner_of_stream(&mut self, stream: &StreamId) -> Result<Option<AccountId>> {
        let account: Option<Vec<u8>> =
            on!(self, |db| sqlx::query_scalar("SELECT account FROM stream_owners WHERE stream = $1")
                .bind(stream.as_str())
                .fetch_optional(db)
                .await)?;
        account.as_deref().map(account_id).transpose()
    }

    /// The account's streams, by id.
    pub async fn streams_of_account(&mut self, account: &AccountId) -> Result<Vec<StreamId>> {
        let rows: Vec<String> = on!(self, |db| sqlx::query_scalar(
            "SELECT stream FROM stream_owners WHERE account = $1 ORDER BY stream"
        )
        .bind(account.0.as_slice())
        .fetch_all(db)
        .await)?;
        rows.iter().map(|text| stream_id(text)).collect()
    }

    /// How many streams the account has.
    pub async fn count_streams(&mut self, account: &AccountId) -> Result<u64> {
        let count: i64 =
            on!(self, |db| sqlx::query_scalar("SELECT count(*) FROM stream_owners WHERE account = $1")
                .bind(account.0.as_slice())
                .fetch_one(db)
                .await)?;
        Ok(uint(count))
    }

    /// Puts another publish secret in the place of the stream's: the one before is void at once.
    pub async fn set_publish_secret(&mut self, stream: &StreamId, secret: SecretHash) -> Result<()> {
        on!(self, |db| sqlx::query("UPDATE streams SET secret_hash = $1 WHERE stream = $2")
            .bind(secret.as_bytes())
            .bind(stream.as_str())
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }
}
