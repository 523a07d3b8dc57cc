//! What came of jobs and of the relay.

use std::time::{Duration, Instant};

use streamr_coordinator_api::{Earnings, Enrolled, Impact, LiveStreams, Membership, NodeSummary};
use streamr_model::BitsPerSecond;
use streamr_relay::{RelayEvent, RelayStats};

use super::jobs::{Job, Outcome};
use super::reporting::roll;
use super::{Runtime, wall_now};
use crate::carrier::Carrier;
use crate::carry::{BeginError, Begun};
use crate::coordinator_client::ClientError;
use crate::lifecycle::Input;
use crate::membership::Seen;
use crate::state::Enrolment;
use crate::view::{UiError, UiErrorCode};

impl<C: Carrier> Runtime<C> {
    pub(super) async fn on_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Streams(answer) => self.on_streams(answer),
            Outcome::Members(answer) => self.on_members(answer),
            Outcome::Heartbeat { head, took, answer } => self.on_heartbeat(&head, took, answer),
            Outcome::Left | Outcome::Exported => {}
            Outcome::Impact(answer) => self.on_impact(answer),
            Outcome::Account(answer) => self.on_account(answer),
            Outcome::Receipts { batch, answer } => self.on_receipts(&batch, answer),
            Outcome::Samples { batch, answer } => self.on_samples(&batch, answer),
            Outcome::Enrolled(answer) => self.on_enrolled(answer).await,
            Outcome::Joined { target, offer, reply } => self.on_joined(target, offer, reply).await,
            Outcome::Consented { upload_cap_bps, enrolled, reply } => {
                self.on_consented(upload_cap_bps, enrolled, reply).await;
            }
            Outcome::Said { answer, summary, reply } => self.on_said(answer, summary, reply),
            Outcome::CarryBegan { attempt, begun } => self.on_carry_began(attempt, *begun).await,
            Outcome::CarryDone { attempt, result } => self.on_carry_done(attempt, result),
            Outcome::Crashed(job) => self.on_crash(job),
        }
    }

    /// The coordinator answered.
    pub(super) fn heard(&mut self, heartbeat: Option<Duration>) {
        if self.link.handle_answer(heartbeat) {
            tracing::info!("the coordinator answers again");
            let now = Instant::now();
            self.clockwork.hurry_streams(now);
            self.clockwork.hurry_impact(now);
            self.clockwork.hurry_account(now);
            self.carrying.hurry(now);
        }
    }

    /// The coordinator did not answer, or said no.
    pub(super) fn failed(&mut self, error: &ClientError) {
        let address = self.keeper.settings().coordinator.clone().unwrap_or_default();
        if self.link.handle_failure(error, &address, wall_now()) {
            tracing::warn!(coordinator = address, %error, "the coordinator fails");
        }
    }

    fn on_streams(&mut self, answer: Result<LiveStreams, ClientError>) {
        self.clockwork.handle_streams(answer.is_ok(), self.carrying.supporters(), Instant::now());
        match answer {
            Ok(list) => {
                self.heard(None);
                self.link.handle_streams(list.streams);
                self.see_stream();
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Tells the lifecycle whether the chosen stream is live.
    pub(super) fn see_stream(&mut self) {
        let chosen = self.keeper.settings().stream.as_ref();
        if let Some(live) = chosen.and_then(|stream| self.link.is_live(stream)) {
            self.input(Input::StreamSeen { live });
        }
    }

    fn on_members(&mut self, answer: Result<Membership, ClientError>) {
        let now = Instant::now();
        match answer {
            Ok(view) => {
                self.heard(None);
                let about_this = self.carrying.running().is_some_and(|running| running.stream == view.stream);
                if !about_this {
                    return;
                }
                if let Some(polls) = self.carrying.polls() {
                    polls.handle_view(Seen::of(&view, self.key.node_id()), now, roll());
                }
                if self.carrying.set_membership(view) {
                    tracing::info!("the stream's key or origin changed; carrying it anew");
                    self.input(Input::Renew);
                }
            }
            Err(error) => {
                self.failed(&error);
                if let Some(polls) = self.carrying.polls() {
                    polls.handle_failure(now, roll());
                }
                if error.wants_enrolment() {
                    self.enrol_again(now);
                }
            }
        }
    }

    fn on_impact(&mut self, answer: Result<Impact, ClientError>) {
        let now = Instant::now();
        self.clockwork.handle_impact(self.carrying.supporters(), now);
        match answer {
            Ok(impact) => {
                self.heard(None);
                self.link.handle_impact(impact, wall_now());
            }
            Err(error) => {
                self.failed(&error);
                if error.wants_enrolment() {
                    self.enrol_again(now);
                }
            }
        }
    }

    fn on_account(&mut self, answer: Result<(Earnings, NodeSummary), ClientError>) {
        let now = Instant::now();
        self.clockwork.handle_account(self.carrying.supporters(), now);
        match answer {
            Ok((account, summary)) => {
                self.heard(None);
                let now = wall_now();
                self.link.handle_account(account, now);
                self.link.handle_summary(summary, now);
            }
            Err(error) => {
                self.failed(&error);
                if error.wants_enrolment() {
                    self.enrol_again(now);
                }
            }
        }
    }

    async fn on_enrolled(&mut self, answer: Result<Enrolled, ClientError>) {
        match answer {
            Ok(enrolled) => {
                self.heard(None);
                self.keep_token(enrolled.token).await;
                let now = Instant::now();
                self.reporting.beats.hurry(now);
                self.clockwork.hurry_impact(now);
                self.clockwork.hurry_account(now);
                if let Some(polls) = self.carrying.polls() {
                    polls.hurry(now);
                }
            }
            Err(error) => self.failed(&error),
        }
    }

    pub(super) async fn keep_token(&mut self, token: String) {
        let Some(coordinator) = self.keeper.settings().coordinator.clone() else { return };
        let enrolment = Some(Enrolment { coordinator, token });
        if self.keeper.state.enrolment != enrolment {
            self.keeper.state.enrolment = enrolment;
            let saved = self.keeper.save_state().await;
            self.tell_if_failed(saved);
        }
    }

    async fn on_carry_began(&mut self, attempt: u64, mut begun: Begun) {
        // It may have been called off while it began; then its end is on its way already.
        if !self.carrying.is_present(attempt) || !self.lifecycle.is_beginning() {
            return;
        }
        let stream = begun.membership.stream.clone();
        let (now, wall) = (Instant::now(), wall_now());
        self.heard(None);
        self.notices.clear(UiErrorCode::PortTaken);
        if let Some(notice) = begun.notice.take() {
            self.tell(notice);
        }
        let token = begun.token.clone();
        let ears = self.carrying.handle_begun(self.key.node_id(), begun, now, wall);
        self.inbox.attach(ears.counters, ears.events);
        // The cap may have changed while the relay was starting.
        self.carrying.set_cap(BitsPerSecond(self.keeper.settings().upload_cap_bps));
        self.input(Input::CarryBegan);
        self.report_supporting(stream, now);
        self.clockwork.hurry_impact(now);
        self.keep_token(token).await;
    }

    fn on_carry_done(&mut self, attempt: u64, result: Result<(), BeginError>) {
        if !self.carrying.is_present(attempt) {
            return;
        }
        match result {
            Ok(()) => {
                self.carrying.handle_done();
                self.input(Input::CarryEnded);
            }
            Err(BeginError::Later(error)) => {
                self.failed(&error);
                if self.lifecycle.is_beginning() {
                    self.carrying.handle_delay(Instant::now());
                } else {
                    self.carrying.handle_done();
                    self.input(Input::CarryEnded);
                }
            }
            Err(BeginError::Never(error)) => {
                tracing::warn!(code = ?error.code, detail = error.detail, "carrying cannot begin");
                self.inbox.detach();
                self.carrying.handle_done();
                self.input(Input::CarryFailed(error));
            }
        }
        for over in [UiErrorCode::SignerSilent, UiErrorCode::OriginTrouble] {
            self.notices.clear(over);
        }
    }

    fn on_crash(&mut self, job: Job) {
        self.tell(UiError::internal(format!("the job {job:?} panicked; see the log")));
        let now = Instant::now();
        match job {
            Job::Streams => self.clockwork.handle_streams(false, self.carrying.supporters(), now),
            Job::Impact => self.clockwork.handle_impact(self.carrying.supporters(), now),
            Job::Account => self.clockwork.handle_account(self.carrying.supporters(), now),
            Job::Members => {
                if let Some(polls) = self.carrying.polls() {
                    polls.handle_failure(now, roll());
                }
            }
            // A report that never came back is begun anew; the others were asked for by a person, who sees it.
            Job::Heartbeat => self.reporting.beats.restart(super::reporting::draw(), now),
            Job::Leaving
            | Job::Receipts
            | Job::Samples
            | Job::Enrol
            | Job::Join
            | Job::Consent
            | Job::Say
            | Job::Export => {}
        }
    }

    pub(super) fn on_counters(&mut self, stats: RelayStats) {
        let now = Instant::now();
        self.carrying.handle_counters(stats, now, wall_now());
        self.sign_receipts(now);
    }

    pub(super) fn on_relay_event(&mut self, event: RelayEvent) {
        match event {
            RelayEvent::PeerDropped { peer, reason } => self.tell(UiError::new(
                UiErrorCode::PeerDropped,
                format!(
                    "The supporter {} sent something wrong and is not spoken to again; nothing bad was kept or passed on.",
                    peer.short()
                ),
                format!("{peer}: {reason}"),
            )),
            RelayEvent::Receipt { from, receipt } => self.on_receipt(from, &receipt),
            RelayEvent::OriginTrouble { detail } => self.tell(UiError::new(
                UiErrorCode::OriginTrouble,
                "The streamer's server does not answer as it should; supporting goes on with what other supporters have.",
                detail,
            )),
            RelayEvent::OriginWell => {
                self.notices.clear(UiErrorCode::OriginTrouble);
            }
        }
    }
}
