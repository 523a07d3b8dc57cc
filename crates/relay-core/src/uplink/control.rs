//! The rules of the rate: climb until the router queues, stay a little below, give way to others.

use std::time::Duration;

use streamr_model::BitsPerSecond;

use super::meter::Flow;
use super::{Certainty, Measured};
use crate::time::Instant;

/// What is known at a tick.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    pub(super) now: Instant,
    /// Growth of the round trips that has lasted for half a second; `None` without answers.
    pub(super) settled: Option<Duration>,
    /// Growth of the newest round trips.
    pub(super) latest: Option<Duration>,
    /// Growth up to which nobody is disturbed.
    pub(super) target: Duration,
    /// What we have sent without a pause.
    pub(super) flow: Option<Flow>,
    /// What peers say to have received.
    pub(super) delivered: Option<BitsPerSecond>,
}

/// Whether the shortest round trips known belong to paths that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathsChanged {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The limit is not known, or was none.
    Climbing,
    /// Just below the limit.
    Holding,
    /// A little above the limit for a moment, to see whether it still is one.
    Looking(Look),
    /// Round trips have grown: less, and still less, until they shrink.
    Easing(Easing),
}

#[derive(Debug, Clone, Copy)]
struct Look {
    until: Instant,
    /// What was sent all through it; known at its end.
    carried: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Easing {
    cause: Cause,
    since: Instant,
    eased_at: Instant,
    /// Growth of the round trips then.
    grown: Duration,
    /// What had been sent without a pause when it began, and how far round trips have grown of it.
    flow: Option<Flow>,
    peak: Duration,
}

/// Who made round trips grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// We did, trying what the limit is. The queue is small and goes at once.
    Ourselves,
    Others,
}

/// A queue that stays as it is though we are silent is no queue.
#[derive(Debug, Clone, Copy)]
struct Plateau {
    since: Instant,
    least: Duration,
    most: Duration,
}

/// See the module. Rates are bits per second.
#[derive(Debug)]
pub(super) struct Control {
    cap: u64,
    rate: u64,
    phase: Phase,
    limit: Option<(u64, Instant)>,
    /// The most that got through without a queue, as peers count it.
    most: Option<(u64, Instant)>,
    /// The most that was sent for half a second without a queue, as we count it.
    proven: u64,
    /// What is known to be safe: half of it is taken up again at once after giving way.
    safe: u64,
    hot_at: Instant,
    hot_ticks: u32,
    answered_at: Instant,
    look_at: Instant,
    look_interval: Duration,
    look_step_percent: u64,
    plateau: Option<Plateau>,
}

impl Control {
    /// Of the cap, as the first rate of an unknown uplink: people are told to choose about half of it as cap.
    const FIRST_PERCENT: u64 = 50;
    /// And no more than this, which is not felt for long on a line that carries less.
    const FIRST_MOST: u64 = 2_000_000;
    /// The least: a block that has been begun must end before its receiver gives it up.
    const FLOOR: u64 = 128_000;
    /// Of the limit, while round trips show that nobody else needs it.
    const HOLD_PERCENT: u64 = 95;
    /// Of the limit or the cap, while nobody answers probes.
    const BLIND_PERCENT: u64 = super::Uplink::SHARE_PERCENT;
    /// What got through when round trips grew is a little more than is safe.
    const SAFE_PERCENT: u64 = 85;
    /// How far above the limit a look goes, at first and at most.
    const LOOK_STEP_PERCENT: u64 = 5;
    const LOOK_LARGEST_PERCENT: u64 = 10;
    /// How far a climb goes beyond what was sent so far: a steady climb is so much ahead of its average.
    const BEYOND_PERCENT: u64 = 115;
    const LOOK_SPAN: Duration = Duration::from_millis(500);
    /// From a look to the round trips that it has caused.
    const LOOK_ECHO: Duration = Duration::from_millis(400);
    const LOOK_SOONEST: Duration = Duration::from_secs(5);
    const LOOK_LATEST: Duration = Duration::from_secs(60);
    const BLIND_AFTER: Duration = Duration::from_secs(2);
    /// Round trips must have been short for so long before more is tried.
    const CALM: Duration = Duration::from_millis(500);
    /// A queue of our own making is gone after so long at the safe rate.
    const DRAIN: Duration = Duration::from_millis(600);
    /// Of the safe rate, while it goes.
    const DRAIN_PERCENT: u64 = 70;
    const EASE_INTERVAL: Duration = Duration::from_millis(300);
    /// Growth of the round trip, in targets, that no mistake of ours makes: somebody wants the uplink.
    const OTHERS: u32 = 5;
    const PLATEAU: Duration = Duration::from_secs(30);
    /// Per tick of 100 ms, in thousandths: 1.4, 1.6 and 2 in a second.
    const CLIMB: u64 = 1_034;
    const FIRST_CLIMB: u64 = 1_048;
    const RETURN: u64 = 1_072;

