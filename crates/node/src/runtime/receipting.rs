//! Receipts on their way: from the relay's counters to the providers, from consumers to the coordinator.

use std::time::{Duration, Instant};

use streamr_coordinator_api::{HeartbeatAnswer, ReceiptsAnswer};
use streamr_model::{NodeId, Receipt, Signed, SignedByBoth, StreamId};

use super::Runtime;
use super::jobs::{Job, Outcome};
use super::reporting::roll;
use crate::carrier::Carrier;
use crate::coordinator_client::ClientError;
use crate::receipts::{Collecting, Measuring, Signing};

/// Between two requests of a node that has something to hand in.
const UPLOAD_EVERY: Duration = Duration::from_secs(15);

/// Both sides of one node.
#[derive(Debug)]
pub(super) struct Receipting {
    /// While something is carried.
    signing: Option<Signing>,
    collecting: Collecting,
    measuring: Measuring,
    upload_at: Instant,
    samples_at: Instant,
}

impl Receipting {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            signing: None,
            collecting: Collecting::default(),
            measuring: Measuring::default(),
            upload_at: now,
            samples_at: now,
        }
    }

    /// A relay begins with its session.
    pub(super) fn begin(&mut self, me: NodeId, stream: StreamId, session: u64, now: Instant) {
        self.signing = Some(Signing::new(me, stream, session, now));
        self.collecting.begin();
    }

    pub(super) fn handle_answer(&mut self, answer: &HeartbeatAnswer, now: Instant) {
        self.measuring.handle_answer(answer.measures);
        if let Some(signing) = &mut self.signing {
            signing.handle_answer(answer.now, &answer.grants, now);
        }
    }

    /// What waits for the coordinator, as much as a request takes.
    pub(super) fn batch(&self) -> Vec<SignedByBoth> {
        self.collecting.batch()
    }

    /// What this node signed itself and the coordinator asked for, as much as a request takes.
    pub(super) fn samples(&self) -> Vec<Signed<Receipt>> {
        self.measuring.batch()
    }

    /// When there is something to hand in.
    pub(super) fn upload_at(&self) -> Option<Instant> {
        self.collecting.is_waiting().then_some(self.upload_at)
    }

    /// The same of what this node signed itself.
    pub(super) fn samples_at(&self) -> Option<Instant> {
        self.measuring.is_waiting().then_some(self.samples_at)
    }
}

impl<C: Carrier> Runtime<C> {
    /// Signs for what the relay counted lately and sends it to whom it is about.
    pub(super) fn sign_receipts(&mut self, now: Instant) {
        if let Some(signing) = self.receipting.signing.as_mut().filter(|_| self.carrying.running().is_some())
        {
            let receipts = signing.poll(&self.carrying.counters().received, now);
            self.send_signed(&receipts);
        }
    }

    /// The same before the relay ends, whenever the last ones were.
    pub(super) fn sign_last_receipts(&mut self, now: Instant) {
        if let Some(mut signing) =
            self.receipting.signing.take().filter(|_| self.carrying.running().is_some())
        {
            let receipts = signing.finish(&self.carrying.counters().received, now);
            self.send_signed(&receipts);
        }
    }

    fn send_signed(&mut self, receipts: &[Receipt]) {
        for receipt in receipts {
            let signed = Signed::new(receipt, &self.key);
            self.receipting.measuring.handle_signed(receipt, &signed);
            self.carrying.send_receipt(receipt.provider, signed.to_wire().into());
        }
    }

    /// A consumer signed for what it got.
    pub(super) fn on_receipt(&mut self, from: NodeId, receipt: &[u8]) {
        let counters = self.carrying.counters();
        let given = counters.given.iter().find(|(node, _)| *node == from).map_or(0, |(_, bytes)| *bytes);
        if let Err(refusal) = self.receipting.collecting.handle_receipt(from, receipt, given, &self.key) {
            tracing::debug!(peer.id = %from.short(), %refusal, "a receipt is not signed");
        }
    }

    /// Hands in what waits.
    pub(super) fn send_receipts(&mut self, now: Instant) {
        let is_due = self.receipting.upload_at().is_some_and(|at| at <= now);
        if !is_due || self.jobs.is_under_way(Job::Receipts) {
            return;
        }
        let (Some(client), Some(token)) = (self.client(), self.token()) else { return };
        let (node, batch) = (self.key.node_id(), self.receipting.batch());
        self.jobs.begin(Job::Receipts, async move {
            let answer = client.receipts(node, &token, &batch).await;
            Outcome::Receipts { batch, answer }
        });
    }

    pub(super) fn on_receipts(
        &mut self,
        batch: &[SignedByBoth],
        answer: Result<ReceiptsAnswer, ClientError>,
    ) {
        let now = Instant::now();
        self.receipting.upload_at = now + roll().around(UPLOAD_EVERY);
        if self.were_judged(answer, now) {
            self.receipting.collecting.handle_taken(batch);
        }
    }

    /// Hands in what this node signed, if the coordinator asked for it.
    pub(super) fn send_samples(&mut self, now: Instant) {
        let is_due = self.receipting.samples_at().is_some_and(|at| at <= now);
        if !is_due || self.jobs.is_under_way(Job::Samples) {
            return;
        }
        let (Some(client), Some(token)) = (self.client(), self.token()) else { return };
        let (node, batch) = (self.key.node_id(), self.receipting.samples());
        self.jobs.begin(Job::Samples, async move {
            let answer = client.samples(node, &token, &batch).await;
            Outcome::Samples { batch, answer }
        });
    }

    pub(super) fn on_samples(
        &mut self,
        batch: &[Signed<Receipt>],
        answer: Result<ReceiptsAnswer, ClientError>,
    ) {
        let now = Instant::now();
        self.receipting.samples_at = now + roll().around(UPLOAD_EVERY);
        if self.were_judged(answer, now) {
            self.receipting.measuring.handle_taken(&self.key.node_id(), batch);
        }
    }

    /// Whether the coordinator has judged what was handed in, so that it need not be sent again.
    fn were_judged(&mut self, answer: Result<ReceiptsAnswer, ClientError>, now: Instant) -> bool {
        match answer {
            Ok(answer) => {
                self.heard(None);
                for refused in &answer.refused {
                    tracing::warn!(reason = ?refused.reason, detail = refused.detail, "a receipt was refused");
                }
                true
            }
            Err(error) => {
                self.failed(&error);
                if error.wants_enrolment() {
                    self.enrol_again(now);
                }
                false
            }
        }
    }
}
