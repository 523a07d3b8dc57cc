//! The book: entries, their postings, and the balances that follow from them.

use streamr_model::{MicroUnits, StreamId, UnixMs};

use super::{Result, StorageError, Tx, int, time, uint};
use crate::ledger::{Account, BookError, Currency, Draft, Entry, EntryHash, Occasion, Posting};

/// Why an entry was not written. Nothing was; the transaction is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It is not an entry.
    #[error(transparent)]
    Book(#[from] BookError),
    /// An account does not hold what the entry takes from it.
    #[error("{account} holds {held} millionths of {currency}; {wanted} are to be taken from it")]
    Overdrawn {
        /// Which.
        account: Account,
        /// In which currency.
        currency: Currency,
        /// What it holds.
        held: i64,
        /// What is to be taken.
        wanted: i64,
    },
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    number: i64,
    at: i64,
    occasion: String,
    previous: Vec<u8>,
    hash: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct PostingRow {
    entry: i64,
    account: String,
    currency: String,
    amount: i64,
}

/// A balance as recorded, in words as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RecordedBalance {
    /// The account's text.
    pub account: String,
    /// The currency's text.
    pub currency: String,
    /// What is recorded.
    pub balance: i64,
}

impl Tx {
    /// The last entry's number and hash; (0, zeros) before the first. Until this transaction ends, nobody else
    /// writes an entry.
    pub async fn lock_ledger(&mut self) -> Result<(u64, EntryHash)> {
        // An update that changes nothing takes the row's lock on any database.
        let (number, hash): (i64, Vec<u8>) = on!(self, |db| sqlx::query_as(
            "UPDATE ledger_head SET number = number WHERE one = 1 RETURNING number, hash"
        )
        .fetch_one(db)
        .await)?;
        Ok((uint(number), entry_hash(&hash)?))
    }

    /// The last entry's number and hash, as recorded.
    pub async fn ledger_head(&mut self) -> Result<(u64, EntryHash)> {
        let (number, hash): (i64, Vec<u8>) =
            on!(self, |db| sqlx::query_as("SELECT number, hash FROM ledger_head WHERE one = 1")
                .fetch_one(db)
                .await)?;
        Ok((uint(number), entry_hash(&hash)?))
    }

