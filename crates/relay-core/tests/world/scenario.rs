//! A scenario, the event loop that plays it, and what came out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use streamr_model::{
    BitsPerSecond, BlockIndex, BlockSet, Manifest, MediaSequence, NodeId, RenditionId, SegmentContainer,
    SegmentRef, StreamEpoch, UnixMs,
};
use streamr_relay_core::{
    Action, Config, FetchEnd, FetchId, Freshness, Instant, Keep, Member, Message, Role, Supplier, Swarm,
    Verdict,
};

use super::links::{Dice, Links};

/// Number of segments published, two seconds apart.
const SEGMENTS: u64 = 12;
const SEGMENT_LEN: u32 = 1_000_000;
const INTERVAL: Duration = Duration::from_secs(2);
const LIVE_DELAY: Duration = Duration::from_secs(6);
const ORIGIN_RATE: BitsPerSecond = BitsPerSecond(200_000_000);
const SEED: usize = 0;

/// What happens. The nodes are 1 to `nodes`; 0 is the seed.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    pub(crate) uplink_bps: u64,
    pub(crate) origin_has_range: bool,
    /// So many nodes, the last ones, disappear half way.
    pub(crate) vanish: usize,
    /// So many, the last ones, send bad blocks.
    pub(crate) polluters: usize,
    /// So many, the last ones, never send a block.
    pub(crate) silent: usize,
    /// So many, the last ones, join half way.
    pub(crate) late: usize,
    /// Nodes reach the seed but not each other.
    pub(crate) isolated: bool,
}

/// What came out, over the honest nodes that stayed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) missed: u64,
    pub(crate) copies: f64,
    pub(crate) duplicate_fraction: f64,
    pub(crate) bad_kept: usize,
    pub(crate) polluters_banned_by: usize,
    pub(crate) out_of_order: usize,
}

#[derive(Debug)]
enum Event {
    Publish(u64),
    Connect(usize, usize),
    Vanish(usize),
    Message(usize, usize, Message),
    Manifest(usize, usize, Freshness, SegmentRef),
    Block(usize, usize, SegmentRef, BlockIndex),
    Sent(usize, usize, usize),
    Fetched(usize, FetchId, SegmentRef, BlockIndex),
    FetchEnded(usize, FetchId, FetchEnd),
    Wake(usize),
}

struct Node {
    swarm: Swarm,
    alive: bool,
    bad_kept: usize,
    played: Vec<SegmentRef>,
    bytes_from_origin: u64,
    wakes_at: Option<Instant>,
}

struct World {
    scenario: Scenario,
    now: Instant,
    events: BTreeMap<(Instant, u64), Event>,
    counter: u64,
    nodes: Vec<Node>,
    manifests: BTreeMap<SegmentRef, Arc<Manifest>>,
    links: Links,
    dice: Dice,
    ids: BTreeMap<NodeId, usize>,
}

impl Scenario {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            nodes: 4,
            uplink_bps: 20_000_000,
            origin_has_range: true,
            vanish: 0,
            polluters: 0,
            silent: 0,
            late: 0,
            isolated: false,
        }
    }

    pub(crate) fn run(self) -> Outcome {
        let mut world = World::new(self);
        while let Some((at, event)) = world.events.pop_first() {
            world.now = at.0;
            world.happen(event);
        }
        world.outcome()
    }

    fn is_last(&self, node: usize, count: usize) -> bool {
        node != SEED && node + count > self.nodes
    }
}

fn id(node: usize) -> NodeId {
    NodeId(*blake3::hash(&node.to_be_bytes()).as_bytes())
}

fn manifest(sequence: u64) -> Manifest {
    let blocks = SEGMENT_LEN.div_ceil(Manifest::BLOCK_LEN);
    Manifest {
        stream: "alice".parse().unwrap(),
        epoch: StreamEpoch(1),
        rendition: RenditionId(0),
        sequence: MediaSequence(sequence),
        duration_us: 2_000_000,
        target_duration_s: 2,
        discontinuity: false,
        published_at: UnixMs(0),
        origin_url: String::new(),
        origin_offset: 0,
        container: SegmentContainer::MpegTs,
        init: None,
        tags: Vec::new(),
        header_tags: Vec::new(),
        len: SEGMENT_LEN,
        block_len: Manifest::BLOCK_LEN,
        block_hashes: vec![[0; 32]; blocks as usize],
    }
}

