//! When a stripe may be fetched from the origin's side.
//!
//! The elected owner fetches at once, the backup a quarter of the live delay later, everybody else staggered
//! by rank between half the delay and the last call, so that a lost swarm never becomes a stampede.

use std::time::Duration;

use streamr_model::{BitsPerSecond, NodeId};

use super::segment::Segment;
use super::{Action, Config, Swarm};
use crate::message::{Freshness, Role};
use crate::rendezvous::{self, Item};
use crate::time::Instant;

/// A newcomer is told of older segments before it is told who holds them; it waits this long for that.
const BACKLOG_GRACE: Duration = Duration::from_millis(300);
/// Spared at the last call beyond what the transfer should take.
const LAST_CALL_MARGIN: Duration = Duration::from_millis(750);
/// What an origin is taken to give when it must.
const ORIGIN_RATE: BitsPerSecond = BitsPerSecond(20_000_000);
/// A stranger's word about its uplink counts up to here.
const MAX_WEIGHT_BPS: u64 = 1_000_000_000;

impl Segment {
    /// From here on the origin is asked for whatever is missing, even if a peer has promised it.
    pub(super) fn last_call(&self) -> Instant {
        self.deadline - (ORIGIN_RATE.time_for(self.missing_bytes()) + LAST_CALL_MARGIN)
    }

    fn due(&self, rank: usize, members: usize, live_delay: Duration) -> Instant {
        let wait = match self.freshness {
            Freshness::Fresh => Duration::ZERO,
            Freshness::Backlog => BACKLOG_GRACE,
        };
        let from = self.arrived + wait;
        match rank {
            0 => from,
            1 => from + live_delay / 4,
            _ => {
                let begin = from + live_delay / 2;
                let room = self.last_call() - begin;
                let share = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                begin + room * share(rank - 2) / share(members.max(1))
            }
        }
    }
}

impl Swarm {
    /// Everybody who may be elected but us, with weights: connected supporters, and those of the
    /// coordinator's view whom we have no room to be connected to.
    fn other_members(&self) -> Vec<(NodeId, u64)> {
        let weight = |node: &NodeId, said: BitsPerSecond| {
            let seen = self.view.iter().find(|member| member.node == *node);
            (*node, seen.map_or(said, |member| member.uplink).0.clamp(1, MAX_WEIGHT_BPS))
        };
        let connected = self.peers.iter().filter_map(|(node, peer)| {
            let hello = peer.hello.as_ref().filter(|hello| hello.role == Role::Supporter)?;
            Some(weight(node, hello.uplink))
        });
        let mut members: Vec<_> = connected.collect();
        if self.peers.len() >= Config::MAX_PEERS {
            let unconnected = self.view.iter().filter(|member| !self.peers.contains_key(&member.node));
            let others = unconnected.filter(|member| member.node != self.config.me);
            members.extend(others.map(|member| weight(&member.node, member.uplink)));
        }
        members
    }

    /// Holds the elections of `only`, or of every wanted segment. A due time only ever comes closer.
    pub(super) fn elect(&mut self, only: Option<streamr_model::SegmentRef>) {
        let others = self.other_members();
        let seen = self.view.iter().find(|member| member.node == self.config.me);
        let my_weight = seen.map_or(self.config.uplink, |member| member.uplink).0.clamp(1, MAX_WEIGHT_BPS);
        for name in only.map_or_else(|| self.segments.wanted(), |name| vec![name]) {
            let Some(segment) = self.segments.get_mut(&name) else { continue };
            let due = |stripe| {
                let item = Item { segment: name, stripe };
                let rank = rendezvous::rank(item, (self.config.me, my_weight), others.iter().copied());
                segment.due(rank, others.len() + 1, self.config.live_delay)
            };
            let dues: Vec<Instant> = (0..segment.stripe_count()).map(due).collect();
            segment.origin_due = match segment.origin_due.as_slice() {
                [] => dues,
                before => before.iter().zip(dues).map(|(before, now)| now.min(*before)).collect(),
            };
        }
    }

    pub(super) fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }
}
