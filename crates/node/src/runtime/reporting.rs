//! Reports to the coordinator: which stream they are about, from which line they count, and when they go.

use std::time::{Duration, Instant};

use streamr_model::{BitsPerSecond, NodeActivity, StreamId};

use super::jobs::{Job, Outcome};
use super::{Runtime, wall_now};
use crate::carrier::Carrier;
use crate::heartbeat::{Heartbeats, ReportFailure, ReportHead};
use crate::jitter::Roll;
use crate::lifecycle::Wish;
use crate::report::{Baseline, ReportBody};
use crate::settings::Settings;
use crate::view::{NodeState, UiError, UiErrorCode};

const GOODBYE_LIMIT: Duration = Duration::from_millis(500);
/// A clock further from the coordinator's than this is told of.
const CLOCK_LIMIT: Duration = Duration::from_secs(300);

/// The reports of one node.
#[derive(Debug)]
pub(super) struct Reporting {
    pub(super) beats: Heartbeats,
    baseline: Baseline,
    stream: Option<StreamId>,
}

/// A session's name, or any other number nobody can foresee.
pub(super) fn draw() -> u64 {
    rand::random()
}

/// A roll for jitter.
pub(super) fn roll() -> Roll {
    Roll::of(rand::random())
}

impl Reporting {
    pub(super) fn new(settings: &Settings) -> Self {
        let longest = Duration::from_secs(settings.heartbeat_max_s);
        Self { beats: Heartbeats::new(longest), baseline: Baseline::default(), stream: None }
    }

    /// Begins a session about `stream`; gives its name.
    fn begin(&mut self, stream: StreamId, activity: NodeActivity, now: Instant) -> u64 {
        let session = draw();
        self.stream = Some(stream);
        self.beats.begin(session, activity, now);
        session
    }
}

impl<C: Carrier> Runtime<C> {
    /// Carrying began: a session begins with it.
    pub(super) fn report_supporting(&mut self, stream: StreamId, now: Instant) {
        let session = self.reporting.begin(stream.clone(), NodeActivity::Supporting, now);
        self.reporting.baseline.begin(session);
        self.receipting.begin(self.key.node_id(), stream, session, now);
    }

    /// Makes reports follow the lifecycle: paused is said, stopped is a good-bye.
    pub(super) fn follow_lifecycle(&mut self, now: Instant) {
        let faulted = matches!(self.lifecycle.state(), NodeState::Faulted { .. });
        match self.lifecycle.wish() {
            _ if self.closing.is_some() || faulted || !self.has_consent() => self.say_goodbye(),
            Wish::Stopped => self.say_goodbye(),
            Wish::Paused { .. } => self.report_paused(now),
            Wish::Supporting => {}
        }
    }

    fn report_paused(&mut self, now: Instant) {
        if self.reporting.beats.session().is_some() {
            self.reporting.beats.change(NodeActivity::Paused, now);
        } else if let Some(stream) = self.keeper.settings().stream.clone() {
            self.reporting.begin(stream, NodeActivity::Paused, now);
        }
    }

    /// Ends the session with a last report, sent at once and once only.
    pub(super) fn say_goodbye(&mut self) {
        if let Some(head) = self.reporting.beats.leave() {
            self.send_goodbye(&head);
        }
    }

    fn send_goodbye(&mut self, head: &ReportHead) {
        let (Some(client), Some(beat)) = (self.client(), self.report(head)) else { return };
        let (key, token) = (self.key.clone(), self.token());
        let (receipts, samples) = (self.receipting.batch(), self.receipting.samples());
        self.jobs.begin(Job::Leaving, async move {
            // Best effort: whoever is silent is missed after a while anyway, and what is handed in twice counts once.
            let hand_in = async {
                let Some(token) = token else { return };
                if !receipts.is_empty() {
                    let _ = client.receipts(beat.node, &token, &receipts).await;
                }
                if !samples.is_empty() {
                    let _ = client.samples(beat.node, &token, &samples).await;
                }
            };
            let leave = async { tokio::join!(client.heartbeat(&beat, &key), hand_in) };
            let _ = tokio::time::timeout(GOODBYE_LIMIT, leave).await;
            Outcome::Left
        });
    }

    /// Sends the report that is due.
    pub(super) fn send_report(&mut self, now: Instant) {
        if self.jobs.is_under_way(Job::Heartbeat) {
            return;
        }
        let Some(head) = self.reporting.beats.poll_report(now) else { return };
        let (Some(client), Some(beat)) = (self.client(), self.report(&head)) else { return };
        let key = self.key.clone();
        self.jobs.begin(Job::Heartbeat, async move {
            let sent = Instant::now();
            let answer = client.heartbeat(&beat, &key).await;
            Outcome::Heartbeat { head, took: sent.elapsed(), answer }
        });
    }

    fn report(&mut self, head: &ReportHead) -> Option<streamr_model::Heartbeat> {
        let supporting = head.activity == NodeActivity::Supporting;
        let addresses =
            self.carrying.running().filter(|_| supporting).map(|running| running.addresses.clone());
        let counters = self.carrying.counters();
        let cap = BitsPerSecond(self.keeper.settings().upload_cap_bps);
        let body = ReportBody {
            node: self.key.node_id(),
            stream: self.reporting.stream.clone()?,
            // The relay may not have heard of a new cap yet.
            uplink: counters.upload.map_or(cap, |upload| upload.share.min(cap)),
            addresses: addresses.unwrap_or_default(),
        };
        Some(self.reporting.baseline.report(head, body, &counters))
    }

    pub(super) fn on_heartbeat(
        &mut self,
        head: &ReportHead,
        took: Duration,
        answer: Result<streamr_coordinator_api::HeartbeatAnswer, crate::coordinator_client::ClientError>,
    ) {
        let now = Instant::now();
        match answer {
            Ok(answer) => {
                self.heard(Some(took));
                self.compare_clocks(answer.now);
                self.receipting.handle_answer(&answer, now);
                let next_in = Duration::from_secs(answer.next_in_s.into());
                if let Some(last) =
                    self.reporting.beats.handle_answer(head, answer.nonce, next_in, now, roll())
                {
                    self.send_goodbye(&last);
                }
                if let Some(polls) = self.carrying.polls() {
                    polls.handle_version(answer.membership_version);
                }
            }
            Err(error) => {
                self.failed(&error);
                let failure =
                    if error.is_out_of_order() { ReportFailure::OutOfOrder } else { ReportFailure::NoAnswer };
                self.reporting.beats.handle_failure(head, failure, draw(), now, roll());
                if error.wants_enrolment() {
                    self.enrol_again(now);
                }
            }
        }
    }

    fn compare_clocks(&mut self, theirs: streamr_model::UnixMs) {
        let ours = wall_now();
        let off = (ours - theirs).max(theirs - ours);
        if off <= CLOCK_LIMIT {
            self.notices.clear(UiErrorCode::ClockOff);
        } else if !self.notices.has(UiErrorCode::ClockOff) {
            let direction = if ours > theirs { "ahead of" } else { "behind" };
            self.tell(UiError::new(
                UiErrorCode::ClockOff,
                format!(
                    "This machine's clock is {} minutes {direction} the coordinator's; \
                     set it right, or times shown here are wrong. Earnings go by the coordinator's clock.",
                    off.as_secs() / 60
                ),
                format!("ours {}, theirs {}", ours.0, theirs.0),
            ));
        }
    }
}