impl World {
    fn new(scenario: Scenario) -> Self {
        let node = |n: usize| Node {
            swarm: Swarm::new(
                Config {
                    me: id(n),
                    role: if n == SEED { Role::Seed } else { Role::Supporter },
                    stream: "alice".parse().unwrap(),
                    uplink: BitsPerSecond(if n == SEED { 1_000_000_000 } else { scenario.uplink_bps }),
                    live_delay: LIVE_DELAY,
                    store_limit_bytes: 64 << 20,
                    retention: Duration::from_secs(20),
                },
                Instant::default(),
            ),
            alive: true,
            bad_kept: 0,
            played: Vec::new(),
            bytes_from_origin: 0,
            wakes_at: None,
        };
        let mut world = Self {
            now: Instant::default(),
            events: BTreeMap::new(),
            counter: 0,
            nodes: (0..=scenario.nodes).map(node).collect(),
            manifests: BTreeMap::new(),
            links: Links::default(),
            dice: Dice(scenario.seed),
            ids: (0..=scenario.nodes).map(|n| (id(n), n)).collect(),
            scenario,
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        let half = INTERVAL * u32::try_from(SEGMENTS / 2).unwrap() + Duration::from_millis(700);
        for a in 0..=self.scenario.nodes {
            for b in a + 1..=self.scenario.nodes {
                if self.scenario.isolated && a != SEED {
                    continue;
                }
                let late = self.scenario.late > 0
                    && (self.scenario.is_last(a, self.scenario.late)
                        || self.scenario.is_last(b, self.scenario.late));
                let base = if late { half } else { Duration::ZERO };
                let jitter = Duration::from_millis(self.dice.roll(300));
                self.at(Instant(base + jitter), Event::Connect(a, b));
            }
            if self.scenario.vanish > 0 && self.scenario.is_last(a, self.scenario.vanish) {
                let jitter = Duration::from_millis(self.dice.roll(2_000));
                self.at(Instant(half + jitter), Event::Vanish(a));
            }
        }
        for n in 0..SEGMENTS {
            self.at(
                Instant(Duration::from_secs(1) + INTERVAL * u32::try_from(n).unwrap()),
                Event::Publish(n),
            );
        }
    }

    fn at(&mut self, when: Instant, event: Event) {
        self.counter += 1;
        self.events.insert((when.max(self.now), self.counter), event);
    }

    fn index(&self, node: NodeId) -> usize {
        self.ids[&node]
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        let node = match event {
            Event::Publish(sequence) => {
                let manifest = Arc::new(manifest(sequence));
                let name = SegmentRef(*blake3::hash(&sequence.to_be_bytes()).as_bytes());
                self.manifests.insert(name, Arc::clone(&manifest));
                self.nodes[SEED].swarm.publish(now, name, manifest);
                SEED
            }
            Event::Connect(a, b) => {
                let view: Vec<Member> = (1..self.nodes.len())
                    .map(|n| Member { node: id(n), uplink: BitsPerSecond(self.scenario.uplink_bps) })
                    .collect();
                for n in [a, b] {
                    self.nodes[n].swarm.set_view(now, Some(id(SEED)), view.clone());
                }
                self.nodes[a].swarm.handle_connected(now, id(b));
                self.nodes[b].swarm.handle_connected(now, id(a));
                self.perform(a);
                b
            }
            Event::Vanish(gone) => {
                self.nodes[gone].alive = false;
                for n in 0..self.nodes.len() {
                    self.nodes[n].swarm.handle_disconnected(now, id(gone));
                    self.perform(n);
                }
                return;
            }
            Event::Message(from, to, message) => {
                self.nodes[to].swarm.handle_message(now, id(from), message);
                to
            }
            Event::Manifest(from, to, freshness, name) => {
                let manifest = Arc::clone(&self.manifests[&name]);
                self.nodes[to].swarm.handle_manifest(now, id(from), freshness, name, manifest);
                to
            }
            Event::Block(from, to, name, index) => {
                let bad = self.scenario.polluters > 0 && self.scenario.is_last(from, self.scenario.polluters);
                self.block(to, Supplier::Peer(id(from)), name, index, bad);
                to
            }
            Event::Sent(from, to, bytes) => {
                self.nodes[from].swarm.handle_block_sent(now, id(to), bytes);
                from
            }
            Event::Fetched(node, fetch, name, index) => {
                self.block(node, Supplier::Origin(fetch), name, index, false);
                node
            }
            Event::FetchEnded(node, fetch, end) => {
                self.nodes[node].swarm.handle_fetch_ended(now, fetch, end);
                node
            }
            Event::Wake(node) => {
                if self.nodes[node].wakes_at != Some(now) {
                    return;
                }
                self.nodes[node].wakes_at = None;
                self.nodes[node].swarm.handle_timeout(now);
                let again = self.nodes[node].swarm.poll_timeout(now);
                assert!(
                    again.is_none_or(|at| at > now),
                    "node {node} asks to be woken at once again: it would spin"
                );
                node
            }
        };
        self.perform(node);
    }

    fn block(&mut self, to: usize, from: Supplier, name: SegmentRef, index: BlockIndex, bad: bool) {
        let verdict = if bad { Verdict::Bad } else { Verdict::Verified };
        let keep = self.nodes[to].swarm.handle_block(self.now, from, name, index, verdict);
        self.nodes[to].bad_kept += usize::from(bad && keep == Keep::Store);
    }

    fn perform(&mut self, node: usize) {
        while let Some(action) = self.nodes[node].swarm.poll_action() {
            if self.nodes[node].alive {
                self.effect(node, action);
            }
        }
        let over = Instant(INTERVAL * u32::try_from(SEGMENTS).unwrap() + LIVE_DELAY * 2);
        let this = &mut self.nodes[node];
        let wake = this.swarm.poll_timeout(self.now).map(|at| at.max(self.now)).filter(|at| *at < over);
        if let Some(wake) = wake
            && this.alive
            && this.wakes_at.is_none_or(|at| wake < at)
        {
            this.wakes_at = Some(wake);
            self.at(wake, Event::Wake(node));
        }
    }

    fn effect(&mut self, from: usize, action: Action) {
        match action {
            Action::Send(to, message) => {
                let to = self.index(to);
                let at = self.links.arrives(self.now, from, to, &mut self.dice);
                self.at(at, Event::Message(from, to, message));
            }
            Action::SendManifest(to, freshness, name) => {
                let to = self.index(to);
                let at = self.links.arrives(self.now, from, to, &mut self.dice);
                self.at(at, Event::Manifest(from, to, freshness, name));
            }
            Action::SendBlock(to, name, index) => self.send_block(from, self.index(to), name, index),
            Action::Fetch(fetch, name, blocks) => self.fetch(from, fetch, name, blocks),
            Action::Play(name) => self.nodes[from].played.push(name),
            Action::Disconnect(peer, _) => {
                let peer = self.index(peer);
                self.nodes[from].swarm.handle_disconnected(self.now, id(peer));
                self.nodes[peer].swarm.handle_disconnected(self.now, id(from));
            }
            Action::Complete(_) | Action::Evict(_) => {}
        }
    }

    fn send_block(&mut self, from: usize, to: usize, name: SegmentRef, index: BlockIndex) {
        let (_, len) = self.manifests[&name].block_span(index).unwrap();
        let uplink = BitsPerSecond(if from == SEED { 1_000_000_000 } else { self.scenario.uplink_bps * 2 });
        let left = self.links.leaves(self.now, from, u64::from(len), uplink);
        self.at(left, Event::Sent(from, to, len as usize));
        if self.scenario.silent > 0 && self.scenario.is_last(from, self.scenario.silent) {
            return;
        }
        if from == SEED {
            self.nodes[to].bytes_from_origin += u64::from(len);
        }
        let at = self.links.arrives(left, from, to, &mut self.dice);
        self.at(at, Event::Block(from, to, name, index));
    }

    fn fetch(&mut self, node: usize, fetch: FetchId, name: SegmentRef, blocks: Range<u16>) {
        let manifest = Arc::clone(&self.manifests[&name]);
        let whole = blocks.len() == usize::from(manifest.block_count());
        let mut at = self.now + Duration::from_millis(20);
        if !self.scenario.origin_has_range && !whole {
            return self.at(at, Event::FetchEnded(node, fetch, FetchEnd::RangeIgnored));
        }
        for index in blocks.map(BlockIndex) {
            let (_, len) = manifest.block_span(index).unwrap();
            at = at + ORIGIN_RATE.time_for(u64::from(len));
            self.nodes[node].bytes_from_origin += u64::from(len);
            self.at(at, Event::Fetched(node, fetch, name, index));
        }
        self.at(at, Event::FetchEnded(node, fetch, FetchEnd::Done));
    }

    fn outcome(&self) -> Outcome {
        let scenario = &self.scenario;
        let honest =
            |n: &usize| *n != SEED && self.nodes[*n].alive && !scenario.is_last(*n, scenario.polluters);
        let nodes: Vec<&Node> = (0..self.nodes.len()).filter(honest).map(|n| &self.nodes[n]).collect();
        let sum = |value: fn(&Node) -> u64| nodes.iter().map(|node| value(node)).sum::<u64>();
        let blocks: u64 = sum(|node| node.swarm.counters().segments_complete)
            * u64::from(BlockSet::full(manifest(0).block_count()).count());
        let places: BTreeMap<SegmentRef, u64> =
            self.manifests.iter().map(|(name, manifest)| (*name, manifest.sequence.0)).collect();
        let disordered = |node: &&&Node| {
            let played: Vec<u64> = node.played.iter().map(|name| places[name]).collect();
            let distinct: BTreeSet<u64> = played.iter().copied().collect();
            !played.is_sorted() || distinct.len() != played.len()
        };
        let polluters: Vec<NodeId> = (1..self.nodes.len())
            .filter(|n| scenario.polluters > 0 && scenario.is_last(*n, scenario.polluters))
            .map(id)
            .collect();
        let bans = |node: &&&Node| polluters.iter().all(|polluter| node.swarm.is_banned(*polluter));
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
        Outcome {
            missed: sum(|node| node.swarm.counters().segments_missed),
            copies: self.nodes.iter().map(|node| node.bytes_from_origin).sum::<u64>() as f64
                / (SEGMENTS * u64::from(SEGMENT_LEN)) as f64,
            duplicate_fraction: sum(|node| node.swarm.counters().blocks_duplicate) as f64 / blocks as f64,
            bad_kept: nodes.iter().map(|node| node.bad_kept).sum(),
            polluters_banned_by: if polluters.is_empty() { 0 } else { nodes.iter().filter(bans).count() },
            out_of_order: nodes.iter().filter(disordered).count(),
        }
    }
}