    /// Writes `draft` as the next entry.
    pub async fn write_entry(&mut self, draft: Draft, at: UnixMs) -> Result<Entry, LedgerError> {
        let entry = draft.seal(self.lock_ledger().await?, at)?;
        on!(self, |db| sqlx::query(
            "INSERT INTO ledger_entries (number, at, occasion, previous, hash) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(int(entry.number))
        .bind(int(entry.at.0))
        .bind(entry.occasion.to_string())
        .bind(entry.previous.0.as_slice())
        .bind(entry.hash.0.as_slice())
        .execute(db)
        .await
        .map(drop))?;
        for posting in &entry.postings {
            self.post(entry.number, posting).await?;
        }
        on!(self, |db| sqlx::query("UPDATE ledger_head SET number = $1, hash = $2 WHERE one = 1")
            .bind(int(entry.number))
            .bind(entry.hash.0.as_slice())
            .execute(db)
            .await
            .map(drop))?;
        Ok(entry)
    }

    async fn post(&mut self, entry: u64, posting: &Posting) -> Result<(), LedgerError> {
        let Posting { account, currency, amount } = posting;
        if amount.0 < 0 {
            let held = self.balance(account, *currency).await?.0;
            let after = held.checked_add(amount.0).ok_or(BookError::TooLarge)?;
            if !account.sign().holds(after) {
                let (account, currency, wanted) = (account.clone(), *currency, amount.0.saturating_neg());
                return Err(LedgerError::Overdrawn { account, currency, held, wanted });
            }
        }
        let name = account.to_string();
        on!(self, |db| sqlx::query(
            "INSERT INTO ledger_postings (entry, account, currency, amount) VALUES ($1, $2, $3, $4)"
        )
        .bind(int(entry))
        .bind(&name)
        .bind(currency.as_str())
        .bind(amount.0)
        .execute(db)
        .await
        .map(drop))?;
        let changed = on!(self, |db| sqlx::query(
            "UPDATE ledger_balances SET balance = balance + $3 WHERE account = $1 AND currency = $2",
        )
        .bind(&name)
        .bind(currency.as_str())
        .bind(amount.0)
        .execute(db)
        .await?
        .rows_affected());
        if changed == 0 {
            // Not by ON CONFLICT: the row to insert would be checked as if the account held nothing else.
            on!(self, |db| sqlx::query(
                "INSERT INTO ledger_balances (account, currency, balance) VALUES ($1, $2, $3)"
            )
            .bind(&name)
            .bind(currency.as_str())
            .bind(amount.0)
            .execute(db)
            .await
            .map(drop))?;
        }
        Ok(())
    }

    /// What an account holds.
    pub async fn balance(&mut self, account: &Account, currency: Currency) -> Result<MicroUnits> {
        let balance: Option<i64> = on!(self, |db| sqlx::query_scalar(
            "SELECT balance FROM ledger_balances WHERE account = $1 AND currency = $2"
        )
        .bind(account.to_string())
        .bind(currency.as_str())
        .fetch_optional(db)
        .await)?;
        Ok(MicroUnits(balance.unwrap_or(0)))
    }

    /// What an account holds in each currency that it ever held, by currency.
    pub async fn balances(&mut self, account: &Account) -> Result<Vec<(Currency, MicroUnits)>> {
        let rows: Vec<(String, i64)> = on!(self, |db| sqlx::query_as(
            "SELECT currency, balance FROM ledger_balances WHERE account = $1 ORDER BY currency",
        )
        .bind(account.to_string())
        .fetch_all(db)
        .await)?;
        rows.iter().map(|(code, balance)| Ok((currency(code)?, MicroUnits(*balance)))).collect()
    }

    /// What came into a stream's pool between two moments, the second not included, less what was taken back.
    pub async fn inflow(
        &mut self,
        stream: &StreamId,
        currency: Currency,
        (from, to): (UnixMs, UnixMs),
    ) -> Result<MicroUnits> {
        let sum: i64 = on!(self, |db| sqlx::query_scalar(
            "SELECT CAST(COALESCE(SUM(p.amount), 0) AS BIGINT) FROM ledger_postings p
             JOIN ledger_entries e ON e.number = p.entry
             WHERE p.account = $1 AND p.currency = $2 AND e.at >= $3 AND e.at < $4",
        )
        .bind(Account::Deposits(stream.clone()).to_string())
        .bind(currency.as_str())
        .bind(int(from.0))
        .bind(int(to.0))
        .fetch_one(db)
        .await)?;
        Ok(MicroUnits(sum.saturating_neg()))
    }

    /// The entry made for this, if there is one.
    pub async fn entry_of(&mut self, occasion: &Occasion) -> Result<Option<Entry>> {
        let number: Option<i64> =
            on!(self, |db| sqlx::query_scalar("SELECT number FROM ledger_entries WHERE occasion = $1")
                .bind(occasion.to_string())
                .fetch_optional(db)
                .await)?;
        match number {
            Some(number) => self.entry(uint(number)).await,
            None => Ok(None),
        }
    }

    /// The entry with this number.
    pub async fn entry(&mut self, number: u64) -> Result<Option<Entry>> {
        Ok(self.entries(number, 1).await?.pop().filter(|entry| entry.number == number))
    }

    /// Entries from number `from` on, at most `limit`, in their order.
    pub async fn entries(&mut self, from: u64, limit: u32) -> Result<Vec<Entry>> {
        let rows: Vec<EntryRow> = on!(self, |db| sqlx::query_as(
            "SELECT number, at, occasion, previous, hash FROM ledger_entries
             WHERE number >= $1 ORDER BY number LIMIT $2",
        )
        .bind(int(from))
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?;
        let Some(last) = rows.last().map(|row| row.number) else { return Ok(Vec::new()) };
        let postings: Vec<PostingRow> = on!(self, |db| sqlx::query_as(
            "SELECT entry, account, currency, amount FROM ledger_postings
             WHERE entry >= $1 AND entry <= $2 ORDER BY entry",
        )
        .bind(int(from))
        .bind(last)
        .fetch_all(db)
        .await)?;
        let mut postings = postings.into_iter().peekable();
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let mut own = Vec::new();
            while let Some(posting) = postings.next_if(|posting| posting.entry <= row.number) {
                own.push(posting);
            }
            entries.push(read_entry(&row, &own)?);
        }
        Ok(entries)
    }

    /// Recorded balances, at most `limit`, behind `after` in the order of account and currency.
    pub async fn recorded_balances(
        &mut self,
        after: Option<&RecordedBalance>,
        limit: u32,
    ) -> Result<Vec<RecordedBalance>> {
        let (account, currency) =
            after.map_or(("", ""), |last| (last.account.as_str(), last.currency.as_str()));
        Ok(on!(self, |db| sqlx::query_as(
            "SELECT account, currency, balance FROM ledger_balances
             WHERE account > $1 OR (account = $1 AND currency > $2) ORDER BY account, currency LIMIT $3",
        )
        .bind(account)
        .bind(currency)
        .bind(i64::from(limit))
        .fetch_all(db)
        .await)?)
    }
}

fn read_entry(row: &EntryRow, postings: &[PostingRow]) -> Result<Entry> {
    let mut postings: Vec<Posting> = postings
        .iter()
        .map(|posting| {
            let unreadable = |_| StorageError::Unreadable { what: "ledger account" };
            Ok(Posting {
                account: posting.account.parse().map_err(unreadable)?,
                currency: currency(&posting.currency)?,
                amount: MicroUnits(posting.amount),
            })
        })
        .collect::<Result<_>>()?;
    // Not by the database: what comes first in a text differs from one to another.
    postings.sort_by_cached_key(|posting| (posting.account.to_string(), posting.currency));
    Ok(Entry {
        number: uint(row.number),
        at: time(row.at),
        occasion: row.occasion.parse().map_err(|_| StorageError::Unreadable { what: "ledger occasion" })?,
        postings,
        previous: entry_hash(&row.previous)?,
        hash: entry_hash(&row.hash)?,
    })
}

fn entry_hash(bytes: &[u8]) -> Result<EntryHash> {
    bytes.try_into().map(EntryHash).map_err(|_| StorageError::Unreadable { what: "ledger hash" })
}

pub(super) fn currency(code: &str) -> Result<Currency> {
    code.parse().map_err(|_| StorageError::Unreadable { what: "currency" })
}

#[cfg(test)]
mod tests;
