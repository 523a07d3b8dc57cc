//! What a node has earned, from the book and from what is measured of hours that are still open.

use std::collections::BTreeMap;

use streamr_coordinator_api::{
    AmountParts, CurrencyEarnings, EpochDetail, EpochEarnings, EpochState, ScoreParts, Work,
};
use streamr_model::{MicroUnits, NodeId, StreamId, UnixMs};

use crate::closing::CloseError;
use crate::epoch::{Measured, Standing};
use crate::hour::Hour;
use crate::ledger::{Account, Currency};
use crate::payouts::PayoutTerms;
use crate::rewards::{Parts, Score, share_ppm};
use crate::state::App;
use crate::storage::{NodeShare, StorageError, Stream, Tx};

/// What `node` earned in each currency, by code.
pub(crate) async fn by_currency(
    tx: &mut Tx,
    node: &NodeId,
    terms: &PayoutTerms,
    provisional: BTreeMap<Currency, MicroUnits>,
    now: UnixMs,
) -> Result<Vec<CurrencyEarnings>, StorageError> {
    let none = |currency: Currency| CurrencyEarnings {
        currency: currency.to_string(),
        provisional: MicroUnits(0),
        settled: MicroUnits(0),
        pending: MicroUnits(0),
        paid: MicroUnits(0),
        payout_threshold: terms.threshold,
        next_payout: terms.day.and_then(|day| day.next(now)),
    };
    let mut earned: BTreeMap<Currency, CurrencyEarnings> = BTreeMap::new();
    let mut of = |currency: Currency, add: &dyn Fn(&mut CurrencyEarnings)| {
        add(earned.entry(currency).or_insert_with(|| none(currency)));
    };
    for (currency, balance) in tx.balances(&Account::Payable(*node)).await? {
        of(currency, &|earned| earned.settled = balance);
    }
    for (currency, balance) in tx.balances(&Account::Pending(*node)).await? {
        of(currency, &|earned| earned.pending = balance);
    }
    for (currency, balance) in tx.balances(&Account::Paid(*node)).await? {
        of(currency, &|earned| earned.paid = balance);
    }
    for (currency, amount) in provisional {
        of(currency, &|earned| earned.provisional = amount);
    }
    Ok(earned.into_values().collect())
}

/// What the hour that runs, and the one before while it is not closed, would pay the node if they closed now. The
/// caller must hold no transaction.
pub(crate) async fn provisional(
    app: &App,
    node: &NodeId,
    now: UnixMs,
) -> Result<BTreeMap<Currency, MicroUnits>, CloseError> {
    let current = Hour::of(now);
    let mut streams: BTreeMap<StreamId, Stream> = BTreeMap::new();
    let mut tx = app.storage.read().await?;
    for hour in [Hour(current.0.saturating_sub(1)), current] {
        for stream in tx.streams_of_hour(node, hour).await? {
            if let Some(registered) = tx.stream(&stream).await? {
                streams.insert(stream, registered);
            }
        }
    }
    drop(tx);
    let mut sums: BTreeMap<Currency, MicroUnits> = BTreeMap::new();
    for stream in streams.values() {
        let board = app.boards.current(&app.storage, stream, now).await?;
        for hour in board.open() {
            let Some(promise) = hour.measured.promise else { continue };
            let sum = sums.entry(promise.currency).or_default();
            sum.0 = sum.0.saturating_add(hour.pays(node).0);
        }
    }
    Ok(sums)
}

/// A closed epoch as the node is shown it.
pub(crate) fn epoch(share: &NodeShare) -> EpochEarnings {
    let Parts { uptime, quality, bandwidth } = share.parts;
    EpochEarnings {
        stream: share.stream.clone(),
        hour: share.hour.0,
        began_at: share.hour.start(),
        currency: share.currency.to_string(),
        amount: share.parts.total(),
        parts: AmountParts { uptime, quality, bandwidth },
        state: if share.corrected { EpochState::Corrected } else { EpochState::Settled },
    }
}

/// Everything that decided what a closed epoch paid the node; `None` if it paid it nothing or is not closed.
pub(crate) async fn detail(
    tx: &mut Tx,
    node: &NodeId,
    stream: &StreamId,
    hour: Hour,
) -> Result<Option<EpochDetail>, StorageError> {
    let Some(closed) = tx.closed_epoch(stream, hour).await? else { return Ok(None) };
    let unreadable = || StorageError::Unreadable { what: "closed epoch" };
    let recorded = tx.recorded_epoch(closed.entry).await?.ok_or_else(unreadable)?;
    let entry = tx.entry(closed.entry).await?.ok_or_else(unreadable)?;
    let measured = Measured::from_bytes(&recorded.input).map_err(|_| unreadable())?;
    let (Some(share), Some(supporter)) =
        (tx.share_of(node, stream, hour).await?, measured.supporters.get(node))
    else {
        return Ok(None);
    };
    let held = entry.postings.iter().find(|posting| posting.account == Account::Held(*node));
    let all = total(&measured);
    let own = work(&supporter.score);
    Ok(Some(EpochDetail {
        epoch: epoch(&share),
        closed_at: entry.at,
        entry: entry.number,
        input_digest: recorded.input_hash.to_string(),
        live_ms: measured.live_ms,
        promised: measured.promised(),
        paid: MicroUnits(recorded.shares.values().fold(0, |sum, parts| parts.total().0.saturating_add(sum))),
        under_review: held.map(|posting| posting.amount).unwrap_or_default(),
        supporters: u32::try_from(measured.supporters.len()).unwrap_or(u32::MAX),
        own,
        all,
        parts: ScoreParts {
            uptime_ppm: ppm(supporter.score.uptime_ppm(measured.live_ms)),
            quality_ppm: ppm(own.quality_ppm),
            bandwidth_ppm: ppm(share_ppm(own.bytes, all.bytes)),
        },
        newcomer: supporter.standing == Standing::Newcomer,
    }))
}

fn work(score: &Score) -> Work {
    Work {
        uptime_ms: score.uptime_ms,
        quality_ppm: score.quality_ppm(),
        bytes: score.bytes,
        blocks: score.blocks,
        on_time: score.on_time,
        bad: score.bad,
    }
}

fn total(measured: &Measured) -> Work {
    measured.supporters.values().map(|supporter| work(&supporter.score)).fold(Work::default(), |sum, one| {
        Work {
            uptime_ms: sum.uptime_ms.saturating_add(one.uptime_ms),
            quality_ppm: sum.quality_ppm.saturating_add(one.quality_ppm),
            bytes: sum.bytes.saturating_add(one.bytes),
            blocks: sum.blocks.saturating_add(one.blocks),
            on_time: sum.on_time.saturating_add(one.on_time),
            bad: sum.bad.saturating_add(one.bad),
        }
    })
}

/// Parts per million fit 32 bits: there are at most a million.
fn ppm(parts: u64) -> u32 {
    u32::try_from(parts).unwrap_or(1_000_000)
}