    pub(super) fn new(cap: BitsPerSecond, now: Instant) -> Self {
        Self {
            cap: cap.0,
            rate: (cap.0 / 100 * Self::FIRST_PERCENT).min(Self::FIRST_MOST),
            phase: Phase::Climbing,
            limit: None,
            most: None,
            proven: 0,
            safe: 0,
            hot_at: now,
            hot_ticks: 0,
            answered_at: now,
            look_at: now,
            look_interval: Self::LOOK_SOONEST,
            look_step_percent: Self::LOOK_STEP_PERCENT,
            plateau: None,
        }
    }

    pub(super) fn rate(&self) -> BitsPerSecond {
        BitsPerSecond(self.rate)
    }

    pub(super) fn cap(&self) -> BitsPerSecond {
        BitsPerSecond(self.cap)
    }

    pub(super) fn measured(&self) -> Option<Measured> {
        let found = |(rate, at), certainty| Measured { capacity: BitsPerSecond(rate), certainty, at };
        let about = self.limit.map(|limit| found(limit, Certainty::About));
        about.or(self.most.map(|most| found(most, Certainty::AtLeast)))
    }

    /// Giving way, and not just finding the limit.
    pub(super) fn is_giving_way(&self) -> bool {
        matches!(self.phase, Phase::Easing(Easing { cause: Cause::Others, .. }))
    }

    /// Whether what comes next depends on what the newest round trips are.
    pub(super) fn is_trying(&self) -> bool {
        match self.phase {
            Phase::Climbing | Phase::Looking(_) => true,
            Phase::Easing(easing) => easing.cause == Cause::Ourselves,
            Phase::Holding => false,
        }
    }

    pub(super) fn set_cap(&mut self, cap: BitsPerSecond) {
        self.cap = cap.0;
        self.rate = self.rate.min(self.cap);
    }

    /// What the present moment asks for.
    pub(super) fn tick(&mut self, seen: &Observation) -> PathsChanged {
        let is_hot = seen.latest.is_some_and(|grown| grown > seen.target);
        self.hot_ticks = if is_hot { self.hot_ticks.saturating_add(1) } else { 0 };
        if is_hot {
            self.hot_at = seen.now;
        }
        let mut changed = PathsChanged::No;
        match seen.settled {
            None => self.go_blind(seen.now),
            Some(grown) => {
                self.answered_at = seen.now;
                if grown > seen.target {
                    self.ease(seen, grown);
                    changed = self.watch_plateau(seen.now, grown);
                } else {
                    self.plateau = None;
                    self.calm(seen, grown);
                }
            }
        }
        self.rate = self.rate.clamp(Self::FLOOR.min(self.cap), self.cap);
        changed
    }

    /// Without answers there is no sign of others: no more than the share that is safe to promise.
    fn go_blind(&mut self, now: Instant) {
        if now - self.answered_at < Self::BLIND_AFTER {
            return;
        }
        let known = self.limit.map_or(self.cap, |(limit, _)| limit.min(self.cap));
        let most = known / 100 * Self::BLIND_PERCENT;
        self.phase = if self.limit.is_some() { Phase::Holding } else { Phase::Climbing };
        self.rate = (self.rate * Self::CLIMB / 1_000).min(most);
    }

