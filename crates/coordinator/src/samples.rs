//! What becomes of a receipt that a measurer hands in itself: it is judged and kept in the place of the one before.
//! What it tells is worked out by [`crate::probes`] and [`crate::capacity`].

use streamr_coordinator_api::RefusalReason;
use streamr_model::{Receipt, Signed, UnixMs, Window};

use crate::credit::Counts;
use crate::receipts::{can_be_parties, taken_until};
use crate::storage::{StorageError, Tx};

/// Takes in `receipt`, which its measurer signed and hands in. `None`: it is kept, or was before.
pub(crate) async fn take(
    tx: &mut Tx,
    receipt: &Receipt,
    signed: &Signed<Receipt>,
    now: UnixMs,
) -> Result<Option<RefusalReason>, StorageError> {
    if receipt.window > Window::of(now) || now >= taken_until(receipt.window) {
        return Ok(Some(RefusalReason::WindowOver));
    }
    if !are_parties(tx, receipt).await? {
        return Ok(Some(RefusalReason::NotAParty));
    }
    let kept = tx.kept_sample(receipt).await?;
    if let Some(kept) = &kept {
        if receipt.sequence <= kept.sequence {
            return Ok(None);
        }
        if kept.counts.beyond(Counts::of(receipt)) != Counts::default() {
            return Ok(Some(RefusalReason::GoesBack));
        }
    }
    if kept.is_none() && tx.other_sampled(receipt).await? >= Receipt::MAX_PROVIDERS {
        return Ok(Some(RefusalReason::TooManyProviders));
    }
    tx.keep_sample(receipt, signed).await?;
    Ok(None)
}

/// Only enrolled nodes receive from each other, of a stream that is registered.
async fn are_parties(tx: &mut Tx, receipt: &Receipt) -> Result<bool, StorageError> {
    if tx.stream(&receipt.stream).await?.is_none() {
        return Ok(false);
    }
    let live = tx.live(&receipt.stream).await?;
    Ok(can_be_parties(receipt, live.as_ref())
        && tx.is_enrolled(&receipt.consumer).await?
        && tx.is_enrolled(&receipt.provider).await?)
}
