//! The rules of the rate: climb until the router queues, stay a little below, give way to others.

use std::time::Duration;

use streamr_model::BitsPerSecond;

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
    pub(super) sent: BitsPerSecond,
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
    /// The limit is not known.
    Climbing,
    /// Just below the limit.
    Holding,
    /// A little above the limit for a moment, to see whether it still is one.
    Looking { until: Instant },
    /// Round trips have grown: less, and still less, until they shrink.
    Easing(Easing),
}

#[derive(Debug, Clone, Copy)]
struct Easing {
    cause: Cause,
    since: Instant,
    eased_at: Instant,
    /// Growth of the round trips then.
    grown: Duration,
    /// What got through when it began, if the uplink was full.
    got: Option<u64>,
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
    /// The most that got through without a queue.
    most: Option<(u64, Instant)>,
    /// What is known to be safe: half of it is taken up again at once after giving way.
    safe: u64,
    hot_at: Instant,
    answered_at: Instant,
    look_at: Instant,
    look_interval: Duration,
    look_step_percent: u64,
    plateau: Option<Plateau>,
}

impl Control {
    /// Of the cap, as the first rate of an unknown uplink: people are told to choose about half of it as cap.
    const FIRST_PERCENT: u64 = 50;
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
    const LOOK_LARGEST_PERCENT: u64 = 20;
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
    const EASE_INTERVAL: Duration = Duration::from_millis(300);
    /// Growth of the round trip, in targets, that no mistake of ours makes: somebody wants the uplink.
    const OTHERS: u32 = 5;
    const PLATEAU: Duration = Duration::from_secs(30);
    /// Per tick of 100 ms, in thousandths: 1.4 and 2 in a second.
    const CLIMB: u64 = 1_034;
    const RETURN: u64 = 1_072;

    pub(super) fn new(cap: BitsPerSecond, now: Instant) -> Self {
        Self {
            cap: cap.0,
            rate: cap.0 / 100 * Self::FIRST_PERCENT,
            phase: Phase::Climbing,
            limit: None,
            most: None,
            safe: 0,
            hot_at: now,
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

    pub(super) fn set_cap(&mut self, cap: BitsPerSecond) {
        self.cap = cap.0;
        self.rate = self.rate.min(self.cap);
    }

    /// What the present moment asks for.
    pub(super) fn tick(&mut self, seen: &Observation) -> PathsChanged {
        if seen.latest.is_some_and(|grown| grown > seen.target) {
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
        let now = seen.now;
        let far_too_long = grown > seen.target * Self::OTHERS;
        let Phase::Easing(mut easing) = self.phase else {
            let cause = match self.phase {
                Phase::Climbing | Phase::Looking { .. } => Cause::Ourselves,
                Phase::Holding | Phase::Easing(_) => Cause::Others,
            };
            let full = seen.sent.0 >= self.rate / 10 * 7;
            let got = seen.delivered.map(|delivered| delivered.0).filter(|_| full);
            self.safe = got.unwrap_or(self.rate).min(self.rate) / 100 * Self::SAFE_PERCENT;
            self.rate = if far_too_long && cause == Cause::Others { Self::FLOOR } else { self.safe };
            self.phase = Phase::Easing(Easing { cause, since: now, eased_at: now, grown, got });
            return;
        };
        let has_drained = now - easing.since >= Self::DRAIN || grown > seen.target * Self::OTHERS * 3;
        if easing.cause == Cause::Ourselves && has_drained {
            easing.cause = Cause::Others;
        }
        if easing.cause == Cause::Others && now - easing.eased_at >= Self::EASE_INTERVAL {
            if grown * 10 > easing.grown * 7 {
                self.rate /= 3;
            }
            easing = Easing { eased_at: now, grown, ..easing };
        }
        if easing.cause == Cause::Others && far_too_long {
            self.rate = Self::FLOOR;
        }
        self.phase = Phase::Easing(easing);
    }

    /// Round trips are as short as ever, or nearly.
    fn calm(&mut self, seen: &Observation, grown: Duration) {
        let Observation { now, target, .. } = *seen;
        let queues = seen.latest.is_some_and(|latest| latest > target * 2);
        let is_calm = grown * 2 <= target && now - self.hot_at >= Self::CALM;
        match self.phase {
            // While we try what the limit is, the newest round trips are waited for and no others.
            Phase::Climbing | Phase::Looking { .. } if queues => {
                self.ease(seen, seen.latest.unwrap_or(grown));
            }
            Phase::Looking { until } => self.look(now, until),
            Phase::Easing(easing) if is_calm || easing.cause == Cause::Ourselves && !queues => {
                self.learn(now, easing);
                self.rate = self.rate.max(self.safe / 2);
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
        let Some(got) = easing.got else { return };
        self.look_step_percent = Self::LOOK_STEP_PERCENT;
        self.look_interval = (self.look_interval * 2).min(Self::LOOK_LATEST);
        let limit = match (easing.cause, self.limit) {
            (Cause::Ourselves, None) => got,
            (Cause::Ourselves, Some((limit, _))) => u64::midpoint(limit, got),
            (Cause::Others, None) => return,
            // If it goes on like this, it is the uplink that has become smaller.
            (Cause::Others, Some((limit, _))) => limit - limit.saturating_sub(got) / 8,
        };
        self.limit = Some((limit, now));
    }

    fn note_most(&mut self, seen: &Observation) {
        let Some(BitsPerSecond(got)) = seen.delivered else { return };
        if self.most.is_none_or(|(most, _)| got >= most) && got > 0 {
            self.most = Some((got, seen.now));
        }
    }

    fn climb(&mut self, seen: &Observation) {
        // What is not used says nothing about what could be.
        if seen.sent.0 < self.rate / 10 * 7 {
            return;
        }
        let factor = if self.rate < self.safe { Self::RETURN } else { Self::CLIMB };
        let more = self.rate * factor / 1_000;
        let Some((limit, _)) = self.limit else {
            self.rate = more;
            return;
        };
        let ceiling = limit / 100 * Self::HOLD_PERCENT;
        self.rate = more.min(ceiling);
        if self.rate == ceiling && seen.sent.0 > ceiling / 100 * 85 && seen.now >= self.look_at {
            self.rate = limit / 100 * (100 + self.look_step_percent);
            self.phase = Phase::Looking { until: seen.now + Self::LOOK_SPAN };
        }
    }

    /// A look at which the router queues ends in [`Control::ease`]; any other says that the limit is higher.
    fn look(&mut self, now: Instant, until: Instant) {
        let Some((limit, _)) = self.limit else { return };
        if now >= until + Self::LOOK_ECHO {
            let higher = limit / 100 * (100 + self.look_step_percent);
            self.limit = Some((higher, now));
            self.look_step_percent = (self.look_step_percent * 2).min(Self::LOOK_LARGEST_PERCENT);
            self.look_interval = Self::LOOK_SOONEST;
            self.look_at = now + Self::CALM;
            self.phase = Phase::Holding;
        } else if now >= until {
            self.rate = limit / 100 * Self::HOLD_PERCENT;
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
