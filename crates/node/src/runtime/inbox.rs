//! Everything the driver can be woken by, one at a time.

use std::time::Instant;

use streamr_relay::{RelayEvent, RelayStats};
use tokio::sync::{mpsc, watch};

use super::jobs::Finished;
use super::{ExportReply, Reply, Request};
use crate::view::{Command, Export};

/// What came.
#[derive(Debug)]
pub(super) enum Incoming {
    Command(Command, Reply),
    Export(Export, ExportReply),
    Shutdown,
    Finished(Finished),
    Counters(RelayStats),
    Relay(RelayEvent),
    Time,
}

/// The driver's ears. The relay's two are there only while it runs.
#[derive(Debug)]
pub(super) struct Inbox {
    requests: Option<mpsc::Receiver<Request>>,
    finished: mpsc::Receiver<Finished>,
    counters: Option<watch::Receiver<RelayStats>>,
    events: Option<mpsc::Receiver<RelayEvent>>,
}

impl Inbox {
    pub(super) fn new(requests: mpsc::Receiver<Request>, finished: mpsc::Receiver<Finished>) -> Self {
        Self { requests: Some(requests), finished, counters: None, events: None }
    }

    /// Listens to a relay.
    pub(super) fn attach(
        &mut self,
        counters: watch::Receiver<RelayStats>,
        events: mpsc::Receiver<RelayEvent>,
    ) {
        self.counters = Some(counters);
        self.events = Some(events);
    }

    /// Listens to no relay.
    pub(super) fn detach(&mut self) {
        self.counters = None;
        self.events = None;
    }

    /// The next thing, or [`Incoming::Time`] at `deadline`. People come first.
    pub(super) async fn next(&mut self, deadline: Instant) -> Incoming {
        tokio::select! {
            biased;
            request = heard(&mut self.requests) => match request {
                Some(Request::Command(command, reply)) => Incoming::Command(command, reply),
                Some(Request::Export(what, reply)) => Incoming::Export(what, reply),
                Some(Request::Shutdown) => Incoming::Shutdown,
                // Nobody holds the node any more.
                None => {
                    self.requests = None;
                    Incoming::Shutdown
                }
            },
            Some(finished) = self.finished.recv() => Incoming::Finished(finished),
            stats = latest(&mut self.counters) => Incoming::Counters(stats),
            Some(event) = heard(&mut self.events) => Incoming::Relay(event),
            () = tokio::time::sleep_until(deadline.into()) => Incoming::Time,
        }
    }
}

/// The counters when they change next. Never, where there is no relay or it is gone.
async fn latest(counters: &mut Option<watch::Receiver<RelayStats>>) -> RelayStats {
    let changed = match counters {
        Some(counters) => counters.changed().await.is_ok(),
        None => false,
    };
    match counters {
        Some(counters) if changed => counters.borrow_and_update().clone(),
        _ => std::future::pending().await,
    }
}

/// What comes next. Never, where there is nobody to hear.
async fn heard<T>(from: &mut Option<mpsc::Receiver<T>>) -> Option<T> {
    match from {
        Some(from) => from.recv().await,
        None => std::future::pending().await,
    }
}
