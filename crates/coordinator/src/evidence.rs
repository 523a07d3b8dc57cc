//! What lies beneath an epoch's input: the receipts that both ends signed.

use std::collections::{BTreeMap, BTreeSet};

use streamr_model::{Grant, NodeId, StreamId, Window};

use crate::credit::Counts;
use crate::epoch::Measured;
use crate::receipts::taken_until;
use crate::rewards::Score;
use crate::scoring::{scores, windows};
use crate::storage::{KeptSample, RecordedReceipt, StorageError, Tx};
use crate::verify::{Evidence, EvidenceFault, Proof};

/// Proves an epoch's credits from the receipts of its hour: that each was signed by both ends and is recorded as
/// they signed it, under the cap of the grant it names, and that together they give what the epoch was closed
/// with, for everybody; and the same of what measurers signed. Uptime must follow from the windows in which anybody
/// signed, from declared downtime and from the time that was booked; that time, who was assigned when, who was to look
/// at whom and who is one party, is the coordinator's own word.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignedReceipts;

impl Evidence for SignedReceipts {
    async fn prove(
        &self,
        tx: &mut Tx,
        measured: &Measured,
    ) -> Result<Result<Proof, EvidenceFault>, StorageError> {
        let mut documents = 0;
        let all = windows(measured.hour);
        for window in (all.start.0..all.end.0).map(Window) {
            for recorded in tx.receipts_in(&measured.stream, window).await? {
                if !is_as_signed(&recorded, &measured.stream, window) {
                    let RecordedReceipt { provider, consumer, .. } = recorded;
                    return Ok(Err(EvidenceFault::Receipt { provider, consumer }));
                }
                documents += 1;
            }
            for sample in tx.samples_in(&measured.stream, window).await? {
                if !is_as_measured(&sample, &measured.stream, window) {
                    let KeptSample { provider, measurer, .. } = sample;
                    return Ok(Err(EvidenceFault::Sample { provider, measurer }));
                }
                documents += 1;
            }
        }
        let (scores, _) = scores(tx, &measured.stream, measured.hour).await?;
        let nodes: BTreeSet<&NodeId> = measured.supporters.keys().chain(scores.all.keys()).collect();
        let undisputed = scores.undisputed.as_ref().unwrap_or(&scores.all);
        for node in nodes {
            let supporter = measured.supporters.get(node);
            let input = supporter.map(|supporter| supporter.score).unwrap_or_default();
            let less = supporter.and_then(|supporter| supporter.undisputed).unwrap_or(input);
            let of = |scores: &BTreeMap<NodeId, Score>| scores.get(node).copied().unwrap_or_default();
            let (score, lesser) = (of(&scores.all), of(undisputed));
            if credited(score) != credited(input) || credited(lesser) != credited(less) {
                return Ok(Err(EvidenceFault::Credit(*node)));
            }
            if (score.uptime_ms, lesser.uptime_ms) != (input.uptime_ms, less.uptime_ms) {
                return Ok(Err(EvidenceFault::Uptime(*node)));
            }
        }
        Ok(Ok(Proof::Signed(documents)))
    }
}

fn is_as_signed(recorded: &RecordedReceipt, stream: &StreamId, window: Window) -> bool {
    let RecordedReceipt { provider, consumer, session, cap_bytes, ref kept } = *recorded;
    let Ok(receipt) = kept.signed.verify() else { return false };
    let grant = cap_bytes.map(|cap_bytes| {
        let (stream, expires_at) = (stream.clone(), taken_until(window));
        Grant { provider, consumer, stream, window, cap_bytes, expires_at }.id()
    });
    (receipt.provider, receipt.consumer, receipt.session) == (provider, consumer, session)
        && (&receipt.stream, receipt.window, receipt.grant) == (stream, window, grant)
        && (receipt.sequence, Counts::of(&receipt)) == (kept.sequence, kept.counts)
}

/// A score without its time.
fn credited(score: Score) -> Score {
    Score { uptime_ms: 0, ..score }
}

