//! What becomes of a receipt that a provider hands in: it is judged, kept in the place of the one before, and
//! what it adds is shown to people. What it is worth is worked out by [`crate::credit`].

use std::time::Duration;

use streamr_coordinator_api::{Membership, ReceiptsRequest, RefusalReason};
use streamr_model::{NodeId, Receipt, SignedByBoth, UnixMs, Window};

use crate::credit::{Counts, allowance};
use crate::hour::Hour;
use crate::storage::{KeptReceipt, StorageError, Tx};

/// When the receipts of a window are no longer taken.
pub(crate) fn taken_until(window: Window) -> UnixMs {
    UnixMs(window.ends_at().0.saturating_add(ReceiptsRequest::LATE_MS))
}

/// What a receipt is beside the one kept of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It comes after it, or is the first.
    Newer,
    /// It is that one, or an older one that came late.
    Known,
    /// It takes something back.
    GoesBack,
    /// Another was signed with its number.
    Equivocates,
}

fn place(kept: Option<&KeptReceipt>, receipt: &Receipt, signed: &SignedByBoth) -> Place {
    let Some(kept) = kept else { return Place::Newer };
    if receipt.sequence < kept.sequence {
        return Place::Known;
    }
    if receipt.sequence == kept.sequence {
        let is_same = signed.receipt.digest() == kept.signed.receipt.digest();
        return if is_same { Place::Known } else { Place::Equivocates };
    }
    let counts = Counts::of(receipt);
    if kept.counts.beyond(counts) == Counts::default() { Place::Newer } else { Place::GoesBack }
}

/// Takes in `receipt`, whose signatures held, handed in by its provider. `None`: it is kept, or was before.
pub(crate) async fn take(
    tx: &mut Tx,
    receipt: &Receipt,
    signed: &SignedByBoth,
    now: UnixMs,
) -> Result<Option<RefusalReason>, StorageError> {
    if receipt.window > Window::of(now) || now >= taken_until(receipt.window) {
        return Ok(Some(RefusalReason::WindowOver));
    }
    if !are_parties(tx, receipt).await? {
        return Ok(Some(RefusalReason::NotAParty));
    }
    let cap_bytes = match receipt.grant {
        None => None,
        Some(grant) => {
            let assigned = tx.assigned(&receipt.stream, receipt.window, &receipt.consumer).await?;
            let own = assigned.iter().find(|one| one.provider == receipt.provider && one.grant == grant);
            let Some(own) = own else { return Ok(Some(RefusalReason::GrantUnknown)) };
            Some(own.cap_bytes)
        }
    };
    let kept = tx.kept_receipt(receipt).await?;
    match place(kept.as_ref(), receipt, signed) {
        Place::Known => return Ok(None),
        Place::GoesBack => return Ok(Some(RefusalReason::GoesBack)),
        Place::Equivocates => {
            if let Some(kept) = kept {
                tx.keep_equivocation(&kept.signed, signed, now).await?;
            }
            return Ok(Some(RefusalReason::Equivocation));
        }
        Place::Newer => {}
    }
    if kept.is_none() && tx.other_providers(receipt).await? >= Receipt::MAX_PROVIDERS {
        return Ok(Some(RefusalReason::TooManyProviders));
    }
    tx.keep_receipt(receipt, cap_bytes, signed).await?;
    show(tx, receipt, kept.map(|kept| kept.counts).unwrap_or_default()).await?;
    Ok(None)
}

/// Only enrolled nodes receive from each other, and the signer is none of them: what it gives is the origin's.
pub(crate) async fn are_parties(tx: &mut Tx, receipt: &Receipt) -> Result<bool, StorageError> {
    if receipt.provider == receipt.consumer || tx.stream(&receipt.stream).await?.is_none() {
        return Ok(false);
    }
    let seed: Option<NodeId> = tx.live(&receipt.stream).await?.map(|live| live.seed);
    let is_signer = seed == Some(receipt.provider) || seed == Some(receipt.consumer);
    Ok(!is_signer && tx.is_enrolled(&receipt.consumer).await?)
}

/// Adds what `receipt` says beyond `before`. No more is shown than the stream can have sent, grant or not.
async fn show(tx: &mut Tx, receipt: &Receipt, before: Counts) -> Result<(), StorageError> {
    let live = tx.live(&receipt.stream).await?;
    let bitrate = live.map(|live| live.bitrate_bps).unwrap_or_default();
    let most = allowance(bitrate, Membership::MAX_UPLINK, Duration::from_millis(Window::MS));
    let bounded = |counts: Counts| Counts { bytes: counts.bytes.min(most), ..counts };
    let more = bounded(Counts::of(receipt)).beyond(bounded(before));
    let hour = Hour::of(receipt.window.begins_at());
    tx.add_delivery(&receipt.stream, hour, &receipt.provider, &receipt.consumer, more).await
}
