//! Whom to dial when: pure, time as an argument.
//!
//! Of two nodes that know of each other the one with the smaller id dials at once and the other only if
//! nothing came of it, so that pairs do not connect twice. Failures back off. At most
//! [`Dialer::PER_MINUTE`] dials begin in a minute, because home routers fall over.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use streamr_model::NodeId;

use crate::api::PeerAddresses;

#[derive(Debug)]
struct Target {
    addresses: Vec<String>,
    not_before: Instant,
    failures: u32,
}

/// See the module. Knows at most [`Dialer::MAX_TARGETS`] targets.
#[derive(Debug)]
pub(super) struct Dialer {
    me: NodeId,
    targets: BTreeMap<NodeId, Target>,
    connected: BTreeMap<NodeId, Instant>,
    recent: VecDeque<Instant>,
}

impl Dialer {
    pub(super) const PER_MINUTE: usize = 20;
    const MAX_TARGETS: usize = 128;
    const YIELD_TO_SMALLER: Duration = Duration::from_secs(2);
    const FIRST_BACKOFF: Duration = Duration::from_secs(1);
    const MAX_BACKOFF: Duration = Duration::from_secs(60);
    /// Time for a dial to succeed or fail before another is begun.
    const ATTEMPT: Duration = Duration::from_secs(5);

    pub(super) fn new(me: NodeId) -> Self {
        Self { me, targets: BTreeMap::new(), connected: BTreeMap::new(), recent: VecDeque::new() }
    }

    /// Replaces the targets; what is known about those that stay is kept.
    pub(super) fn set_targets(&mut self, now: Instant, peers: Vec<PeerAddresses>) {
        let mut before = std::mem::take(&mut self.targets);
        for peer in peers.into_iter().filter(|peer| peer.node != self.me).take(Self::MAX_TARGETS) {
            let first = if self.me < peer.node { now } else { now + Self::YIELD_TO_SMALLER };
            let known = before.remove(&peer.node).filter(|target| target.addresses == peer.addresses);
            let target =
                known.unwrap_or(Target { addresses: peer.addresses, not_before: first, failures: 0 });
            self.targets.insert(peer.node, target);
        }
    }

    pub(super) fn connected(&mut self, now: Instant, node: NodeId) {
        self.connected.insert(node, now);
    }

    /// A connection that lasted forgives earlier failures; one that was refused at once is another.
    pub(super) fn disconnected(&mut self, now: Instant, node: NodeId) {
        let since = self.connected.remove(&node);
        if since.is_some_and(|since| now.duration_since(since) >= Self::ATTEMPT)
            && let Some(target) = self.targets.get_mut(&node)
        {
            target.failures = 0;
        }
        self.back_off(now, node);
    }

    pub(super) fn failed(&mut self, now: Instant, node: NodeId) {
        self.back_off(now, node);
    }

    fn back_off(&mut self, now: Instant, node: NodeId) {
        if let Some(target) = self.targets.get_mut(&node) {
            let wait = Self::FIRST_BACKOFF * 2_u32.saturating_pow(target.failures.min(6));
            target.failures += 1;
            target.not_before = now + wait.min(Self::MAX_BACKOFF);
        }
    }

    /// Targets to dial now, with their addresses.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(NodeId, Vec<String>)> {
        while self.recent.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(60)) {
            self.recent.pop_front();
        }
        let mut due = Vec::new();
        for (node, target) in &mut self.targets {
            if self.recent.len() >= Self::PER_MINUTE {
                break;
            }
            if now < target.not_before || target.addresses.is_empty() || self.connected.contains_key(node) {
                continue;
            }
            self.recent.push_back(now);
            target.not_before = now + Self::ATTEMPT;
            due.push((*node, target.addresses.clone()));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamr_model::BitsPerSecond;

    fn peer(n: u8) -> PeerAddresses {
        PeerAddresses {
            node: NodeId([n; 32]),
            addresses: vec!["/ip4/127.0.0.1/tcp/1".into()],
            uplink: BitsPerSecond(1),
        }
    }

    fn nodes(due: &[(NodeId, Vec<String>)]) -> Vec<u8> {
        due.iter().map(|(node, _)| node.0[0]).collect()
    }

    #[test]
    fn the_smaller_id_dials_first_and_nobody_dials_himself() {
        let now = Instant::now();
        let mut dialer = Dialer::new(NodeId([5; 32]));
        dialer.set_targets(now, vec![peer(1), peer(5), peer(9)]);
        assert_eq!(nodes(&dialer.due(now)), [9]);
        assert_eq!(nodes(&dialer.due(now + Dialer::YIELD_TO_SMALLER)), [1]);
        dialer.connected(now, NodeId([1; 32]));
        dialer.connected(now, NodeId([9; 32]));
        assert!(dialer.due(now + Duration::from_secs(30)).is_empty());
    }

    #[test]
    fn failures_back_off_and_a_lost_peer_is_dialled_again() {
        let now = Instant::now();
        let mut dialer = Dialer::new(NodeId([0; 32]));
        dialer.set_targets(now, vec![peer(1)]);
        let mut at = now;
        let mut waits = Vec::new();
        for _ in 0..9 {
            let begun = at;
            while dialer.due(at).is_empty() {
                at += Duration::from_millis(500);
            }
            waits.push((at - begun).as_secs());
            dialer.failed(at, NodeId([1; 32]));
        }
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        dialer.connected(at, NodeId([1; 32]));
        at += Dialer::ATTEMPT;
        dialer.disconnected(at, NodeId([1; 32]));
        assert_eq!(nodes(&dialer.due(at + Duration::from_secs(1))), [1]);
    }

    #[test]
    fn no_more_than_twenty_dials_begin_in_a_minute() {
        let now = Instant::now();
        let mut dialer = Dialer::new(NodeId([0; 32]));
        dialer.set_targets(now, (1..=60).map(peer).collect());
        let in_first_minute: usize = (0..59).map(|s| dialer.due(now + Duration::from_secs(s)).len()).sum();
        assert_eq!(in_first_minute, Dialer::PER_MINUTE);
        assert!(!dialer.due(now + Duration::from_secs(60)).is_empty());
    }
}
