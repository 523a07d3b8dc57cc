//! When a stripe may be fetched from the origin's side.
//!
//! The coordinator names the electors, the same to everybody. Of these the elected owner fetches at once and
//! the backup a quarter of the live delay later. Everybody else waits half the delay and then a random time,
//! distributed so that of any number only a few begin early and their blocks can spare the rest: truncated
//! exponential timers (Nonnenmacher and Biersack, “Scalable feedback for large groups”, 1999; RFC 5401
//! section 3.2.1).

use std::time::Duration;

use streamr_model::{BitsPerSecond, NodeId};

use super::segment::{Key, Segment, Turn};
use super::{Config, Swarm};
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
/// How steeply the random waits crowd towards the last call: e to this power nodes hardly begin early.
const SUPPRESSION: f64 = 16.0;

/// How a node stands in the election of one stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Owner,
    Backup,
    Other,
}

impl Segment {
    /// From here on the origin is asked for whatever is missing, even if a peer has promised it.
    pub(super) fn last_call(&self) -> Instant {
        self.deadline - (ORIGIN_RATE.time_for(self.missing_bytes()) + LAST_CALL_MARGIN)
    }

    fn due(&self, standing: Standing, item: Item, config: &Config) -> Instant {
        let wait = match self.freshness {
            Freshness::Fresh => Duration::ZERO,
            Freshness::Backlog => BACKLOG_GRACE,
        };
        let from = self.arrived + wait;
        match standing {
            Standing::Owner => from,
            Standing::Backup => from + config.live_delay / 4,
            Standing::Other => {
                let begin = from + config.live_delay / 2;
                let room = self.last_call() - begin;
                let lateness = 1.0 + rendezvous::chance(item, config.me).ln() / SUPPRESSION;
                begin + room.mul_f64(lateness.max(0.0))
            }
        }
    }
}

impl Swarm {
    /// Everybody who may be elected, with weights, in no order. While the coordinator has named nobody:
    /// the connected supporters and ourselves.
    fn voters(&self) -> Vec<(NodeId, u64)> {
        let bounded = |uplink: BitsPerSecond| uplink.0.clamp(1, MAX_WEIGHT_BPS);
        if !self.electors.is_empty() {
            let present = self.electors.iter().filter(|member| !self.lost.contains(&member.node));
            return present.map(|member| (member.node, bounded(member.uplink))).collect();
        }
        let supporters = self.peers.iter().filter(|(_, peer)| peer.role() == Some(Role::Supporter));
        let supporters = supporters.map(|(_, peer)| (peer.node, bounded(peer.uplink())));
        supporters.chain([(self.config.me, bounded(self.config.uplink))]).collect()
    }

    /// Holds the elections of `only`, or of every wanted segment. A turn only ever comes closer.
    pub(super) fn elect(&mut self, only: Option<Key>) {
        if self.config.role == Role::Seed {
            return;
        }
        let voters = self.voters();
        let me = voters.iter().find(|(node, _)| *node == self.config.me).copied();
        for key in only.map_or_else(|| self.segments.wanted_keys(), |key| vec![key]) {
            let Some(segment) = self.segments.get_mut(key).filter(|segment| segment.is_wanted()) else {
                continue;
            };
            let stripes = if me.is_some() { segment.stripe_count() } else { 1 };
            let turn = |stripe| {
                let item = Item { segment: segment.name, stripe };
                let others = voters.iter().copied().filter(|(node, _)| *node != self.config.me);
                let standing = match me.map(|me| rendezvous::rank(item, me, others)) {
                    Some(0) => Standing::Owner,
                    Some(1) => Standing::Backup,
                    Some(_) | None => Standing::Other,
                };
                let at = segment.due(standing, item, &self.config);
                let before = segment.turn(stripe);
                Turn {
                    at: before.map_or(at, |before| before.at.min(at)),
                    is_own: standing == Standing::Owner || before.is_some_and(|before| before.is_own),
                }
            };
            let turns = (0..stripes).map(turn).collect();
            segment.turns = turns;
        }
    }
}
