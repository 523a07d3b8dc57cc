//! When a stripe may be fetched from the origin's side.
//!
//! The coordinator names the electors, the same to everybody. Of these the elected owner fetches at once and
//! the backup a quarter of the live delay later, or more where the origin is slow. Everybody else waits half the delay and then a random time,
//! distributed so that of any number only a few begin early and their blocks can spare the rest: truncated
//! exponential timers (Nonnenmacher and Biersack, “Scalable feedback for large groups”, 1999; RFC 5401
//! section 3.2.1).

use std::time::Duration;

use streamr_model::NodeId;

use super::Swarm;
use super::segment::{Key, Segment, Turn};
use crate::message::{Freshness, Role};
use crate::rendezvous::{self, Item};
use crate::time::Instant;

/// A newcomer is told of older segments before it is told who holds them; it waits this long for that.
const BACKLOG_GRACE: Duration = Duration::from_millis(300);
/// Electors that fetch a stripe one after the other if it does not appear; each spares those behind it.
const BACKUPS: u32 = 4;
/// A stranger's word about its uplink counts up to here.
const MAX_WEIGHT_BPS: u64 = 1_000_000_000;
/// How steeply the random waits crowd towards the last call: e to this power nodes hardly begin early.
const SUPPRESSION: f64 = 16.0;

/// How a node stands in the election of one stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Owner,
    /// The first is elected right behind the owner.
    Backup(u32),
    Other,
}

impl Swarm {
    /// What an owner is given to fetch its stripe before anybody thinks that it will not come: as long as our own
    /// fetches take, twice over. All owners fetch at the same moment; were backups to join them at a slow origin,
    /// it would be slower still.
    fn owners_time(&self) -> Duration {
        let live_delay = self.config.live_delay;
        (self.origin.fetch_time() * 2).clamp(live_delay / 4, live_delay / 2)
    }

    /// Owners fetch one after the other rather than all at once: the first blocks are in the swarm earlier, the last ones
    /// not later, and a slow origin's line does not overflow with everybody's first packets.
    fn turn_in_row(&self, segment: &Segment, stripe: u16) -> Duration {
        let in_a_row = self.origin.rate().time_for(segment.manifest.len.into());
        in_a_row.min(self.config.live_delay / 8) * stripe.into() / segment.stripe_count().max(1).into()
    }

    fn due(&self, segment: &Segment, standing: Standing, item: Item) -> Instant {
        let wait = match segment.freshness {
            Freshness::Fresh => Duration::ZERO,
            Freshness::Backlog => BACKLOG_GRACE,
        };
        let from = segment.arrived + wait + self.turn_in_row(segment, item.stripe);
        match standing {
            Standing::Owner => from,
            Standing::Backup(nth) => from + self.owners_time() + self.owners_time() / 3 * (nth - 1),
            Standing::Other => {
                let begin = from + self.config.live_delay / 2;
                let room = self.last_call(segment) - begin;
                let lateness = 1.0 + rendezvous::chance(item, self.config.me).ln() / SUPPRESSION;
                begin + room.mul_f64(lateness.max(0.0))
            }
        }
    }

    /// Everybody who may be elected, with weights. Nobody before the coordinator has named somebody: nodes
    /// that start together must not each take themselves for the only one.
    fn voters(&self) -> Vec<(NodeId, u64)> {
        let present = self.electors.iter().filter(|member| !self.lost.contains(&member.node));
        present.map(|member| (member.node, member.uplink.0.clamp(1, MAX_WEIGHT_BPS))).collect()
    }

    /// Holds the elections of `only`, or of every wanted segment. A turn only ever comes closer.
    pub(super) fn elect(&mut self, only: Option<Key>) {
        if self.config.role == Role::Seed {
            return;
        }
        let voters = self.voters();
        let me = voters.iter().find(|(node, _)| *node == self.config.me).copied();
        for key in only.map_or_else(|| self.segments.wanted_keys(), |key| vec![key]) {
            let Some(segment) = self.segments.get(key).filter(|segment| segment.is_wanted()) else {
                continue;
            };
            let stripes = if me.is_some() { segment.stripe_count() } else { 1 };
            let turn = |stripe| {
                let item = Item { segment: segment.name, stripe };
                let others = voters.iter().copied().filter(|(node, _)| *node != self.config.me);
                let standing = match me.map(|me| rendezvous::rank(item, me, others)) {
                    Some(0) => Standing::Owner,
                    Some(rank @ 1..=BACKUPS) => Standing::Backup(rank),
                    Some(_) | None => Standing::Other,
                };
                let (at, before) = (self.due(segment, standing, item), segment.turn(stripe));
                Turn {
                    at: before.map_or(at, |before| before.at.min(at)),
                    is_own: standing == Standing::Owner || before.is_some_and(|before| before.is_own),
                }
            };
            let turns = (0..stripes).map(turn).collect();
            if let Some(segment) = self.segments.get_mut(key) {
                segment.turns = turns;
            }
        }
    }
}
