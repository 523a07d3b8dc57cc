//! Who is here and knows whom: joining, meeting, leaving, and what the coordinator says about it.

use std::time::Duration;

use streamr_model::{BitsPerSecond, RenditionId};
use streamr_relay_core::{Config, Interest, Member, Role, Swarm};

use super::plan::{CENSUS_INTERVAL, REFRESH_INTERVAL};
use super::{SEED, World};
use crate::dice::hash;
use crate::event::{Event, Index};
use crate::links::micros;
use crate::node::Node;
use crate::queue::Micros;
use crate::scenario::{Churn, Scenario};

/// What a polite node still sends after its good-bye.
const UPLOADS_PATIENCE: Duration = Duration::from_millis(500);
/// Whoever came later is no elector before it has stayed so long.
const RIPE: Duration = Duration::from_secs(60);

impl World {
    pub(super) fn join(&mut self, index: Index) {
        let role = if index == SEED { Role::Seed } else { Role::Supporter };
        let config = Config {
            me: self.id(index),
            role,
            stream: self.media.stream.clone(),
            uplink: BitsPerSecond(self.nodes[index as usize].offered_bps),
            live_delay: self.scenario.live_delay,
            store_limit_bytes: 64 << 20,
            retention: Duration::from_secs(20),
        };
        let swarm = Swarm::new(config, self.instant());
        self.node(index).swarm = Some(Box::new(swarm));
        if index == SEED {
            return;
        }
        let place = u32::try_from(self.shown.len()).unwrap_or(u32::MAX);
        self.shown.push(index);
        self.node(index).place = place;
        self.say_what_is_played(index);
        self.give_view(index);
        self.meet_seed(index);
        if self.scenario.churn != Churn::default() {
            let is_fast = self.scenario.is_fast(index);
            self.rings.insert(index, is_fast);
            if index > self.scenario.nodes {
                self.find_neighbours(index);
            }
            let spread = u64::from(micros(REFRESH_INTERVAL));
            let first = u32::try_from(hash(4, index, 0) % spread).unwrap_or(0);
            self.queue.push(self.now.saturating_add(first), Event::Refresh(index));
        }
    }

    fn say_what_is_played(&mut self, index: Index) {
        let plays = self.nodes[index as usize].plays;
        for rendition in (0..self.scenario.renditions).filter(|rendition| Some(*rendition) != plays) {
            let (rendition, interest) = (RenditionId(rendition), Interest::OwnStripes);
            self.tell(index, |swarm, now| swarm.set_interest(now, rendition, interest));
        }
    }

    fn give_view(&mut self, index: Index) {
        let view: Vec<Member> = self
            .electors
            .iter()
            .map(|elector| Member {
                node: self.id(*elector),
                uplink: BitsPerSecond(self.nodes[*elector as usize].offered_bps),
            })
            .collect();
        self.node(index).view = self.census;
        let seed = Some(self.id(SEED));
        self.tell(index, |swarm, now| swarm.set_view(now, seed, view));
    }

    /// Those with the highest uplinks, the best first.
    pub(super) fn best(&self, mut nodes: Vec<Index>) -> Vec<Index> {
        let rank = |index: &Index| {
            let offered = self.nodes[*index as usize].offered_bps;
            (std::cmp::Reverse(offered), hash(5, *index, 0), *index)
        };
        if nodes.len() > Scenario::ELECTORS {
            nodes.select_nth_unstable_by_key(Scenario::ELECTORS - 1, rank);
            nodes.truncate(Scenario::ELECTORS);
        }
        nodes.sort_unstable_by_key(rank);
        nodes
    }

    /// Electors stay while they are shown; the best of those that have stayed for a while fill their places.
    pub(super) fn take_census(&mut self) {
        let (now, first) = (self.now, self.scenario.nodes);
        let is_ripe = |index: Index, joins: Micros| index <= first || now - joins >= micros(RIPE);
        let mut electors: Vec<Index> =
            self.electors.iter().copied().filter(|elector| self.is_shown(*elector)).collect();
        let others = self.shown.iter().copied().filter(|index| !electors.contains(index));
        let others = others.filter(|index| is_ripe(*index, self.nodes[*index as usize].joins)).collect();
        let mut others = self.best(others);
        others.truncate(Scenario::ELECTORS - electors.len());
        electors.extend(others);
        electors.sort_unstable();
        if electors != self.electors {
            self.electors = electors;
            self.census += 1;
        }
        self.queue.push(self.now.saturating_add(micros(CENSUS_INTERVAL)), Event::Census);
    }

    fn is_shown(&self, index: Index) -> bool {
        self.shown.get(self.nodes[index as usize].place as usize) == Some(&index)
    }

