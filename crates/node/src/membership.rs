//! When to ask the coordinator who carries the stream. Pure.
//!
//! In a small swarm often at first, when it is being found, seldom later, and soon when a heartbeat's answer
//! says that the view is old. In a large one somebody comes or goes at every moment, so there a node asks the
//! less often the more there are: all of them together ask about [`ALL_PER_S`] times a second. Excepted are
//! electors, a bounded number whose views must agree, and whoever has but a few peers.

use std::time::{Duration, Instant};

use streamr_coordinator_api::Membership;
use streamr_model::NodeId;

use crate::jitter::Roll;

const EAGER_FOR: Duration = Duration::from_secs(20);
const EAGER: Duration = Duration::from_secs(2);
const CALM: Duration = Duration::from_secs(10);
/// Whatever the size of the swarm, neighbours that left are missed after this.
const SELDOM: Duration = Duration::from_secs(300);
/// How often all the nodes of a swarm ask together, as long as none has to wait longer than [`SELDOM`].
const ALL_PER_S: u32 = 40;
/// With fewer peers than this, where there are more to be had, a node asks [`LONELY`] times as often.
const FEW_PEERS: u32 = 6;
const LONELY: u32 = 10;

/// What of a view decides when to ask for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) version: u64,
    pub(crate) supporters: u32,
    pub(crate) is_elector: bool,
}

impl Seen {
    /// Of `view`, as `me` sees it.
    pub(crate) fn of(view: &Membership, me: NodeId) -> Self {
        let is_elector = view.electors.iter().any(|elector| elector.node == me);
        Self { version: view.version, supporters: view.supporters, is_elector }
    }

    /// The least time between two questions.
    fn least(self, peers: u32) -> Duration {
        if self.is_elector {
            return EAGER;
        }
        let share = (Duration::from_secs(self.supporters.into()) / ALL_PER_S).min(SELDOM);
        let share = if self.is_lonely(peers) { share / LONELY } else { share };
        share.max(EAGER)
    }

    fn is_lonely(self, peers: u32) -> bool {
        peers < FEW_PEERS.min(self.supporters.saturating_sub(1))
    }
}

/// The schedule of one carrying.
#[derive(Debug)]
pub(crate) struct MembershipPolls {
    began: Instant,
    asked: Instant,
    due: Instant,
    in_flight: bool,
    seen: Seen,
    peers: u32,
}

impl MembershipPolls {
    /// Carrying began with this view, without peers.
    pub(crate) fn begin(seen: Seen, now: Instant) -> Self {
        let due = now + seen.least(0);
        Self { began: now, asked: now, due, in_flight: false, seen, peers: 0 }
    }

    /// A view came. True if it is another than what is known.
    pub(crate) fn handle_view(&mut self, seen: Seen, now: Instant, roll: Roll) -> bool {
        self.in_flight = false;
        let changed = seen.version != self.seen.version;
        self.seen = seen;
        let least = self.least();
        let is_found = least > EAGER || now - self.began >= EAGER_FOR;
        self.due = now + roll.around(if is_found { least.max(CALM) } else { EAGER });
        changed
    }

    /// No view came.
    pub(crate) fn handle_failure(&mut self, now: Instant, roll: Roll) {
        self.in_flight = false;
        self.due = now + roll.around(CALM);
    }

    /// A heartbeat's answer named the present version.
    pub(crate) fn handle_version(&mut self, version: u64) {
        if version > self.seen.version {
            self.due = self.due.min(self.asked + self.least());
        }
    }

    /// So many peers are connected.
    pub(crate) fn handle_peers(&mut self, peers: u32) {
        let was_lonely = self.seen.is_lonely(self.peers);
        self.peers = peers;
        if self.seen.is_lonely(peers) && !was_lonely {
            self.due = self.due.min(self.asked + self.least().max(CALM));
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
        if due {
            self.in_flight = true;
            self.asked = now;
        }
        due
    }

    fn least(&self) -> Duration {
        self.seen.least(self.peers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(version: u64, supporters: u32) -> Seen {
        Seen { version, supporters, is_elector: false }
    }

    /// The seconds at which a node asks that is told of a new version every second.
    fn asks(polls: &mut MembershipPolls, start: Instant, seconds: u64, view: Seen) -> Vec<u64> {
        let mut asked = Vec::new();
        for second in 0..seconds {
            let now = start + Duration::from_secs(second);
            polls.handle_version(second + 2);
            if polls.poll(now) {
                asked.push(second);
                polls.handle_view(Seen { version: second + 2, ..view }, now, Roll(100));
            }
        }
        asked
    }

    #[test]
    fn asks_often_at_first_and_seldom_later() {
        let start = Instant::now();
        let mut polls = MembershipPolls::begin(seen(1, 3), start);
        let mut asked = Vec::new();
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            if polls.poll(now) {
                asked.push(second);
                polls.handle_view(seen(1, 3), now, Roll(100));
            }
        }
        assert_eq!(asked, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 30, 40, 50]);
    }

    #[test]
    fn an_old_view_is_renewed_soon_but_never_asked_for_twice_at_a_time() {
        let start = Instant::now();
        let mut polls = MembershipPolls::begin(seen(1, 3), start);
        let now = start + Duration::from_secs(25);
        assert!(polls.poll(now));
        polls.handle_view(seen(1, 3), now, Roll(100));
        polls.handle_version(1);
        assert!(!polls.poll(now + EAGER));
        polls.handle_version(2);
        assert!(polls.poll(now + EAGER) && !polls.poll(now + EAGER + CALM));
        assert!(polls.handle_view(seen(2, 3), now, Roll(0)));
        polls.handle_failure(now, Roll(100));
        assert_eq!(polls.poll_timeout(), Some(now + CALM));
    }

    #[test]
    fn in_a_large_swarm_not_every_change_is_asked_for() {
        let start = Instant::now();
        for (supporters, expected) in [(1_000, 25), (10_000, 250), (1_000_000, 300)] {
            let view = seen(1, supporters);
            let mut polls = MembershipPolls::begin(view, start);
            polls.handle_peers(20);
            let asked = asks(&mut polls, start, 2_000, view);
            let gaps: Vec<u64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(gaps.iter().all(|gap| *gap == expected), "{supporters}: {gaps:?}");
        }
    }

    #[test]
    fn an_elector_of_a_large_swarm_keeps_up() {
        let start = Instant::now();
        let view = Seen { is_elector: true, ..seen(1, 10_000) };
        let asked = asks(&mut MembershipPolls::begin(view, start), start, 60, view);
        assert!(asked.windows(2).all(|pair| pair[1] - pair[0] == 2), "{asked:?}");
    }

    #[test]
    fn whoever_loses_its_peers_asks_sooner() {
        let start = Instant::now();
        let view = seen(1, 10_000);
        let mut polls = MembershipPolls::begin(view, start);
        polls.handle_peers(20);
        assert!(polls.poll(start + Duration::from_secs(25)), "it began without peers");
        let now = start + Duration::from_secs(25);
        polls.handle_view(view, now, Roll(100));
        assert_eq!(polls.poll_timeout(), Some(now + Duration::from_secs(250)));
        polls.handle_peers(FEW_PEERS - 1);
        assert_eq!(polls.poll_timeout(), Some(now + Duration::from_secs(25)));
    }

    #[test]
    fn who_has_all_the_peers_there_are_is_not_lonely() {
        assert!(!seen(1, 1).is_lonely(0) && !seen(1, 4).is_lonely(3));
        assert!(seen(1, 5).is_lonely(3) && !seen(1, 5_000).is_lonely(FEW_PEERS));
    }
}
