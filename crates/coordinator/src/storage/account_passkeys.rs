//! Passkeys, and ceremonies under way.

use streamr_model::{AccountId, UnixMs};

use super::accounts::account_id;
use super::{Dialect, Result, Tx, int, time, uint};

/// Ceremonies remembered at most. At the bound the oldest is forgotten: even if hundreds begin in every second,
/// a person has half a minute for theirs.
const MAX_CEREMONIES: i64 = 16_384;

/// A ceremony under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceremony {
    /// Who adds a passkey; `None` where somebody signs in.
    pub account: Option<AccountId>,
    /// As the library encodes it.
    pub state: Vec<u8>,
}

/// A passkey as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPasskey {
    /// The credential's id, which the authenticator chose.
    pub credential: Vec<u8>,
    /// Whose it is.
    pub account: AccountId,
    /// What its person calls it.
    pub name: String,
    /// What never changes, the public key among it, as the library encodes it.
    pub static_state: Vec<u8>,
    /// What every use changes, the counter among it, as the library encodes it.
    pub dynamic_state: Vec<u8>,
    /// When it was added.
    pub added_at: UnixMs,
    /// When it was last used.
    pub used_at: Option<UnixMs>,
}

#[derive(sqlx::FromRow)]
struct Row {
    credential: Vec<u8>,
    account: Vec<u8>,
    name: String,
    static_state: Vec<u8>,
    dynamic_state: Vec<u8>,
    added_at: i64,
    used_at: Option<i64>,
}

impl TryFrom<Row> for StoredPasskey {
    type Error = super::StorageError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            account: account_id(&row.account)?,
            credential: row.credential,
            name: row.name,
            static_state: row.static_state,
            dynamic_state: row.dynamic_state,
            added_at: time(row.added_at),
            used_at: row.used_at.map(time),
        })
    }
}

