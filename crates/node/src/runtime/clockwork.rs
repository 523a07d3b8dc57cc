//! What the driver does because time has passed.

use std::time::{Duration, Instant};

use streamr_model::UnixMs;

use super::jobs::{Job, Outcome};
use super::reporting::roll;
use super::{CLOSING_LIMIT, Runtime, wall_now};
use crate::carrier::Carrier;
use crate::view::{UiError, UiErrorCode};
use crate::wake::SleepDetector;

const STREAMS_EVERY: Duration = Duration::from_secs(5);
const STREAMS_SELDOM: Duration = Duration::from_secs(15);
const IMPACT_EVERY: Duration = Duration::from_secs(15);
/// Hours close once in an hour; payouts come seldom.
const ACCOUNT_EVERY: Duration = Duration::from_secs(60);
/// In a large swarm each node asks less often, so that all of them together ask for one thing no more often
/// than this, as long as nobody has to wait for longer than [`LONGEST`].
const ALL_PER_S: u32 = 200;
const LONGEST: Duration = Duration::from_secs(60);
const TOTALS_EVERY: Duration = Duration::from_secs(15);
const ENROL_EVERY: Duration = Duration::from_secs(30);
/// The driver looks around at least this often, to notice that the machine slept.
const LOOK_AROUND: Duration = Duration::from_secs(5);

/// When what is due.
#[derive(Debug)]
pub(super) struct Clockwork {
    streams: Instant,
    impact: Instant,
    account: Instant,
    totals: Instant,
    enrol: Instant,
    sleep: SleepDetector,
}

impl Clockwork {
    pub(super) fn new(now: Instant, wall: UnixMs) -> Self {
        Self {
            streams: now,
            impact: now,
            account: now,
            totals: now + TOTALS_EVERY,
            enrol: now,
            sleep: SleepDetector::new(now, wall),
        }
    }

    /// Ask for the streams at once.
    pub(super) fn hurry_streams(&mut self, now: Instant) {
        self.streams = now;
    }

    /// Ask what others signed for at once.
    pub(super) fn hurry_impact(&mut self, now: Instant) {
        self.impact = now;
    }

    /// Ask what closed hours have paid at once.
    pub(super) fn hurry_account(&mut self, now: Instant) {
        self.account = now;
    }

    /// The streams came, or did not.
    pub(super) fn handle_streams(&mut self, came: bool, supporters: u32, now: Instant) {
        let every = if came { STREAMS_EVERY } else { STREAMS_SELDOM };
        self.streams = now + roll().around(among(supporters, every));
    }

    /// What others signed for came, or did not.
    pub(super) fn handle_impact(&mut self, supporters: u32, now: Instant) {
        self.impact = now + roll().around(among(supporters, IMPACT_EVERY));
    }

    /// What closed hours have paid came, or did not.
    pub(super) fn handle_account(&mut self, supporters: u32, now: Instant) {
        self.account = now + roll().around(among(supporters, ACCOUNT_EVERY));
    }
}

/// How long to wait for what a single node asks for every `least`, where so many ask.
fn among(supporters: u32, least: Duration) -> Duration {
    least.max((Duration::from_secs(supporters.into()) / ALL_PER_S).min(LONGEST))
}

