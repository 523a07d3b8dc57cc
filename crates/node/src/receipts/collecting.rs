//! The provider's side: checks what consumers sign, signs it too, and keeps the newest of each until the
//! coordinator has taken it.

use std::collections::{BTreeMap, HashMap};

use streamr_coordinator_api::ReceiptsRequest;
use streamr_model::{NodeId, Receipt, SecretKey, Signed, SignedByBoth, Window};

/// Receipts that wait for the coordinator; beyond it the oldest window's are lost.
const MAX_WAITING: usize = 512;
/// Consumers remembered; beyond it receipts of newcomers are refused.
const MAX_CONSUMERS: usize = 1_024;
/// A consumer may have counted bytes of which we have not heard yet that they are written.
const UNTOLD_BYTES: u64 = 1_048_576;

/// Why a consumer's receipt is not signed by us. It loses us nothing but that receipt, so that nobody is banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("it cannot be read, or its sender did not sign it")]
    Unverified,
    #[error("it is about somebody else")]
    NotOurs,
    #[error("it does not come after the last one")]
    OutOfOrder,
    #[error("it is for more than was given")]
    TooMuch,
    #[error("too many consumers sign")]
    Full,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Collecting {
    consumers: HashMap<NodeId, Consumer>,
    waiting: BTreeMap<Name, Held>,
}

/// What a receipt is the newest of.
type Name = (Window, NodeId, u64);

#[derive(Debug)]
struct Held {
    sequence: u32,
    signed: SignedByBoth,
}

/// What a consumer has signed for since the relay began.
#[derive(Debug)]
struct Consumer {
    /// The newest.
    last: Receipt,
    /// In windows and sessions before that one's.
    earlier_bytes: u64,
}

impl Collecting {
    /// The relay begins, with every counter at nothing. What waits goes on waiting.
    pub(crate) fn begin(&mut self) {
        self.consumers.clear();
    }

    /// Whether there is something for the coordinator.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes in what `from` sent, which got `given_bytes` from us so far.
    pub(crate) fn handle_receipt(
        &mut self,
        from: NodeId,
        bytes: &[u8],
        given_bytes: u64,
        key: &SecretKey,
    ) -> Result<(), Refusal> {
        let signed: Signed<Receipt> = Signed::from_wire(bytes).ok_or(Refusal::Unverified)?;
        let receipt = signed.verify_node(&from).map_err(|_| Refusal::Unverified)?;
        if receipt.consumer != from || receipt.provider != key.node_id() {
            return Err(Refusal::NotOurs);
        }
        let earlier_bytes = match self.consumers.get(&from) {
            None if self.consumers.len() >= MAX_CONSUMERS => return Err(Refusal::Full),
            None => 0,
            Some(known) => known.before(&receipt)?,
        };
        if earlier_bytes.saturating_add(receipt.bytes) > given_bytes.saturating_add(UNTOLD_BYTES) {
            return Err(Refusal::TooMuch);
        }
        let name = (receipt.window, from, receipt.session);
        let held = Held { sequence: receipt.sequence, signed: SignedByBoth::new(from, signed, key) };
        self.consumers.insert(from, Consumer { last: receipt, earlier_bytes });
        self.waiting.insert(name, held);
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_first();
        }
        Ok(())
    }

    /// The oldest that wait, as many as a request takes.
    pub(crate) fn batch(&self) -> Vec<SignedByBoth> {
        self.waiting.values().take(ReceiptsRequest::MAX).map(|held| held.signed.clone()).collect()
    }

    /// The coordinator has answered about these. What has become newer in the meantime stays.
    pub(crate) fn handle_taken(&mut self, batch: &[SignedByBoth]) {
        for sent in batch {
            let Ok(receipt) = sent.receipt.verify_node(&sent.consumer) else { continue };
            let name = (receipt.window, receipt.consumer, receipt.session);
            if self.waiting.get(&name).is_some_and(|held| held.sequence <= receipt.sequence) {
                self.waiting.remove(&name);
            }
        }
    }
}