    /// Round trips have grown.
    fn ease(&mut self, seen: &Observation, grown: Duration) {
        if let Phase::Easing(easing) = self.phase {
            self.ease_more(seen, grown, easing);
            return;
        }
        let is_far_too_long = grown > seen.target * Self::OTHERS;
        let cause = match self.phase {
            Phase::Climbing | Phase::Looking(_) => Cause::Ourselves,
            // What we took for the limit may be above it.
            _ if seen.flow.is_some() && !is_far_too_long => Cause::Ourselves,
            _ => Cause::Others,
        };
        if let Phase::Looking(_) = self.phase {
            // The limit is one.
            self.look_step_percent = Self::LOOK_STEP_PERCENT;
            self.look_interval = (self.look_interval * 2).min(Self::LOOK_LATEST);
        }
        let got = seen.flow.map_or(self.rate, |flow| got_through(flow, grown));
        self.safe = got.min(self.rate) / 100 * Self::SAFE_PERCENT;
        self.rate = match cause {
            Cause::Ourselves => self.safe / 100 * Self::DRAIN_PERCENT,
            Cause::Others if is_far_too_long => Self::FLOOR,
            Cause::Others => self.safe,
        };
        let (since, flow) = (seen.now, seen.flow);
        self.phase = Phase::Easing(Easing { cause, since, eased_at: since, grown, flow, peak: grown });
    }

    /// And have not shrunk again.
    fn ease_more(&mut self, seen: &Observation, grown: Duration, mut easing: Easing) {
        let now = seen.now;
        easing.peak = easing.peak.max(grown);
        let is_far_too_long = grown > seen.target * Self::OTHERS;
        let should_have_drained = now - easing.since >= Self::DRAIN || grown > seen.target * Self::OTHERS * 3;
        if easing.cause == Cause::Ourselves && should_have_drained {
            easing.cause = Cause::Others;
        }
        if easing.cause == Cause::Others && now - easing.eased_at >= Self::EASE_INTERVAL {
            if grown * 10 > easing.grown * 7 {
                self.rate /= 3;
            }
            easing = Easing { eased_at: now, grown, ..easing };
        }
        if easing.cause == Cause::Others && is_far_too_long {
            self.rate = Self::FLOOR;
        }
        self.phase = Phase::Easing(easing);
    }

    /// Round trips are as short as ever, or nearly.
    fn calm(&mut self, seen: &Observation, grown: Duration) {
        let Observation { now, target, .. } = *seen;
        // One late answer is no queue.
        let queues = self.hot_ticks >= 2 && seen.latest.is_some_and(|latest| latest > target * 2);
        let is_calm = grown * 2 <= target && now - self.hot_at >= Self::CALM;
        match self.phase {
            // While we try what the limit is, the newest round trips are waited for and no others.
            Phase::Climbing | Phase::Looking(_) if queues => {
                self.ease(seen, seen.latest.unwrap_or(grown));
            }
            Phase::Looking(look) => self.look(seen, look),
            Phase::Easing(easing) if is_calm || easing.cause == Cause::Ourselves && !queues => {
                self.learn(now, easing);
                let at_once = if easing.cause == Cause::Ourselves { self.safe } else { self.safe / 2 };
                self.rate = self.rate.max(at_once);
                self.phase = if self.limit.is_some() { Phase::Holding } else { Phase::Climbing };
                self.look_at = now + self.look_interval;
            }
            Phase::Climbing | Phase::Holding if is_calm => {
                self.note_most(seen);
                self.climb(seen);
            }
            Phase::Easing(_) | Phase::Climbing | Phase::Holding => {}
        }
    }

    /// What got through while the router queued is what it carries, unless it carried others' bytes too.
    fn learn(&mut self, now: Instant, easing: Easing) {
        let Some(got) = easing.flow.map(|flow| got_through(flow, easing.peak)) else { return };
        let limit = match (easing.cause, self.limit) {
            (Cause::Ourselves, None) => got,
            (Cause::Ourselves, Some((limit, _))) => u64::midpoint(limit, got),
            (Cause::Others, None) => return,
            // If it goes on like this, it is the uplink that has become smaller.
            (Cause::Others, Some((limit, _))) => limit - limit.saturating_sub(got) / 8,
        };
        self.limit = Some((limit, now));
        self.proven = self.proven.min(limit);
    }