impl<C: Carrier> Runtime<C> {
    /// When the driver must wake though nothing comes.
    pub(super) fn next_deadline(&self, now: Instant) -> Instant {
        let asks = self.keeper.settings().coordinator.is_some() && self.closing.is_none();
        let reads = asks && self.token().is_some() && self.has_consent();
        let idle = |job, at| (!self.jobs.is_under_way(job)).then_some(at);
        [
            Some(now + LOOK_AROUND),
            self.closing.map(|since| since + CLOSING_LIMIT),
            self.publisher.due(),
            idle(Job::Streams, self.clockwork.streams).filter(|_| asks),
            idle(Job::Impact, self.clockwork.impact).filter(|_| reads),
            idle(Job::Account, self.clockwork.account).filter(|_| reads),
            idle(Job::Heartbeat, now + LOOK_AROUND).and(self.reporting.beats.poll_timeout()),
            idle(Job::Members, now)
                .and(self.carrying.running())
                .and_then(|running| running.polls.poll_timeout()),
            self.carrying.retry_at(),
            idle(Job::Receipts, now).and(self.receipting.upload_at()).filter(|_| reads),
            idle(Job::Samples, now).and(self.receipting.samples_at()).filter(|_| reads),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(now + LOOK_AROUND)
    }

    /// Does what is due.
    pub(super) async fn on_time(&mut self) {
        let (now, wall) = (Instant::now(), wall_now());
        if self.clockwork.sleep.slept(now, wall) {
            self.on_wake(now);
        }
        if self.closing.is_some() {
            return;
        }
        self.ask_streams(now);
        self.ask_impact(now);
        self.ask_account(now);
        self.ask_members(now);
        if self.carrying.retry_at().is_some_and(|at| at <= now) {
            self.begin_carrying();
        }
        self.send_report(now);
        self.send_receipts(now);
        self.send_samples(now);
        self.watch_signer(wall);
        if self.clockwork.totals <= now {
            self.clockwork.totals = now + TOTALS_EVERY;
            self.keep_totals().await;
        }
    }

    /// The machine slept: addresses, members and everything else may have changed.
    fn on_wake(&mut self, now: Instant) {
        tracing::info!("the machine slept; asking the coordinator for everything again");
        self.clockwork.hurry_streams(now);
        self.clockwork.hurry_impact(now);
        self.clockwork.hurry_account(now);
        self.reporting.beats.hurry(now);
        self.carrying.hurry(now);
        if let Some(polls) = self.carrying.polls() {
            polls.hurry(now);
        }
    }

    fn ask_streams(&mut self, now: Instant) {
        let Some(client) = self.client().filter(|_| self.clockwork.streams <= now) else { return };
        self.jobs.begin(Job::Streams, async move { Outcome::Streams(client.streams().await) });
    }

    fn ask_impact(&mut self, now: Instant) {
        if self.clockwork.impact > now || !self.has_consent() {
            return;
        }
        let (Some(client), Some(token)) = (self.client(), self.token()) else { return };
        let node = self.key.node_id();
        self.jobs.begin(Job::Impact, async move { Outcome::Impact(client.impact(node, &token).await) });
    }

    fn ask_account(&mut self, now: Instant) {
        if self.clockwork.account > now || !self.has_consent() {
            return;
        }
        let (Some(client), Some(token)) = (self.client(), self.token()) else { return };
        let node = self.key.node_id();
        self.jobs.begin(Job::Account, async move {
            let both = async { tokio::try_join!(client.account(node, &token), client.summary(node, &token)) };
            Outcome::Account(both.await)
        });
    }

    fn ask_members(&mut self, now: Instant) {
        let (Some(client), Some(token)) = (self.client(), self.token()) else { return };
        if self.jobs.is_under_way(Job::Members) {
            return;
        }
        let Some(stream) = self.carrying.running().map(|running| running.stream.clone()) else { return };
        if self.carrying.polls().is_some_and(|polls| polls.poll(now)) {
            self.jobs
                .begin(Job::Members, async move { Outcome::Members(client.members(&stream, &token).await) });
        }
    }

    /// Enrols again, but not in a hurry: a coordinator that forgets us each time is not helped by a storm.
    pub(super) fn enrol_again(&mut self, now: Instant) {
        let Some(client) = self.client().filter(|_| self.clockwork.enrol <= now && self.has_consent()) else {
            return;
        };
        self.clockwork.enrol = now + ENROL_EVERY;
        let key = self.key.clone();
        self.jobs.begin(Job::Enrol, async move { Outcome::Enrolled(client.enrol(&key, None).await) });
    }

    fn watch_signer(&mut self, wall: UnixMs) {
        if !self.carrying.signer_is_silent(wall) {
            self.notices.clear(UiErrorCode::SignerSilent);
        } else if !self.notices.has(UiErrorCode::SignerSilent) {
            self.tell(UiError::new(
                UiErrorCode::SignerSilent,
                "Nothing new has come from the streamer's signer for a while; the stream may have stopped. \
                 Supporting goes on by itself when it is back.",
                "no manifest for 20 s",
            ));
        }
    }

    /// Writes the totals if they have grown.
    pub(super) async fn keep_totals(&mut self) {
        let totals = self.carrying.kept_totals();
        if self.keeper.state.totals != totals {
            self.keeper.state.totals = totals;
            let saved = self.keeper.save_state().await;
            self.tell_if_failed(saved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_swarm_together_asks_no_more_often_than_a_small_one_would() {
        assert_eq!(among(0, STREAMS_EVERY), STREAMS_EVERY);
        assert_eq!(among(1_000, STREAMS_EVERY), STREAMS_EVERY);
        assert_eq!(among(4_000, STREAMS_EVERY), Duration::from_secs(20));
        assert_eq!(among(1_000_000, IMPACT_EVERY), LONGEST);
    }
}