impl Tx {
    /// Remembers a ceremony that begins, and forgets those that are over.
    pub async fn begin_ceremony(
        &mut self,
        challenge: &[u8],
        ceremony: &Ceremony,
        now: UnixMs,
        expires_at: UnixMs,
    ) -> Result<()> {
        let (forget, forget_oldest) = match self.dialect() {
            Dialect::Sqlite => (
                "DELETE FROM passkey_ceremonies WHERE expires_at <= $1",
                "DELETE FROM passkey_ceremonies WHERE challenge IN (
                    SELECT challenge FROM passkey_ceremonies ORDER BY expires_at, challenge LIMIT $1)",
            ),
            // Those who begin at once pass the bound by as many; the next takes them all out.
            Dialect::Postgres => (
                "DELETE FROM passkey_ceremonies WHERE challenge = ANY (ARRAY(
                    SELECT challenge FROM passkey_ceremonies WHERE expires_at <= $1 FOR UPDATE SKIP LOCKED))",
                "DELETE FROM passkey_ceremonies WHERE challenge = ANY (ARRAY(
                    SELECT challenge FROM passkey_ceremonies ORDER BY expires_at, challenge LIMIT $1
                    FOR UPDATE SKIP LOCKED))",
            ),
        };
        on!(self, |db| sqlx::query(forget).bind(int(now.0)).execute(db).await.map(drop))?;
        let count: i64 = on!(self, |db| sqlx::query_scalar("SELECT count(*) FROM passkey_ceremonies")
            .fetch_one(db)
            .await)?;
        if count >= MAX_CEREMONIES {
            on!(self, |db| sqlx::query(forget_oldest)
                .bind(count - MAX_CEREMONIES + 1)
                .execute(db)
                .await
                .map(drop))?;
        }
        on!(self, |db| sqlx::query(
            "INSERT INTO passkey_ceremonies (challenge, account, state, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(challenge)
        .bind(ceremony.account.as_ref().map(|account| account.0.as_slice()))
        .bind(ceremony.state.as_slice())
        .bind(int(expires_at.0))
        .execute(db)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Takes the ceremony of this challenge, which is gone then; `None` if there is none, or no longer.
    pub async fn take_ceremony(&mut self, challenge: &[u8], now: UnixMs) -> Result<Option<Ceremony>> {
        let row: Option<(Option<Vec<u8>>, Vec<u8>)> = on!(self, |db| sqlx::query_as(
            "DELETE FROM passkey_ceremonies WHERE challenge = $1 AND expires_at > $2
             RETURNING account, state",
        )
        .bind(challenge)
        .bind(int(now.0))
        .fetch_optional(db)
        .await)?;
        let Some((account, state)) = row else { return Ok(None) };
        Ok(Some(Ceremony { account: account.as_deref().map(account_id).transpose()?, state }))
    }

    /// Adds a passkey; false if there is one with this id.
    pub async fn add_passkey(&mut self, passkey: &StoredPasskey) -> Result<bool> {
        let done = on!(self, |db| sqlx::query(
            "INSERT INTO passkeys (credential, account, name, static_state, dynamic_state, added_at,
                                   used_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (credential) DO NOTHING",
        )
        .bind(passkey.credential.as_slice())
        .bind(passkey.account.0.as_slice())
        .bind(&passkey.name)
        .bind(passkey.static_state.as_slice())
        .bind(passkey.dynamic_state.as_slice())
        .bind(int(passkey.added_at.0))
        .bind(passkey.used_at.map(|at| int(at.0)))
        .execute(db)
        .await?
        .rows_affected());
        Ok(done == 1)
    }

    /// The passkey with this id.
    pub async fn passkey(&mut self, credential: &[u8]) -> Result<Option<StoredPasskey>> {
        let row: Option<Row> = on!(self, |db| sqlx::query_as(
            "SELECT credential, account, name, static_state, dynamic_state, added_at, used_at
             FROM passkeys WHERE credential = $1",
        )
        .bind(credential)
        .fetch_optional(db)
        .await)?;
        row.map(StoredPasskey::try_from).transpose()
    }

    /// The account's passkeys, those added first before the others.
    pub async fn passkeys_of_account(&mut self, account: &AccountId) -> Result<Vec<StoredPasskey>> {
        let rows: Vec<Row> = on!(self, |db| sqlx::query_as(
            "SELECT credential, account, name, static_state, dynamic_state, added_at, used_at
             FROM passkeys WHERE account = $1 ORDER BY added_at, credential",
        )
        .bind(account.0.as_slice())
        .fetch_all(db)
        .await)?;
        rows.into_iter().map(StoredPasskey::try_from).collect()
    }

    /// Notes that `passkey` was used, unless it was used since it was read: of two uses at once, whose counters
    /// were checked against the same, one counts. False if this is the other.
    pub async fn use_passkey(
        &mut self,
        passkey: &StoredPasskey,
        dynamic_state: &[u8],
        now: UnixMs,
    ) -> Result<bool> {
        let done = on!(self, |db| sqlx::query(
            "UPDATE passkeys SET dynamic_state = $1, used_at = $2
             WHERE credential = $3 AND dynamic_state = $4",
        )
        .bind(dynamic_state)
        .bind(int(now.0))
        .bind(passkey.credential.as_slice())
        .bind(passkey.dynamic_state.as_slice())
        .execute(db)
        .await?
        .rows_affected());
        Ok(done == 1)
    }

    /// Removes a passkey of the account; false if it has none with this id.
    pub async fn remove_passkey(&mut self, account: &AccountId, credential: &[u8]) -> Result<bool> {
        let done = on!(self, |db| sqlx::query("DELETE FROM passkeys WHERE account = $1 AND credential = $2")
            .bind(account.0.as_slice())
            .bind(credential)
            .execute(db)
            .await?
            .rows_affected());
        Ok(done == 1)
    }

    /// Removes every passkey of the account.
    pub async fn remove_passkeys(&mut self, account: &AccountId) -> Result<()> {
        on!(self, |db| sqlx::query("DELETE FROM passkeys WHERE account = $1")
            .bind(account.0.as_slice())
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// How many passkeys the account has.
    pub async fn count_passkeys(&mut self, account: &AccountId) -> Result<u64> {
        let count: i64 =
            on!(self, |db| sqlx::query_scalar("SELECT count(*) FROM passkeys WHERE account = $1")
                .bind(account.0.as_slice())
                .fetch_one(db)
                .await)?;
        Ok(uint(count))
    }
}
