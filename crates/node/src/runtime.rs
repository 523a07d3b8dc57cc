//! The driver: one task that owns everything, takes in one thing after another, and performs what the pure
//! parts ask for. It never waits for the network: requests and the relay are tasks of their own (`jobs`),
//! at most one of a kind, and come back as [`jobs::Outcome`]s through a bounded channel.

mod actions;
mod carrying;
mod clockwork;
mod commands;
mod inbox;
mod jobs;
mod outcomes;
mod personal;
mod receipting;
mod reporting;
mod snapshot;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use streamr_model::{SecretKey, UnixMs};
use tokio::sync::{mpsc, oneshot, watch};

use crate::carrier::Carrier;
use crate::coordinator_client::CoordinatorClient;
use crate::export::ExportedFile;
use crate::keeper::Keeper;
use crate::lifecycle::{Input, Lifecycle};
use crate::link::Link;
use crate::notices::Notices;
use crate::view::{Command, Export, Snapshot, UiError};

use carrying::Carrying;
use clockwork::Clockwork;
use inbox::{Inbox, Incoming};
use jobs::Jobs;
use receipting::Receipting;
use reporting::Reporting;
use snapshot::Publisher;

/// Ending takes no longer than this, whatever hangs.
const CLOSING_LIMIT: Duration = Duration::from_millis(1700);

/// How a command went.
pub(crate) type Reply = oneshot::Sender<Result<(), UiError>>;
/// Where a file goes.
pub(crate) type ExportReply = oneshot::Sender<Result<ExportedFile, UiError>>;

/// What a shell asks the driver for.
#[derive(Debug)]
pub(crate) enum Request {
    /// What a person asked for.
    Command(Command, Reply),
    /// What a person wants to save.
    Export(Export, ExportReply),
    /// Stop, write what must last, end.
    Shutdown,
}

/// The driver's belongings, each a part with its own promises.
pub(crate) struct Runtime<C: Carrier> {
    carrier: Arc<C>,
    key: Arc<SecretKey>,
    http: reqwest::Client,
    keeper: Keeper,
    lifecycle: Lifecycle,
    carrying: Carrying,
    reporting: Reporting,
    receipting: Receipting,
    link: Link,
    notices: Notices,
    clockwork: Clockwork,
    jobs: Jobs,
    inbox: Inbox,
    publisher: Publisher,
    replies: Vec<(Reply, Result<(), UiError>)>,
    /// Since when the app is ending.
    closing: Option<Instant>,
}

/// What a driver begins with.
pub(crate) struct Parts<C> {
    pub(crate) carrier: C,
    pub(crate) key: SecretKey,
    pub(crate) http: reqwest::Client,
    pub(crate) keeper: Keeper,
    pub(crate) notices: Vec<UiError>,
}

/// The wall clock.
fn wall_now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl<C: Carrier> Runtime<C> {
    /// Ready to run. The receiver has the first snapshot already.
    pub(crate) fn new(
        parts: Parts<C>,
        requests: mpsc::Receiver<Request>,
    ) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let (now, wall) = (Instant::now(), wall_now());
        let keeper = parts.keeper;
        let consent = keeper.settings().coordinator.as_deref().is_some_and(|c| keeper.state.consents_to(c));
        let resume = keeper.settings().resume_on_start && keeper.settings().stream.is_some();
        let lifecycle = Lifecycle::restore(keeper.state.wish, consent, resume, wall);
        let mut notices = Notices::default();
        for notice in parts.notices {
            tracing::warn!(code = ?notice.code, detail = notice.detail, "{}", notice.message);
            notices.tell(notice, wall);
        }
        let (jobs, finished) = Jobs::new();
        let reporting = Reporting::new(keeper.settings());
        let carrying = Carrying::new(keeper.state.totals);
        let (publisher, snapshots) = Publisher::new(now);
        let mut runtime = Self {
            carrier: Arc::new(parts.carrier),
            key: Arc::new(parts.key),
            http: parts.http,
            keeper,
            lifecycle,
            carrying,
            reporting,
            receipting: Receipting::new(now),
            link: Link::new(),
            notices,
            clockwork: Clockwork::new(now, wall),
            jobs,
            inbox: Inbox::new(requests, finished),
            publisher,
            replies: Vec::new(),
            closing: None,
        };
        runtime.publisher.urgent();
        runtime.publish(now, wall);
        (runtime, snapshots)
    }

    /// Runs until a shutdown is done or nobody holds the node any more.
    pub(crate) async fn run(mut self) {
        loop {
            self.obey().await;
            let (now, wall) = (Instant::now(), wall_now());
            self.publish(now, wall);
            self.replies.drain(..).for_each(|(reply, result)| {
                // Whoever asked may be gone.
                let _ = reply.send(result);
            });
            if self.is_done(now) {
                break;
            }
            let deadline = self.next_deadline(now);
            let incoming = self.inbox.next(deadline).await;
            self.take_in(incoming).await;
            self.on_time().await;
        }
        self.keep_totals().await;
    }

    /// Whether the app was ending and has ended, or takes too long to.
    fn is_done(&self, now: Instant) -> bool {
        let Some(since) = self.closing else { return false };
        let leaving = self.jobs.is_leaving() || self.reporting.beats.is_leaving();
        let carrying = self.lifecycle.is_carrying();
        let late = now - since > CLOSING_LIMIT;
        if late {
            tracing::warn!(carrying, leaving, "ending took too long; what is left ends with the process");
        }
        late || !(carrying || leaving)
    }

    async fn take_in(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Command(command, reply) => {
                self.publisher.urgent();
                self.on_command(command, reply).await;
            }
            Incoming::Export(what, reply) => self.export(what, reply),
            Incoming::Shutdown => {
                self.closing = Some(Instant::now());
                self.input(Input::Shutdown);
            }
            Incoming::Finished(finished) => {
                if let Some(outcome) = self.jobs.accept(finished) {
                    self.on_outcome(outcome).await;
                }
            }
            Incoming::Counters(stats) => self.on_counters(stats),
            Incoming::Relay(event) => self.on_relay_event(event),
            Incoming::Time => {}
        }
        self.publisher.soon();
    }

    /// An input that is never refused.
    fn input(&mut self, input: Input) {
        if let Err(refusal) = self.lifecycle.handle(input, wall_now()) {
            tracing::warn!(?refusal, "the lifecycle refused what it never refuses");
        }
    }

    /// The coordinator of the settings.
    fn client(&self) -> Option<CoordinatorClient> {
        let address = self.keeper.settings().coordinator.clone()?;
        Some(CoordinatorClient::new(self.http.clone(), address))
    }

    fn has_consent(&self) -> bool {
        self.keeper.settings().coordinator.as_deref().is_some_and(|c| self.keeper.state.consents_to(c))
    }

    fn token(&self) -> Option<String> {
        self.keeper.state.token_for(self.keeper.settings().coordinator.as_deref()?).map(str::to_owned)
    }

    fn tell(&mut self, error: UiError) {
        tracing::info!(code = ?error.code, detail = error.detail, "{}", error.message);
        self.notices.tell(error, wall_now());
    }

    fn tell_if_failed(&mut self, written: Result<(), UiError>) {
        if let Err(error) = written {
            self.tell(error);
        }
    }
}

#[cfg(test)]
mod tests;
