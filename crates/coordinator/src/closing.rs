//! Closing epochs: an hour is measured, settled, booked and recorded in one transaction, or not at all.
//!
//! Every replica may run `run`: whoever comes second finds the hour closed. Closing with the same input again
//! does nothing and says so; with another input it is refused, with both hashes.

use std::time::Duration;

use streamr_model::{NodeId, StreamId, UnixMs};

use crate::epoch::{
    InputHash, Measured, Promise, Purse, Settlement, Standing, Supporter, newest_closable, settle,
};
use crate::fund::window;
use crate::hour::Hour;
use crate::ledger::{Account, RecordedEpoch};
use crate::scoring::{Remains, keep, scores};
use crate::state::AppState;
use crate::storage::{LedgerError, Storage, StorageError, Stream, Tx};

/// Epochs closed in one tick at most; each in a transaction of its own, so that heartbeats are written in
/// between. After days of downtime the rest follows in the next ticks.
pub const EPOCHS_PER_TICK: u32 = 64;

/// Why an epoch is not closed. Nothing was booked.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// No such stream is registered.
    #[error("no such stream is registered")]
    StreamUnknown,
    /// The stream's currency is no currency.
    #[error("the stream's currency cannot be read")]
    Currency,
    /// It is closed, and not with this.
    #[error("it was closed with the input {before}; now the input is {now}")]
    OtherInput {
        /// What it was closed with.
        before: InputHash,
        /// What it would be closed with now.
        now: InputHash,
    },
    /// It cannot be booked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<StorageError> for CloseError {
    fn from(error: StorageError) -> Self {
        Self::Ledger(error.into())
    }
}

/// What became of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// It is closed now.
    Now(Settlement),
    /// It was closed before, with the same input.
    Before,
}

/// Closes an hour of a stream. Takes effect when `tx` is committed.
pub async fn close(tx: &mut Tx, stream: &StreamId, hour: Hour, now: UnixMs) -> Result<Closed, CloseError> {
    // Before anything is read: what is read then is what the entry before left.
    tx.lock_ledger().await?;
    let registered = tx.stream(stream).await?.ok_or(CloseError::StreamUnknown)?;
    let (measured, remains) = measure(tx, &registered, hour).await?;
    let input = measured.to_bytes();
    let input_hash = InputHash::of(&input);
    if let Some(closed) = tx.closed_epoch(stream, hour).await? {
        let same = closed.input_hash == input_hash;
        let other = CloseError::OtherInput { before: closed.input_hash, now: input_hash };
        return if same { Ok(Closed::Before) } else { Err(other) };
    }
    let settlement = settle(&measured, &purse(tx, &measured).await?);
    let entry = tx.write_entry(settlement.draft(&measured), now).await?;
    let shares = settlement.shares.clone();
    let (of, entry) = (stream.clone(), entry.number);
    tx.record_epoch(&RecordedEpoch { stream: of, hour, entry, input_hash, input, shares }).await?;
    keep(tx, stream, hour, &remains).await?;
    Ok(Closed::Now(settlement))
}

/// What happened in an hour of a stream, as far as it is known now, and what is to be kept of it.
pub(crate) async fn measure(
    tx: &mut Tx,
    stream: &Stream,
    hour: Hour,
) -> Result<(Measured, Remains), CloseError> {
    let promise = match (stream.pool_per_hour, &stream.currency) {
        (Some(per_hour), Some(currency)) => {
            Some(Promise { per_hour, currency: currency.parse().map_err(|_| CloseError::Currency)? })
        }
        _ => None,
    };
    let (scores, remains) = scores(tx, &stream.stream, hour).await?;
    let nodes: Vec<NodeId> = scores.all.keys().copied().collect();
    // Nodes whose account has a stake or a linked identity.
    let established = tx.established_nodes(&nodes).await?;
    let supporter = |(node, score)| {
        let standing = if established.contains(&node) { Standing::Established } else { Standing::Newcomer };
        let undisputed = scores.undisputed.as_ref().map(|less| less.get(&node).copied().unwrap_or_default());
        (node, Supporter { score, undisputed: undisputed.filter(|less| *less != score), standing })
    };
    let measured = Measured {
        stream: stream.stream.clone(),
        hour,
        live_ms: tx.live_time(&stream.stream, hour).await?,
        promise,
        supporters: scores.all.iter().map(|(node, score)| (*node, *score)).map(supporter).collect(),
    };
    Ok((measured, remains))
}

/// What the stream has to pay an hour with.
pub(crate) async fn purse(tx: &mut Tx, measured: &Measured) -> Result<Purse, StorageError> {
    let Some(Promise { currency, .. }) = measured.promise else { return Ok(Purse::default()) };
    let stream = || measured.stream.clone();
    Ok(Purse {
        pool: tx.balance(&Account::Pool(stream()), currency).await?,
        fund: tx.balance(&Account::Fund(stream()), currency).await?,
        inflow: tx.inflow(&measured.stream, currency, window(measured.hour)).await?,
    })
}

/// Closes what is due at `now`, oldest first, at most [`EPOCHS_PER_TICK`]; how many.
///
/// `from` is the first hour that may still be open; it moves behind what is known to be closed, because an hour
/// that is past closing gains no live time any more. An epoch that cannot be closed is logged and tried again
/// with the next tick; the others do not wait for it.
pub async fn close_due(storage: &Storage, from: &mut Hour, now: UnixMs) -> Result<usize, StorageError> {
    let Some(to) = newest_closable(now) else { return Ok(0) };
    let due = storage.read().await?.open_epochs(*from, to, EPOCHS_PER_TICK).await?;
    let mut closed = 0;
    for (stream, hour) in &due {
        let mut tx = storage.write().await?;
        match close(&mut tx, stream, *hour, now).await {
            Ok(outcome) => {
                tx.commit().await?;
                closed += 1;
                let paid = if let Closed::Now(settlement) = &outcome { settlement.paid().0 } else { 0 };
                tracing::info!(%stream, epoch.hour = hour.0, epoch.paid_micro = paid, "epoch closed");
            }
            Err(error) => tracing::error!(%stream, epoch.hour = hour.0, %error, "epoch cannot be closed"),
        }
    }
    let all = u32::try_from(due.len()).is_ok_and(|due| due < EPOCHS_PER_TICK) && closed == due.len();
    if all && !due.is_empty() {
        // Nothing is worked out from addresses any more.
        let mut tx = storage.write().await?;
        tx.forget_networks(to).await?;
        tx.commit().await?;
    }
    if all {
        *from = Hour(to.0 + 1);
    }
    Ok(closed)
}

/// Closes what becomes due, until it is dropped: that is safe at any moment.
pub(crate) async fn run(app: AppState, every: Duration) {
    let mut from = Hour(0);
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = close_due(&app.storage, &mut from, app.now()).await {
            tracing::error!(%error, "epochs cannot be closed now");
        }
    }
}

#[cfg(test)]
mod tests;
