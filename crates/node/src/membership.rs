//! When to ask the coordinator who carries the stream. Pure.
//!
//! Often at first, when the swarm is being found; seldom later; at once when a heartbeat's answer says that
//! the view is old.

use std::time::{Duration, Instant};

use crate::jitter::Roll;

const EAGER_FOR: Duration = Duration::from_secs(20);
const EAGER: Duration = Duration::from_secs(2);
const CALM: Duration = Duration::from_secs(10);

/// The schedule of one carrying.
#[derive(Debug)]
pub(crate) struct MembershipPolls {
    began: Instant,
    due: Instant,
    in_flight: bool,
    version: u64,
}

impl MembershipPolls {
    /// Carrying began with the view `version`.
    pub(crate) fn begin(version: u64, now: Instant) -> Self {
        Self { began: now, due: now + EAGER, in_flight: false, version }
    }

    /// A view came. True if it is newer than what is known, or the coordinator began counting anew.
    pub(crate) fn handle_view(&mut self, version: u64, now: Instant, roll: Roll) -> bool {
        self.in_flight = false;
        let wait = if now - self.began < EAGER_FOR { EAGER } else { CALM };
        self.due = now + roll.around(wait);
        let changed = version != self.version;
        self.version = version;
        changed
    }

    /// No view came.
    pub(crate) fn handle_failure(&mut self, now: Instant, roll: Roll) {
        self.in_flight = false;
        self.due = now + roll.around(CALM);
    }

    /// A heartbeat's answer named the present version.
    pub(crate) fn handle_version(&mut self, version: u64, now: Instant) {
        if version > self.version {
            self.hurry(now);
        }
    }

    /// Ask at once.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.due = self.due.min(now);
    }

    /// When [`MembershipPolls::poll`] is next true.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        (!self.in_flight).then_some(self.due)
    }

    /// Whether to ask now. Once, until the answer is in.
    pub(crate) fn poll(&mut self, now: Instant) -> bool {
        let due = !self.in_flight && self.due <= now;
        self.in_flight |= due;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_often_at_first_and_seldom_later() {
        let start = Instant::now();
        let mut polls = MembershipPolls::begin(1, start);
        let mut asked = Vec::new();
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            if polls.poll(now) {
                asked.push(second);
                polls.handle_view(1, now, Roll(100));
            }
        }
        assert_eq!(asked, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 30, 40, 50]);
    }

    #[test]
    fn an_old_view_is_renewed_at_once_but_never_asked_for_twice_at_a_time() {
        let now = Instant::now();
        let mut polls = MembershipPolls::begin(1, now);
        polls.handle_version(1, now);
        assert!(!polls.poll(now));
        polls.handle_version(2, now);
        assert!(polls.poll(now) && !polls.poll(now + CALM));
        assert!(polls.handle_view(2, now, Roll(0)));
        polls.handle_failure(now, Roll(100));
        assert_eq!(polls.poll_timeout(), Some(now + CALM));
    }
}