    fn note_most(&mut self, seen: &Observation) {
        let Some(flow) = seen.flow.filter(is_whole) else { return };
        self.proven = self.proven.max(flow.rate.0);
        let Some(got) = seen.delivered.map(|delivered| delivered.min(flow.rate).0) else { return };
        if self.most.is_none_or(|(most, _)| got >= most) && got > 0 {
            self.most = Some((got, seen.now));
        }
    }

    fn climb(&mut self, seen: &Observation) {
        // What is not used says nothing about what could be.
        let Some(flow) = seen.flow else { return };
        let factor = match self.safe {
            0 => Self::FIRST_CLIMB,
            safe if self.rate < safe => Self::RETURN,
            _ => Self::CLIMB,
        };
        let more = self.rate * factor / 1_000;
        let Some((limit, _)) = self.limit.filter(|_| !matches!(self.phase, Phase::Climbing)) else {
            self.climb_on(seen.now, more);
            return;
        };
        let ceiling = limit / 100 * Self::HOLD_PERCENT;
        self.rate = more.min(ceiling);
        if self.rate == ceiling && flow.rate.0 > ceiling / 100 * 85 && seen.now >= self.look_at {
            self.rate = limit / 100 * (100 + self.look_step_percent);
            self.phase = Phase::Looking(Look { until: seen.now + Self::LOOK_SPAN, carried: None });
        }
    }

    /// Beyond what is known, but not far beyond what was sent for half a second without a queue: a burst may be
    /// over before its queue is seen.
    fn climb_on(&mut self, now: Instant, more: u64) {
        let furthest = self.proven / 100 * Self::BEYOND_PERCENT;
        self.rate = more.min(furthest).max(self.rate);
        if self.limit.is_some_and(|(limit, _)| self.proven > limit) {
            self.limit = Some((self.proven, now));
        }
    }

    /// A look at which the router queues ends in [`Control::ease`]. At any other the uplink carried all that
    /// was sent, which is more than the limit or not.
    fn look(&mut self, seen: &Observation, look: Look) {
        let (now, Some((limit, _))) = (seen.now, self.limit) else { return };
        if now >= look.until + Self::LOOK_ECHO {
            self.phase = Phase::Holding;
            self.look_at = now + Self::LOOK_SOONEST;
            if let Some(carried) = look.carried.filter(|carried| *carried > limit) {
                self.limit = Some((carried, now));
                self.look_interval = Self::LOOK_SOONEST;
                self.look_at = now + Self::CALM;
                // A limit that is passed twice in a row was none.
                if self.look_step_percent == Self::LOOK_LARGEST_PERCENT {
                    self.phase = Phase::Climbing;
                }
                self.look_step_percent = Self::LOOK_LARGEST_PERCENT;
            }
        } else if now >= look.until && self.rate > limit {
            self.rate = limit / 100 * Self::HOLD_PERCENT;
            let carried = seen.flow.filter(is_whole).map(|flow| flow.rate.0);
            self.phase = Phase::Looking(Look { carried, ..look });
        }
    }

    /// Others' queues come and go. Growth that stays the same for half a minute while we send nearly nothing
    /// is a longer way: another network, a tunnel.
    fn watch_plateau(&mut self, now: Instant, grown: Duration) -> PathsChanged {
        let plateau = self.plateau.get_or_insert(Plateau { since: now, least: grown, most: grown });
        plateau.least = plateau.least.min(grown);
        plateau.most = plateau.most.max(grown);
        let slack = (plateau.least / 5).max(Duration::from_millis(2));
        if plateau.most - plateau.least > slack {
            *plateau = Plateau { since: now, least: grown, most: grown };
        }
        if now - plateau.since < Self::PLATEAU {
            return PathsChanged::No;
        }
        self.plateau = None;
        PathsChanged::Yes
    }
}

/// Long enough for its queue, if it makes one.
fn is_whole(flow: &Flow) -> bool {
    flow.span >= Control::LOOK_SPAN * 4 / 5
}

/// What got through of a flow that made round trips grow: the rest is in the router's queue.
fn got_through(flow: Flow, grown: Duration) -> u64 {
    let (rate, span) = (u128::from(flow.rate.0), flow.span.as_nanos());
    u64::try_from(rate * span / (span + grown.as_nanos()).max(1)).unwrap_or(u64::MAX)
}