    pub(super) fn refresh(&mut self, index: Index) {
        if !self.nodes[index as usize].is_here() {
            return;
        }
        if self.nodes[index as usize].view != self.census {
            self.give_view(index);
            self.meet_seed(index);
        }
        self.find_neighbours(index);
        self.queue.push(self.now.saturating_add(micros(REFRESH_INTERVAL)), Event::Refresh(index));
    }

    fn meet_seed(&mut self, index: Index) {
        let everybody =
            self.shown.len() <= Scenario::SEED_REACH as usize && self.scenario.nodes <= Scenario::SEED_REACH;
        if (everybody || self.electors.contains(&index)) && !self.nodes[index as usize].links.knows(SEED) {
            self.plan_meeting(SEED, index, self.now);
        }
    }

    /// Meets those whom the coordinator shows.
    fn find_neighbours(&mut self, index: Index) {
        let is_small = self.shown.len() <= Scenario::FULL_MESH as usize;
        let neighbours = if is_small {
            self.shown.clone()
        } else {
            self.rings.beside(index, self.scenario.is_fast(index))
        };
        for other in neighbours {
            self.meet(index, other);
        }
    }

    /// Plans a meeting of two supporters that have not met.
    fn meet(&mut self, a: Index, b: Index) {
        let has_room = |node: &Node| node.links.count() + 1 < Scenario::MAX_DEGREE;
        let (one, other) = (&self.nodes[a as usize], &self.nodes[b as usize]);
        if a != b && !one.links.knows(b) && has_room(one) && has_room(other) {
            self.plan_meeting(a, b, self.now);
        }
    }

    /// Two round trips after `from` they are connected.
    pub(super) fn plan_meeting(&mut self, a: Index, b: Index, from: Micros) {
        let shake = 4 * self.network.latency(a, b);
        self.queue.push(from.saturating_add(shake), Event::Connect(a, b));
    }

    pub(super) fn connect(&mut self, a: Index, b: Index) {
        let is_reachable = a == SEED || self.network.reach(a, b);
        let are_here = self.nodes[a as usize].is_here() && self.nodes[b as usize].is_here();
        if !is_reachable || !are_here || !self.node(a).links.open(b) {
            return;
        }
        self.node(b).links.open(a);
        for (node, peer) in [(a, b), (b, a)] {
            let peer_id = self.id(peer);
            self.tell(node, |swarm, now| swarm.handle_connected(now, peer_id));
        }
    }

    pub(super) fn leave(&mut self, index: Index) {
        if !self.nodes[index as usize].says_bye {
            return self.gone(index);
        }
        self.tell(index, |swarm, _| swarm.leave());
        let at = self.now.saturating_add(micros(UPLOADS_PATIENCE));
        self.queue.push(at, Event::Gone(index));
    }

    pub(super) fn gone(&mut self, index: Index) {
        let says_bye = self.nodes[index as usize].says_bye;
        let now = self.now;
        let this = self.node(index);
        this.gone = now;
        let Some(swarm) = this.swarm.take() else { return };
        let peers: Vec<Index> = this.links.peers().collect();
        self.tally.left(self.nodes[index as usize].is_honest(), &swarm.counters());
        let forgotten = if says_bye { 0 } else { micros(self.scenario.vanish_forgotten) };
        self.queue.push(now.saturating_add(forgotten), Event::Forgotten(index));
        for node in peers {
            let latency = self.network.latency(index, node);
            let wait = if says_bye { 0 } else { micros(self.scenario.vanish_noticed) };
            let at = now.saturating_add(latency).saturating_add(wait);
            self.queue.push(at, Event::Lost { node, peer: index });
        }
    }

    /// The coordinator shows a node no longer.
    pub(super) fn forget(&mut self, index: Index) {
        self.rings.remove(index, self.scenario.is_fast(index));
        let place = self.nodes[index as usize].place;
        self.shown.swap_remove(place as usize);
        if let Some(moved) = self.shown.get(place as usize).copied() {
            self.node(moved).place = place;
        }
    }

    pub(super) fn lost(&mut self, node: Index, peer: Index) {
        if self.node(node).links.close(peer) {
            let peer_id = self.id(peer);
            self.tell(node, |swarm, now| swarm.handle_disconnected(now, peer_id));
        }
    }

    /// A node ends a connection; the other end sees it when it hears of it.
    pub(super) fn hang_up(&mut self, node: Index, peer: Index) {
        let at = self.now.saturating_add(self.network.latency(node, peer));
        self.queue.push(at, Event::Lost { node: peer, peer: node });
        self.lost(node, peer);
    }
}
