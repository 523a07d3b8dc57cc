//! The measurer's side: keeps what this node signs for others until the coordinator has it, if the coordinator asked
//! for that. Providers are sent the same as by everybody else, and cannot tell.

use std::collections::BTreeMap;

use streamr_coordinator_api::ReceiptsRequest;
use streamr_model::{NodeId, Receipt, Signed, Window};

/// Receipts that wait for the coordinator; beyond it the oldest window's are lost.
const MAX_WAITING: usize = 512;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Measuring {
    is_asked: bool,
    waiting: BTreeMap<(Window, NodeId), Held>,
}

#[derive(Debug)]
struct Held {
    session: u64,
    sequence: u32,
    signed: Signed<Receipt>,
}

impl Measuring {
    /// Whether there is something for the coordinator.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The coordinator says whether it wants what this node signs.
    pub(crate) fn handle_answer(&mut self, is_asked: bool) {
        self.is_asked = is_asked;
        if !is_asked {
            self.waiting.clear();
        }
    }

    /// This node signed `receipt`.
    pub(crate) fn handle_signed(&mut self, receipt: &Receipt, signed: &Signed<Receipt>) {
        if !self.is_asked {
            return;
        }
        let held = Held { session: receipt.session, sequence: receipt.sequence, signed: signed.clone() };
        self.waiting.insert((receipt.window, receipt.provider), held);
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_first();
        }
    }

    /// The oldest that wait, as many as a request takes.
    pub(crate) fn batch(&self) -> Vec<Signed<Receipt>> {
        self.waiting.values().take(ReceiptsRequest::MAX).map(|held| held.signed.clone()).collect()
    }

    /// The coordinator has answered about these of `me`. What has become newer in the meantime stays.
    pub(crate) fn handle_taken(&mut self, me: &NodeId, batch: &[Signed<Receipt>]) {
        for receipt in batch.iter().filter_map(|sent| sent.verify_node(me).ok()) {
            let name = (receipt.window, receipt.provider);
            let is_that = |held: &Held| (held.session, held.sequence) == (receipt.session, receipt.sequence);
            if self.waiting.get(&name).is_some_and(is_that) {
                self.waiting.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamr_model::SecretKey;

    fn me() -> SecretKey {
        SecretKey::from_seed([1; 32])
    }

    fn sign(measuring: &mut Measuring, window: u64, sequence: u32) {
        let receipt = Receipt {
            stream: "alice".parse().unwrap(),
            window: Window(window),
            provider: NodeId([2; 32]),
            consumer: me().node_id(),
            grant: None,
            session: 5,
            sequence,
            bytes: 100,
            blocks: 1,
            on_time: 1,
            bad: 0,
            missed: 3,
        };
        measuring.handle_signed(&receipt, &Signed::new(&receipt, &me()));
    }

    fn sequences(batch: &[Signed<Receipt>]) -> Vec<u32> {
        batch.iter().map(|signed| signed.verify_node(&me().node_id()).unwrap().sequence).collect()
    }

    #[test]
    fn nothing_is_kept_unless_the_coordinator_asks() {
        let mut measuring = Measuring::default();
        sign(&mut measuring, 7, 1);
        assert!(!measuring.is_waiting());
        measuring.handle_answer(true);
        sign(&mut measuring, 7, 2);
        assert!(measuring.is_waiting());
        measuring.handle_answer(false);
        assert!(!measuring.is_waiting(), "it is trusted no longer");
    }

    #[test]
    fn the_newest_of_each_window_waits_and_what_became_newer_meanwhile_is_sent_again() {
        let mut measuring = Measuring::default();
        measuring.handle_answer(true);
        for (window, sequence) in [(7, 1), (7, 2), (8, 1)] {
            sign(&mut measuring, window, sequence);
        }
        let batch = measuring.batch();
        assert_eq!(sequences(&batch), [2, 1]);
        sign(&mut measuring, 8, 2);
        measuring.handle_taken(&me().node_id(), &batch);
        assert_eq!(sequences(&measuring.batch()), [2]);
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_is_lost() {
        let mut measuring = Measuring::default();
        measuring.handle_answer(true);
        for window in 0..u64::try_from(MAX_WAITING).unwrap() + 10 {
            sign(&mut measuring, window, 1);
        }
        assert_eq!(measuring.waiting.len(), MAX_WAITING);
        let oldest = measuring.batch()[0].verify_node(&me().node_id()).unwrap();
        assert_eq!((oldest.window, measuring.batch().len()), (Window(10), ReceiptsRequest::MAX));
    }
}