impl Consumer {
    /// Bytes signed for before the window and session of `receipt`, if it may follow.
    fn before(&self, receipt: &Receipt) -> Result<u64, Refusal> {
        let is_same = receipt.window == self.last.window && receipt.session == self.last.session;
        if is_same {
            return if receipt.follows(&self.last) {
                Ok(self.earlier_bytes)
            } else {
                Err(Refusal::OutOfOrder)
            };
        }
        if receipt.window < self.last.window {
            return Err(Refusal::OutOfOrder);
        }
        Ok(self.earlier_bytes.saturating_add(self.last.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> SecretKey {
        SecretKey::from_seed([1; 32])
    }

    fn peer(n: u8) -> SecretKey {
        SecretKey::from_seed([n; 32])
    }

    fn receipt(n: u8, window: u64, sequence: u32, bytes: u64) -> Receipt {
        Receipt {
            stream: "alice".parse().unwrap(),
            window: Window(window),
            provider: me().node_id(),
            consumer: peer(n).node_id(),
            grant: None,
            session: 5,
            sequence,
            bytes,
            blocks: 1,
            on_time: 1,
            bad: 0,
            missed: 0,
        }
    }

    fn take(collecting: &mut Collecting, n: u8, receipt: &Receipt, given: u64) -> Result<(), Refusal> {
        let wire = Signed::new(receipt, &peer(n)).to_wire();
        collecting.handle_receipt(peer(n).node_id(), &wire, given, &me())
    }

    #[test]
    fn the_newest_of_each_window_waits_signed_by_both() {
        let mut collecting = Collecting::default();
        for (window, sequence, bytes) in [(7, 1, 100), (7, 2, 250), (8, 1, 50)] {
            take(&mut collecting, 2, &receipt(2, window, sequence, bytes), 1000).unwrap();
        }
        let batch = collecting.batch();
        let told: Vec<(u64, u64)> = batch
            .iter()
            .map(|both| both.verify().map(|receipt| (receipt.window.0, receipt.bytes)).unwrap())
            .collect();
        assert_eq!(told, [(7, 250), (8, 50)]);
        collecting.handle_taken(&batch);
        assert!(!collecting.is_waiting());
    }

    #[test]
    fn what_became_newer_while_it_was_under_way_is_sent_again() {
        let mut collecting = Collecting::default();
        take(&mut collecting, 2, &receipt(2, 7, 1, 100), 1000).unwrap();
        let batch = collecting.batch();
        take(&mut collecting, 2, &receipt(2, 7, 2, 200), 1000).unwrap();
        collecting.handle_taken(&batch);
        assert_eq!(collecting.batch()[0].verify().unwrap().bytes, 200);
    }

    #[test]
    fn what_is_not_true_is_not_signed() {
        let mut collecting = Collecting::default();
        let good = receipt(2, 7, 3, 100);
        take(&mut collecting, 2, &good, 100).unwrap();
        let gib = 1 << 30;
        for (receipt, refusal) in [
            (good.clone(), Refusal::OutOfOrder),
            (Receipt { sequence: 4, bytes: 99, ..good.clone() }, Refusal::OutOfOrder),
            (Receipt { window: Window(6), sequence: 9, ..good.clone() }, Refusal::OutOfOrder),
            (Receipt { sequence: 4, bytes: gib, ..good.clone() }, Refusal::TooMuch),
            (Receipt { provider: peer(3).node_id(), sequence: 4, ..good.clone() }, Refusal::NotOurs),
            (Receipt { consumer: peer(3).node_id(), sequence: 4, ..good.clone() }, Refusal::NotOurs),
        ] {
            assert_eq!(take(&mut collecting, 2, &receipt, 100), Err(refusal), "{receipt:?}");
        }
        let forged = Signed::new(&good, &peer(3)).to_wire();
        let from = peer(2).node_id();
        assert_eq!(collecting.handle_receipt(from, &forged, 100, &me()), Err(Refusal::Unverified));
        assert_eq!(collecting.handle_receipt(from, b"garbage", 100, &me()), Err(Refusal::Unverified));
        assert_eq!(collecting.batch().len(), 1);
    }

    #[test]
    fn windows_together_are_for_no_more_than_was_given() {
        let mut collecting = Collecting::default();
        let given = 10 * UNTOLD_BYTES;
        take(&mut collecting, 2, &receipt(2, 7, 1, given), given).unwrap();
        let again = receipt(2, 8, 1, 2 * UNTOLD_BYTES);
        assert_eq!(take(&mut collecting, 2, &again, given), Err(Refusal::TooMuch));
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_is_lost() {
        let mut collecting = Collecting::default();
        for window in 0..u64::try_from(MAX_WAITING).unwrap() + 10 {
            take(&mut collecting, 2, &receipt(2, window, 1, 1), 1000).unwrap();
        }
        assert_eq!(collecting.waiting.len(), MAX_WAITING);
        assert_eq!(collecting.batch()[0].verify().unwrap().window, Window(10));
        assert_eq!(collecting.batch().len(), ReceiptsRequest::MAX);
    }
}
