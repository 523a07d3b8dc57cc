//! Whom to dial when: pure, time as an argument.
//!
//! Of two nodes that know of each other the one with the smaller id dials at once and the other only if
//! nothing came of it, so that pairs do not connect twice; the seed dials nobody and is dialled at once.
//! Failures back off. At most [`Dialer::PER_MINUTE`] dials begin in a minute, because home routers fall over;
//! where more are due, those that failed least go first, in an order that is each node's own, so that not
//! everybody dials the same few.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use streamr_model::NodeId;

use crate::api::PeerAddresses;

#[derive(Debug)]
struct Target {
    addresses: Vec<String>,
    not_before: Instant,
    failures: u32,
    /// Lower goes first where not all can be dialled.
    turn: u64,
}

impl Target {
    /// The seed, which has the first turn, is never one of many.
    fn is_retry(&self) -> bool {
        self.failures > 0 && self.turn > 0
    }
}

/// See the module. Knows at most [`Dialer::MAX_TARGETS`] targets.
#[derive(Debug)]
pub(super) struct Dialer {
    me: NodeId,
    targets: BTreeMap<NodeId, Target>,
    connected: BTreeMap<NodeId, Instant>,
    /// Dials of the last minute, and which of them were of targets that had failed before.
    recent: VecDeque<(Instant, bool)>,
}

impl Dialer {
    pub(super) const PER_MINUTE: usize = 20;
    /// Of these for targets that have failed before: whoever is gone is shown for a while, and newcomers shall be
    /// reached all the same.
    const RETRIES_PER_MINUTE: usize = 6;
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
    pub(super) fn set_targets(
        &mut self,
        now: Instant,
        seed: Option<PeerAddresses>,
        peers: Vec<PeerAddresses>,
    ) {
        let mut before = std::mem::take(&mut self.targets);
        let seed = seed.into_iter().map(|seed| (seed, now, 0));
        let peers = peers.into_iter().map(|peer| {
            let first = if self.me < peer.node { now } else { now + Self::YIELD_TO_SMALLER };
            let turn = turn(&self.me, &peer.node);
            (peer, first, turn)
        });
        let others = seed.chain(peers).filter(|(peer, ..)| peer.node != self.me).take(Self::MAX_TARGETS);
        for (peer, first, turn) in others {
            let known = before.remove(&peer.node).filter(|target| target.addresses == peer.addresses);
            let fresh = Target { addresses: peer.addresses, not_before: first, failures: 0, turn };
            self.targets.insert(peer.node, known.unwrap_or(fresh));
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
        while self.recent.front().is_some_and(|at| now.duration_since(at.0) >= Duration::from_secs(60)) {
            self.recent.pop_front();
        }
        let connected = &self.connected;
        let mut due: Vec<_> = self
            .targets
            .iter_mut()
            .filter(|(node, target)| {
                target.not_before <= now && !target.addresses.is_empty() && !connected.contains_key(node)
            })
            .collect();
        due.sort_by_key(|(_, target)| (target.is_retry(), target.failures, target.turn));
        let retries = self.recent.iter().filter(|(_, is_retry)| *is_retry).count();
        let firsts = due.iter().filter(|(_, target)| !target.is_retry()).count();
        due.truncate(firsts + Self::RETRIES_PER_MINUTE.saturating_sub(retries));
        due.truncate(Self::PER_MINUTE - self.recent.len());
        let dial = |(node, target): (&NodeId, &mut Target)| {
            self.recent.push_back((now, target.is_retry()));
            target.not_before = now + Self::ATTEMPT;
            (*node, target.addresses.clone())
        };
        due.into_iter().map(dial).collect()
    }
}

/// When `me` dials `node`, among others: above 0, which is the seed's.
fn turn(me: &NodeId, node: &NodeId) -> u64 {
    let hash = blake3::Hasher::new().update(&me.0).update(&node.0).finalize();
    let mut head = [0; 8];
    head.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_be_bytes(head).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn peer(n: u8) -> PeerAddresses {
        PeerAddresses { node: NodeId([n; 32]), addresses: vec!["/ip4/127.0.0.1/tcp/1".into()] }
    }

    fn nodes(due: &[(NodeId, Vec<String>)]) -> Vec<u8> {
        due.iter().map(|(node, _)| node.0[0]).collect()
    }

    #[test]
    fn the_smaller_id_dials_first_and_nobody_dials_himself() {
        let now = Instant::now();
        let mut dialer = Dialer::new(NodeId([5; 32]));
        dialer.set_targets(now, None, vec![peer(1), peer(5), peer(9)]);
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
        dialer.set_targets(now, None, vec![peer(1)]);
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
        dialer.set_targets(now, None, (1..=60).map(peer).collect());
        let in_first_minute: usize = (0..59).map(|s| dialer.due(now + Duration::from_secs(s)).len()).sum();
        assert_eq!(in_first_minute, Dialer::PER_MINUTE);
        assert!(!dialer.due(now + Duration::from_secs(60)).is_empty());
    }

    #[test]
    fn those_that_are_gone_leave_dials_for_those_that_come() {
        let now = Instant::now();
        let mut dialer = Dialer::new(NodeId([0; 32]));
        dialer.set_targets(now, None, (1..=8).map(peer).collect());
        for s in 0..40 {
            for (node, _) in dialer.due(now + Duration::from_secs(s)) {
                dialer.failed(now + Duration::from_secs(s), node);
            }
        }
        dialer.set_targets(now, None, (1..=14).map(peer).collect());
        assert_eq!(nodes(&dialer.due(now + Duration::from_secs(40))).len(), 6);
    }

    #[test]
    fn the_seed_is_dialled_at_once_and_first_however_small_its_id() {
        let now = Instant::now();
        let mut dialer = Dialer::new(NodeId([5; 32]));
        dialer.set_targets(now, Some(peer(1)), (2..=60).map(peer).collect());
        assert_eq!(nodes(&dialer.due(now))[0], 1);
    }

    #[test]
    fn not_everybody_dials_the_same_few() {
        let now = Instant::now();
        let mut dialled = BTreeSet::new();
        for me in 0..8 {
            let mut dialer = Dialer::new(NodeId([me; 32]));
            dialer.set_targets(now, None, (100..=200).map(peer).collect());
            dialled.extend(nodes(&dialer.due(now)));
        }
        assert!(dialled.len() > 60, "{} of 101 were dialled by 8 nodes with 20 dials each", dialled.len());
    }

    #[test]
    fn whoever_never_answers_does_not_hold_up_the_others() {
        let now = Instant::now();
        let mut dialer = Dialer::new(NodeId([0; 32]));
        dialer.set_targets(now, None, (1..=40).map(peer).collect());
        let (mut at, mut tried) = (now, BTreeSet::new());
        while at < now + Duration::from_secs(61) {
            for (node, _) in dialer.due(at) {
                tried.insert(node);
                dialer.failed(at, node);
            }
            at += Duration::from_millis(250);
        }
        assert_eq!(tried.len(), 40);
    }
}
