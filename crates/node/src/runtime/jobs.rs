//! Work that takes time: requests to the coordinator, and carrying. At most one of a kind is under way.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use streamr_coordinator_api::{
    Earnings, Enrolled, HeartbeatAnswer, Impact, InvitePreview, LiveStreams, Membership, NodeSummary,
    ReceiptsAnswer,
};
use streamr_model::{Receipt, Signed, SignedByBoth};
use tokio::sync::mpsc;

use super::Reply;
use crate::carry::{BeginError, Begun};
use crate::coordinator_client::ClientError;
use crate::heartbeat::ReportHead;
use crate::join::JoinTarget;
use crate::view::UiError;

/// Twice as many as there are kinds of jobs. A job that finds it full waits.
const FINISHED: usize = 32;

/// Kinds of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Job {
    Streams,
    Members,
    Heartbeat,
    Leaving,
    Impact,
    Account,
    Receipts,
    Samples,
    /// Enrolling again by itself.
    Enrol,
    /// Reading an invite or an address.
    Join,
    /// Enrolling because the person said yes.
    Consent,
    /// What a person says about their node.
    Say,
    /// What a person saves as a file.
    Export,
}

/// What a coordinator offers to whoever joins.
#[derive(Debug)]
pub(super) enum Offer {
    Invite(InvitePreview),
    Streams(LiveStreams),
}

/// How a job went.
#[derive(Debug)]
pub(super) enum Outcome {
    Streams(Result<LiveStreams, ClientError>),
    Members(Result<Membership, ClientError>),
    Heartbeat {
        head: ReportHead,
        took: Duration,
        answer: Result<HeartbeatAnswer, ClientError>,
    },
    Left,
    Impact(Result<Impact, ClientError>),
    Account(Result<(Earnings, NodeSummary), ClientError>),
    Receipts {
        batch: Vec<SignedByBoth>,
        answer: Result<ReceiptsAnswer, ClientError>,
    },
    Samples {
        batch: Vec<Signed<Receipt>>,
        answer: Result<ReceiptsAnswer, ClientError>,
    },
    Enrolled(Result<Enrolled, ClientError>),
    Joined {
        target: JoinTarget,
        offer: Result<Offer, ClientError>,
        reply: Reply,
    },
    Consented {
        upload_cap_bps: u64,
        enrolled: Result<Enrolled, ClientError>,
        reply: Reply,
    },
    Said {
        answer: Result<(), ClientError>,
        /// How the node stands afterwards.
        summary: Option<Box<NodeSummary>>,
        reply: Reply,
    },
    Exported,
    CarryBegan {
        attempt: u64,
        begun: Box<Begun>,
    },
    CarryDone {
        attempt: u64,
        result: Result<(), BeginError>,
    },
    /// A job of ours panicked; its fault is in the log.
    Crashed(Job),
}

/// An outcome, and where it belongs.
#[derive(Debug)]
pub(super) struct Finished {
    job: Option<Job>,
    network: u64,
    outcome: Outcome,
}

/// The jobs under way.
#[derive(Debug)]
pub(super) struct Jobs {
    finished: mpsc::Sender<Finished>,
    under_way: HashSet<Job>,
    leaving: usize,
    /// Grows when the coordinator changes: what was asked of an older one is forgotten.
    network: u64,
}

impl Jobs {
    pub(super) fn new() -> (Self, mpsc::Receiver<Finished>) {
        let (finished, receiver) = mpsc::channel(FINISHED);
        (Self { finished, under_way: HashSet::new(), leaving: 0, network: 0 }, receiver)
    }

    /// Whether a job of this kind is under way.
    pub(super) fn is_under_way(&self, job: Job) -> bool {
        self.under_way.contains(&job)
    }

    /// Whether a good-bye is still on its way to a coordinator.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving > 0
    }

    /// Begins a job, unless one of its kind is under way.
    pub(super) fn begin(&mut self, job: Job, work: impl Future<Output = Outcome> + Send + 'static) {
        if job == Job::Leaving {
            self.leaving += 1;
        } else if !self.under_way.insert(job) {
            return;
        }
        let (finished, network) = (self.finished.clone(), self.network);
        tokio::spawn(async move {
            let outcome = unless_it_panics(work, Outcome::Crashed(job)).await;
            // The driver may have ended.
            let _ = finished.send(Finished { job: Some(job), network, outcome }).await;
        });
    }

    /// Begins carrying. `work` may send [`Outcome::CarryBegan`] through what it is given.
    pub(super) fn carry<F>(&self, attempt: u64, work: impl FnOnce(CarrySender) -> F)
    where
        F: Future<Output = Result<(), BeginError>> + Send + 'static,
    {
        let sender = CarrySender { finished: self.finished.clone(), attempt };
        let work = work(sender.clone());
        tokio::spawn(async move {
            let crashed = Err(BeginError::Never(UiError::internal("carrying panicked; see the log")));
            sender.done(unless_it_panics(work, crashed).await).await;
        });
    }

    /// An outcome that is about the present coordinator, or about none.
    pub(super) fn accept(&mut self, finished: Finished) -> Option<Outcome> {
        match finished.job {
            None => Some(finished.outcome),
            Some(Job::Leaving) => {
                self.leaving = self.leaving.saturating_sub(1);
                None
            }
            Some(job) if finished.network == self.network => {
                self.under_way.remove(&job);
                Some(finished.outcome)
            }
            Some(_) => None,
        }
    }

    /// Another coordinator from now on.
    pub(super) fn forget(&mut self) {
        self.network += 1;
        self.under_way.clear();
    }
}

/// How a carrying speaks to the driver.
#[derive(Debug, Clone)]
pub(super) struct CarrySender {
    finished: mpsc::Sender<Finished>,
    attempt: u64,
}

impl CarrySender {
    /// The relay runs.
    pub(super) async fn began(self, begun: Begun) {
        self.send(Outcome::CarryBegan { attempt: self.attempt, begun: Box::new(begun) }).await;
    }

    async fn done(self, result: Result<(), BeginError>) {
        self.send(Outcome::CarryDone { attempt: self.attempt, result }).await;
    }

    async fn send(&self, outcome: Outcome) {
        // The driver may have ended.
        let _ = self.finished.send(Finished { job: None, network: 0, outcome }).await;
    }
}

async fn unless_it_panics<T>(work: impl Future<Output = T>, otherwise: T) -> T {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or(otherwise)
}
