//! The event loop: tells swarms what happens and carries out what they ask for.

mod coming;
mod effects;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use streamr_model::{BitsPerSecond, BlockIndex, NodeId};
use streamr_relay_core::{FetchId, Freshness, Instant, Keep, Message, QueueTime, Supplier, Swarm, Verdict};

use crate::dice::{Dice, hash};
use crate::event::{Event, Index, Packed, Parking};
use crate::ids::Names;
use crate::links::{Line, Network, acknowledgements, micros};
use crate::media::Media;
use crate::membership::Rings;
use crate::node::{Conduct, Node, Wake};
use crate::outcome::{Outcome, Service, Tally};
use crate::queue::{Micros, Queue};
use crate::scenario::Scenario;

/// What a swarm waits that wants to be woken at once, again and again.
const FINEST_SLEEP: Micros = 1_000;
/// What the drops of a dropper are drawn for.
const DROPS: u64 = 9;
/// The seed's number.
const SEED: Index = 0;

/// A scenario under way.
#[derive(Debug)]
pub(crate) struct World {
    scenario: Scenario,
    now: Micros,
    queue: Queue<Event>,
    nodes: Vec<Node>,
    /// Supporters that the coordinator shows, in no order. It takes those that vanished for present for a
    /// while.
    shown: Vec<Index>,
    rings: Rings,
    electors: Vec<Index>,
    /// Number of the latest census.
    census: u32,
    names: Names,
    media: Media,
    parking: Parking,
    network: Network,
    origin: Line,
    dice: Dice,
    tally: Tally,
}

impl World {
    pub(crate) fn run(mut self) -> Outcome {
        while let Some((at, event)) = self.queue.pop() {
            self.now = at;
            self.tally.events += 1;
            self.happen(event);
        }
        let honest_pairs = self.bans();
        let services = if self.scenario.droppers > 0 { self.services() } else { Vec::new() };
        Outcome { services, ..self.tally.outcome(&self.scenario, &self.nodes, honest_pairs) }
    }

    fn instant(&self) -> Instant {
        Instant(Duration::from_micros(u64::from(self.now)))
    }

    fn id(&self, node: Index) -> NodeId {
        self.names.node(node)
    }

    fn node(&mut self, node: Index) -> &mut Node {
        &mut self.nodes[node as usize]
    }

