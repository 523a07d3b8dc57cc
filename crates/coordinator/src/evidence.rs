//! What lies beneath an epoch's input: the receipts that both ends signed.

use streamr_model::Receipt;

use crate::credit::Counts;
use crate::epoch::Measured;
use crate::scoring::{credits, windows};
use crate::storage::{KeptReceipt, StorageError, Tx};
use crate::verify::{Evidence, EvidenceFault, Proof};

/// Proves an epoch's credits from the receipts of its hour: that each was signed by both ends and is recorded as
/// they signed it, and that together they give what the epoch was closed with. How long nodes were there is the
/// coordinator's own word, from heartbeats.
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
        for window in all.start.0..all.end.0 {
            for kept in tx.receipts_in(&measured.stream, streamr_model::Window(window)).await? {
                if !is_as_signed(&kept) {
                    let (provider, consumer) = (kept.signed.provider, kept.signed.consumer);
                    return Ok(Err(EvidenceFault::Receipt { provider, consumer }));
                }
                documents += 1;
            }
        }
        let credits = credits(tx, &measured.stream, measured.hour).await?;
        for (node, supporter) in &measured.supporters {
            let counts = credits.providers.get(node).map(|credit| credit.counts).unwrap_or_default();
            let score = supporter.score;
            let input =
                Counts { bytes: score.bytes, blocks: score.blocks, on_time: score.on_time, bad: score.bad };
            if counts != input {
                return Ok(Err(EvidenceFault::Credit(*node)));
            }
        }
        Ok(Ok(Proof::Signed(documents)))
    }
}

fn is_as_signed(kept: &KeptReceipt) -> bool {
    kept.signed.verify().is_ok_and(|receipt: Receipt| {
        receipt.sequence == kept.sequence && Counts::of(&receipt) == kept.counts
    })
}