fn is_as_measured(sample: &KeptSample, stream: &StreamId, window: Window) -> bool {
    let Ok(receipt) = sample.signed.verify_node(&sample.measurer) else { return false };
    (receipt.provider, receipt.consumer, receipt.session)
        == (sample.provider, sample.measurer, sample.session)
        && (&receipt.stream, receipt.window) == (stream, window)
        && (receipt.sequence, Counts::of(&receipt)) == (sample.sequence, sample.counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closing::measure;
    use crate::hour::Hour;
    use crate::testing::{Node, Running, START};
    use streamr_model::UnixMs;

    /// An hour with receipts, and what it measures.
    async fn hour() -> (Running, Measured) {
        let coordinator = Running::start().await;
        coordinator.supported_hour(10_000_000).await;
        let mut tx = coordinator.storage().read().await.unwrap();
        let stream = tx.stream(&"alice".parse().unwrap()).await.unwrap().unwrap();
        let (measured, _) = measure(&mut tx, &stream, Hour::of(UnixMs(START))).await.unwrap();
        drop(tx);
        (coordinator, measured)
    }

    #[tokio::test]
    async fn receipts_as_they_were_signed_prove_the_hour() {
        let (coordinator, measured) = hour().await;
        let mut tx = coordinator.storage().read().await.unwrap();
        assert_eq!(SignedReceipts.prove(&mut tx, &measured).await.unwrap(), Ok(Proof::Signed(2)));
    }

    #[tokio::test]
    async fn nothing_that_is_recorded_beside_a_receipt_can_be_another_than_what_was_signed() {
        let (coordinator, measured) = hour().await;
        for statement in [
            "UPDATE receipts SET slot = slot + 1",
            "UPDATE receipts SET session = provider",
            "UPDATE receipts SET cap_bytes = cap_bytes + 1",
            "UPDATE receipts SET cap_bytes = NULL",
            "UPDATE receipts SET cap_bytes = 1000",
            "UPDATE receipts SET sequence = sequence + 1",
            "UPDATE receipts SET bytes = bytes + 1",
            "UPDATE receipts SET on_time = on_time - 1",
            "UPDATE receipts SET provider = consumer WHERE cap_bytes IS NULL",
            "DELETE FROM receipts",
            "UPDATE uptimes SET live_ms = live_ms - 1",
        ] {
            let mut tx = coordinator.storage().write().await.unwrap();
            tx.spoil(statement).await.unwrap();
            let proven = SignedReceipts.prove(&mut tx, &measured).await;
            assert!(!matches!(proven, Ok(Ok(_))), "{statement}: {proven:?}");
        }
    }

    #[tokio::test]
    async fn nothing_that_is_kept_of_a_measurer_can_be_another_than_what_it_signed() {
        let (coordinator, measured) = hour().await;
        let mut measurer = Node::enrolled(&coordinator, 3).await;
        measurer.measures(&coordinator).await;
        let provider = *measured.supporters.keys().next().unwrap();
        let receipt = measurer.sign(&coordinator, provider, 1000, 10);
        assert_eq!(measurer.sample(&coordinator, &receipt).await, None);
        let mut tx = coordinator.storage().read().await.unwrap();
        assert_eq!(SignedReceipts.prove(&mut tx, &measured).await.unwrap(), Ok(Proof::Signed(3)));
        drop(tx);
        for statement in [
            "UPDATE samples SET slot = slot + 1",
            "UPDATE samples SET session = provider",
            "UPDATE samples SET sequence = sequence + 1",
            "UPDATE samples SET bytes = bytes + 1",
            "UPDATE samples SET missed = missed + 1",
            "UPDATE samples SET provider = measurer",
        ] {
            let mut tx = coordinator.storage().write().await.unwrap();
            tx.spoil(statement).await.unwrap();
            let proven = SignedReceipts.prove(&mut tx, &measured).await;
            assert!(!matches!(proven, Ok(Ok(_))), "{statement}: {proven:?}");
        }
    }

    #[tokio::test]
    async fn nobody_who_was_credited_can_be_left_out() {
        let (coordinator, measured) = hour().await;
        let mut tx = coordinator.storage().read().await.unwrap();
        let credited = measured.supporters.iter().find(|(_, supporter)| supporter.score.bytes > 0);
        let left_out = *credited.unwrap().0;
        let mut without = measured.clone();
        without.supporters.remove(&left_out);
        let proven = SignedReceipts.prove(&mut tx, &without).await.unwrap();
        assert_eq!(proven, Err(EvidenceFault::Credit(left_out)));
    }
}
