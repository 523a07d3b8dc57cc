//! What an operator writes into the book by hand: deposits, corrections, and what becomes of what is held for review.

use streamr_coordinator_api::Deposit;
use streamr_model::{MicroUnits, NodeId, StreamId, UnixMs};

use crate::hour::Hour;
use crate::ledger::{Account, Currency, Draft, Entry, IdempotencyKey, Occasion, Verdict};
use crate::storage::{LedgerError, StorageError, Stream, Tx};

/// Why something is not booked. Nothing was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the deposit is to be above zero and at most {}", Deposit::MAX.0)]
    Amount,
    #[error("the stream is paid in another currency, or in none")]
    Currency,
    #[error("the key was used in entry {entry} for another amount")]
    KeyReused { entry: u64 },
    #[error("there is no entry {0}")]
    EntryUnknown(u64),
    #[error("entry {0} is neither a deposit nor a closed epoch")]
    NotCorrectable(u64),
    #[error("entry {entry} decided otherwise")]
    Decided { entry: u64 },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        Self::Ledger(error.into())
    }
}

/// Whether something was booked by this call or an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Booked {
    Now(Entry),
    Before(Entry),
}

impl Booked {
    pub(crate) fn entry(&self) -> &Entry {
        match self {
            Self::Now(entry) | Self::Before(entry) => entry,
        }
    }
}

/// Puts money into a stream's pool.
pub(crate) async fn deposit(
    tx: &mut Tx,
    stream: &Stream,
    (amount, currency): (MicroUnits, Currency),
    key: IdempotencyKey,
    now: UnixMs,
) -> Result<Booked, Refusal> {
    if amount.0 <= 0 || amount > Deposit::MAX {
        return Err(Refusal::Amount);
    }
    if stream.currency.as_deref() != Some(currency.as_str()) {
        return Err(Refusal::Currency);
    }
    tx.lock_ledger().await?;
    let id = &stream.stream;
    let mut draft = Draft::new(Occasion::Deposit { stream: id.clone(), key });
    draft.transfer(currency, Account::Deposits(id.clone()), Account::Pool(id.clone()), amount);
    if let Some(entry) = tx.entry_of(draft.occasion()).await? {
        let same = draft.postings().is_ok_and(|postings| postings == entry.postings);
        return if same {
            Ok(Booked::Before(entry))
        } else {
            Err(Refusal::KeyReused { entry: entry.number })
        };
    }
    Ok(Booked::Now(tx.write_entry(draft, now).await?))
}

/// Decides about what an hour holds for a node; deciding it again does nothing. `None` where it holds nothing.
pub(crate) async fn review(
    tx: &mut Tx,
    stream: &StreamId,
    hour: Hour,
    node: &NodeId,
    verdict: Verdict,
    now: UnixMs,
) -> Result<Option<Booked>, Refusal> {
    tx.lock_ledger().await?;
    let Some(closed) = tx.closed_epoch(stream, hour).await? else { return Ok(None) };
    let Some(entry) = tx.entry(closed.entry).await? else { return Ok(None) };
    let Some(held) = entry.postings.iter().find(|posting| posting.account == Account::Held(*node)) else {
        return Ok(None);
    };
    let draft = Draft::reviewing(stream, hour, node, verdict, (held.amount, held.currency));
    if let Some(before) = tx.entry_of(draft.occasion()).await? {
        let same = draft.postings().is_ok_and(|postings| postings == before.postings);
        let decided = Refusal::Decided { entry: before.number };
        return if same { Ok(Some(Booked::Before(before))) } else { Err(decided) };
    }
    if tx.entry_of(&Occasion::Correction(closed.entry)).await?.is_some() {
        return Ok(None);
    }
    Ok(Some(Booked::Now(tx.write_entry(draft, now).await?)))
}

/// Undoes an entry by another one; undoing it again does nothing.
pub(crate) async fn correct(tx: &mut Tx, number: u64, now: UnixMs) -> Result<Booked, Refusal> {
    tx.lock_ledger().await?;
    let wrong = tx.entry(number).await?.ok_or(Refusal::EntryUnknown(number))?;
    if !matches!(wrong.occasion, Occasion::Deposit { .. } | Occasion::EpochClosed { .. }) {
        return Err(Refusal::NotCorrectable(number));
    }
    let draft = Draft::correcting(&wrong);
    if let Some(entry) = tx.entry_of(draft.occasion()).await? {
        return Ok(Booked::Before(entry));
    }
    Ok(Booked::Now(tx.write_entry(draft, now).await?))
}