    /// Tells a node's swarm something, if the node is here, and does what it then asks for.
    fn tell(&mut self, node: Index, what: impl FnOnce(&mut Swarm, Instant)) {
        let now = self.instant();
        let Some(swarm) = &mut self.nodes[node as usize].swarm else { return };
        what(swarm, now);
        self.perform(node);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Publish(sequence) => self.publish(sequence),
            Event::Uplinks(percent) => self.set_uplinks(percent),
            Event::Census => self.take_census(),
            Event::Join(node) => self.join(node),
            Event::Connect(a, b) => self.connect(a, b),
            Event::Leave(node) => self.leave(node),
            Event::Gone(node) => self.gone(node),
            Event::Forgotten(node) => self.forget(node),
            Event::Lost { node, peer } => self.lost(node, peer),
            Event::Refresh(node) => self.refresh(node),
            Event::Wake(node) => self.wake(node),
            Event::Message { from, to, what } => self.message(from, to, what),
            Event::Manifest { from, to, freshness, sequence } => self.manifest(from, to, freshness, sequence),
            Event::Block { from, to, sequence, index } => {
                if self.hears(from, to) {
                    let is_bad = self.nodes[from as usize].conduct == Conduct::Polluter;
                    let supplier = Supplier::Peer(self.id(from));
                    self.block(to, supplier, sequence, index, is_bad);
                    if is_bad {
                        self.note_ban(from, to);
                    }
                }
            }
            Event::Sent { from, to } => {
                let (peer, bytes) = (self.id(to), self.media.block_len as usize);
                self.tell(from, |swarm, now| swarm.handle_block_sent(now, peer, bytes));
            }
            Event::Fetched { node, fetch, sequence, index } => {
                let supplier = Supplier::Origin(FetchId(u64::from(fetch)));
                self.block(node, supplier, sequence, index, false);
                self.go_on_fetching(node, fetch, sequence, index);
            }
            Event::FetchEnded { node, fetch, end } => {
                let fetch = FetchId(u64::from(fetch));
                self.tell(node, |swarm, now| swarm.handle_fetch_ended(now, fetch, end));
            }
        }
    }

    fn publish(&mut self, sequence: u16) {
        let (name, manifest) = (self.media.name(sequence), self.media.manifest(sequence));
        self.tell(SEED, |swarm, now| {
            swarm.publish(now, name, manifest);
        });
    }

    fn set_uplinks(&mut self, percent: u32) {
        for node in 1..self.nodes.len() {
            let rate = BitsPerSecond(self.nodes[node].offered_bps * u64::from(percent) / 100);
            let index = Index::try_from(node).unwrap_or(Index::MAX);
            self.tell(index, |swarm, now| swarm.set_upload_rate(now, rate));
        }
    }

    fn wake(&mut self, node: Index) {
        let now = self.now;
        match self.node(node).wake.ring(now) {
            Ok(()) => {}
            Err(later) => {
                if let Some(at) = later {
                    self.queue.push(at, Event::Wake(node));
                }
                return;
            }
        }
        let mut spins = false;
        self.tell(node, |swarm, now| {
            swarm.handle_timeout(now);
            spins = swarm.poll_timeout(now).is_some_and(|at| at <= now);
        });
        if spins {
            // As the driver does, wait a little: the run shall end, so that its outcome can tell.
            self.tally.spins += 1;
            self.nodes[node as usize].wake = Wake::none();
            self.plan_waking(node, now + FINEST_SLEEP);
        }
    }

    /// Plans to wake a node, unless that is planned already.
    fn plan_waking(&mut self, node: Index, at: Micros) {
        if let Some(at) = self.node(node).wake.want(Some(at)) {
            self.queue.push(at, Event::Wake(node));
        }
    }

    /// Whether what `from` sent still reaches `to`: the connection is open at `to`'s end, and `from` sent it
    /// while it was here.
    fn hears(&self, from: Index, to: Index) -> bool {
        let (sender, receiver) = (&self.nodes[from as usize], &self.nodes[to as usize]);
        let left = || sender.gone.saturating_add(self.network.latency(from, to));
        receiver.links.is_open(from) && self.now <= left()
    }

    fn message(&mut self, from: Index, to: Index, what: Packed) {
        let Some(message) = self.parking.unpack(&self.media, what) else { return };
        if !self.hears(from, to) {
            return;
        }
        if let (Conduct::Liar, Message::Request(name, blocks)) = (self.nodes[to as usize].conduct, &message) {
            let refusal = Message::Refuse(*name, blocks.clone(), QueueTime(0));
            return self.send(to, from, refusal);
        }
        let event = u32::try_from(self.tally.events % (1 << 32)).unwrap_or(0);
        if self.nodes[to as usize].conduct == Conduct::Dropper
            && matches!(message, Message::Request(..))
            && hash(DROPS, event, to).is_multiple_of(5)
        {
            return;
        }
        let peer = self.id(from);
        self.tell(to, |swarm, now| swarm.handle_message(now, peer, message));
    }

    fn manifest(&mut self, from: Index, to: Index, freshness: Freshness, sequence: u16) {
        if !self.hears(from, to) {
            return;
        }
        let (name, manifest) = (self.media.name(sequence), self.media.manifest(sequence));
        let peer = self.id(from);
        let mut keep = Keep::Discard;
        self.tell(to, |swarm, now| {
            keep = swarm.handle_manifest(now, peer, freshness, name, Arc::clone(&manifest));
        });
        if keep == Keep::Store && self.nodes[to as usize].conduct == Conduct::Liar {
            self.boast(to, sequence);
        }
    }

    fn block(&mut self, to: Index, from: Supplier, sequence: u16, index: BlockIndex, is_bad: bool) {
        let (now, back) = (self.now, acknowledgements(u64::from(self.media.block_len)));
        self.node(to).uplink.pass(now, back);
        let name = self.media.name(sequence);
        let verdict = if is_bad { Verdict::Bad } else { Verdict::Verified };
        let mut keep = Keep::Discard;
        self.tell(to, |swarm, now| keep = swarm.handle_block(now, from, name, index, verdict));
        if keep != Keep::Store {
            return;
        }
        let node = &self.nodes[to as usize];
        if node.is_honest() {
            self.tally.kept();
        }
        if matches!(from, Supplier::Peer(_)) && node.plays != Some(sequence % self.scenario.renditions) {
            self.tally.blocks_unplayed += 1;
        }
        if is_bad && node.is_honest() {
            self.tally.bad_kept += 1;
        }
        if self.is_counted(node, sequence) {
            let published = micros(self.scenario.published_at(sequence));
            self.tally.arrived(Duration::from_micros(u64::from(self.now.saturating_sub(published))));
        }
    }

    /// Whether a node is honest, was here when a segment was published, and stays until it is due.
    fn is_counted(&self, node: &Node, sequence: u16) -> bool {
        crate::outcome::is_counted(&self.scenario, node, sequence)
    }

    fn note_ban(&mut self, polluter: Index, node: Index) {
        let polluter = self.id(polluter);
        let node = &self.nodes[node as usize];
        let is_unpunished = node.swarm.as_ref().is_some_and(|swarm| !swarm.is_banned(polluter));
        self.tally.bad_unpunished += u64::from(is_unpunished && node.is_honest());
    }

    /// What the honest nodes that are here were given by each supporter.
    fn services(&self) -> Vec<Service> {
        let honest = self.nodes.iter().skip(1).filter(|node| node.is_honest());
        let counted = honest.filter_map(|node| node.swarm.as_ref()).flat_map(|swarm| swarm.peer_counters());
        counted
            .map(|(provider, counters)| Service {
                is_dropper: self.nodes[self.names.node_index(provider) as usize].conduct == Conduct::Dropper,
                asked: counters.blocks_received + counters.blocks_bad + counters.blocks_missed,
                in_time: counters.blocks_on_time,
            })
            .filter(|service| service.asked > 0)
            .collect()
    }

    /// Pairs of an honest node that is here and a polluter that it has banned.
    fn bans(&self) -> u64 {
        let polluters = self.nodes.iter().zip(0..).filter(|(node, _)| node.conduct == Conduct::Polluter);
        let polluters: Vec<NodeId> = polluters.map(|(_, index)| self.id(index)).collect();
        let honest = self.nodes.iter().skip(1).filter(|node| node.is_honest());
        let banned = |swarm: &Swarm| polluters.iter().filter(|polluter| swarm.is_banned(**polluter)).count();
        honest.filter_map(|node| node.swarm.as_ref()).map(|swarm| banned(swarm) as u64).sum()
    }
}
