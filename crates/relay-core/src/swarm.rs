//! The state machine of one stream's swarm.
//!
//! Methods come in this order: getters; `handle_*`, each followed by [`Swarm::advance`]; changes from
//! outside; `poll_*`. The rules live in the child modules: `election` (who fetches from the origin when),
//! `fetching` (from whom), `sharing` (to whom, how fast), `playing` (in what order).

mod action;
mod election;
mod fetching;
mod peer;
mod playing;
mod segment;
mod sharing;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use streamr_model::{BitsPerSecond, BlockIndex, BlockSet, Manifest, NodeId, SegmentRef, StreamId};

use crate::message::{Freshness, Hello, Message, Role};
use crate::pacer::Pacer;
use crate::time::Instant;

pub use action::{Action, DropReason, FetchEnd, FetchId, Keep, Member, Supplier, Verdict};
use fetching::Origin;
use peer::Peer;
pub use peer::PeerCounters;
use playing::Playhead;
use segment::{Pending, Phase, Segment, SegmentTable};

/// What a swarm is told once.
#[derive(Debug, Clone)]
pub struct Config {
    /// Ourselves.
    pub me: NodeId,
    /// What we are to it.
    pub role: Role,
    /// The stream.
    pub stream: StreamId,
    /// The uplink we offer; uploads are paced to it.
    pub uplink: BitsPerSecond,
    /// How long after its manifest arrived a segment must be whole.
    pub live_delay: Duration,
    /// The most segment bytes known at a time.
    pub store_limit_bytes: u64,
    /// How long after its deadline a segment is kept for others.
    pub retention: Duration,
}

impl Config {
    /// The most peers spoken to at once.
    pub const MAX_PEERS: usize = 64;
    /// Neighbours that a block is pushed to by whoever fetched it.
    pub const PUSH_FANOUT: usize = 3;
    /// The most peers counted for and the most banned; beyond it the smallest ids are forgotten.
    const MAX_REMEMBERED: usize = 1_024;
}

/// Totals since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Verified bytes from the origin and the seed.
    pub bytes_origin: u64,
    /// Verified bytes from peers.
    pub bytes_peers: u64,
    /// Bytes given to peers.
    pub bytes_served: u64,
    /// Blocks handed to the driver for peers.
    pub blocks_sent: u64,
    /// Blocks that did not verify.
    pub blocks_bad: u64,
    /// Blocks that came though we had them.
    pub blocks_duplicate: u64,
    /// Segments that became whole.
    pub segments_complete: u64,
    /// Segments given up at their deadline.
    pub segments_missed: u64,
}

/// One stream's swarm, as one node sees it.
#[derive(Debug)]
pub struct Swarm {
    config: Config,
    segments: SegmentTable,
    peers: BTreeMap<NodeId, Peer>,
    peer_counters: BTreeMap<NodeId, PeerCounters>,
    banned: BTreeMap<NodeId, Instant>,
    view: Vec<Member>,
    seed: Option<NodeId>,
    origin: Origin,
    pacer: Pacer,
    playhead: Playhead,
    counters: Counters,
    actions: VecDeque<Action>,
}

impl Swarm {
    /// Knows nobody and nothing yet.
    pub fn new(config: Config, now: Instant) -> Self {
        let pacer = Pacer::new(config.uplink, now);
        Self {
            config,
            segments: SegmentTable::default(),
            peers: BTreeMap::new(),
            peer_counters: BTreeMap::new(),
            banned: BTreeMap::new(),
            view: Vec::new(),
            seed: None,
            origin: Origin::default(),
            pacer,
            playhead: Playhead::default(),
            counters: Counters::default(),
            actions: VecDeque::new(),
        }
    }

    /// Totals since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What was exchanged with whom, disconnected peers included.
    pub fn peer_counters(&self) -> impl Iterator<Item = (NodeId, PeerCounters)> + '_ {
        self.peer_counters.iter().map(|(node, counters)| (*node, *counters))
    }

    /// Peers that have introduced themselves.
    pub fn introduced_peers(&self) -> impl Iterator<Item = (NodeId, Role)> + '_ {
        self.peers.iter().filter_map(|(node, peer)| peer.role().map(|role| (*node, role)))
    }

    /// Whether `node` is not spoken to.
    pub fn is_banned(&self, node: NodeId) -> bool {
        self.banned.contains_key(&node)
    }

    /// Whether this block would be kept: its segment is known and fetched, and it is missing.
    pub fn lacks(&self, name: &SegmentRef, index: BlockIndex) -> bool {
        let wanted = self.segments.get(name).filter(|segment| segment.phase == Phase::Wanted);
        wanted.is_some_and(|segment| !segment.held.contains(index))
    }

    fn is_seed(&self, node: NodeId) -> bool {
        self.peers.get(&node).is_some_and(|peer| peer.role() == Some(Role::Seed))
    }

    /// A peer is connected; it will say hello.
    pub fn handle_connected(&mut self, now: Instant, node: NodeId) {
        if self.is_banned(node) {
            return self.act(Action::Disconnect(node, DropReason::Banned));
        }
        if self.peers.len() >= Config::MAX_PEERS && self.seed != Some(node) {
            return self.act(Action::Disconnect(node, DropReason::Full));
        }
        self.peers.insert(node, Peer::new(now));
        let hello =
            Hello { role: self.config.role, stream: self.config.stream.clone(), uplink: self.config.uplink };
        self.act(Action::Send(node, Message::Hello(hello)));
    }

    /// The last connection to a peer is gone.
    pub fn handle_disconnected(&mut self, now: Instant, node: NodeId) {
        if self.peers.remove(&node).is_some() {
            self.forget_promises_of(node);
            self.elect(None);
            self.advance(now);
        }
    }

    /// A message other than a manifest or a block.
    pub fn handle_message(&mut self, now: Instant, node: NodeId, message: Message) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let is_hello = matches!(message, Message::Hello(_));
        if is_hello == peer.hello.is_some() {
            return self.ban(now, node, DropReason::Protocol);
        }
        let Some((name, blocks)) = (match message {
            Message::Hello(hello) => return self.handle_hello(now, node, hello),
            Message::Bye => return self.act(Action::Disconnect(node, DropReason::Left)),
            Message::Have(name, ref blocks)
            | Message::Offer(name, ref blocks)
            | Message::Request(name, ref blocks)
            | Message::Cancel(name, ref blocks)
            | Message::Refuse(name, ref blocks) => Some((name, blocks)),
            Message::Manifest(..) | Message::Block(..) => None,
        }) else {
            return;
        };
        // About a segment we have evicted or not yet heard of there is nothing to say.
        let Some(segment) = self.segments.get(&name) else { return };
        if !blocks.fits(segment.held.capacity()) {
            return self.ban(now, node, DropReason::Protocol);
        }
        match message {
            Message::Have(name, blocks) => self.handle_have(node, name, blocks),
            Message::Offer(name, blocks) => self.handle_offer(now, node, name, &blocks),
            Message::Request(name, blocks) => self.serve(node, name, &blocks),
            Message::Cancel(name, blocks) => {
                peer_mut(&mut self.peers, node, |peer| peer.upload.cancel(name, &blocks));
            }
            Message::Refuse(name, blocks) => self.handle_refuse(now, node, name, &blocks),
            Message::Hello(_) | Message::Bye | Message::Manifest(..) | Message::Block(..) => {}
        }
        self.advance(now);
    }

    fn handle_hello(&mut self, now: Instant, node: NodeId, mut hello: Hello) {
        if hello.stream != self.config.stream {
            return self.act(Action::Disconnect(node, DropReason::OtherStream));
        }
        // Only the coordinator's word makes a peer the seed: what it gives is counted as the origin's.
        if hello.role == Role::Seed && self.seed != Some(node) {
            hello.role = Role::Supporter;
        }
        peer_mut(&mut self.peers, node, |peer| peer.hello = Some(hello));
        self.send_backlog(node);
        self.elect(None);
        self.advance(now);
    }

    fn handle_have(&mut self, node: NodeId, name: SegmentRef, blocks: BlockSet) {
        peer_mut(&mut self.peers, node, |peer| {
            peer.knows.insert(name);
            peer.upload.cancel(name, &blocks);
            peer.have.insert(name, blocks);
        });
    }

    /// Believes a promise for a while; declines what is here already or comes from elsewhere.
    fn handle_offer(&mut self, now: Instant, node: NodeId, name: SegmentRef, blocks: &BlockSet) {
        let Some(segment) = self.segments.get_mut(&name) else { return };
        let mut declined = BlockSet::empty(blocks.capacity());
        for index in blocks.iter() {
            if segment.phase != Phase::Wanted
                || segment.held.contains(index)
                || segment.pending.contains_key(&index)
            {
                declined.insert(index);
                continue;
            }
            let pending = Pending { from: Supplier::Peer(node), expires: now + self.config.patience() };
            segment.pending.insert(index, pending);
        }
        peer_mut(&mut self.peers, node, |peer| {
            peer.knows.insert(name);
        });
        if !declined.is_empty() {
            self.act(Action::Send(node, Message::Cancel(name, declined)));
        }
    }

    /// Asks elsewhere for what a peer cannot give, and leaves it in peace for a while.
    fn handle_refuse(&mut self, now: Instant, node: NodeId, name: SegmentRef, blocks: &BlockSet) {
        let Some(segment) = self.segments.get_mut(&name) else { return };
        let Some(peer) = self.peers.get_mut(&node) else { return };
        for index in blocks.iter() {
            if segment.pending.get(&index).is_some_and(|pending| pending.from == Supplier::Peer(node)) {
                segment.pending.remove(&index);
            }
        }
        peer.shunned_until = now + self.config.patience() / 4;
    }

    /// A manifest that the driver has verified and checked. `from` is the peer that sent it. Returns
    /// whether it is news and must be kept until [`Action::Evict`].
    pub fn handle_manifest(
        &mut self,
        now: Instant,
        from: NodeId,
        freshness: Freshness,
        name: SegmentRef,
        manifest: Arc<Manifest>,
    ) -> Keep {
        if manifest.stream != self.config.stream {
            return Keep::Discard;
        }
        // Before it is passed on, so that it is not passed back.
        peer_mut(&mut self.peers, from, |peer| {
            peer.knows.insert(name);
        });
        let is_news = self.segments.get(&name).is_none();
        let segment = Segment::new(manifest, freshness, now, self.config.live_delay);
        let keep = if is_news { self.take_in(now, freshness, name, segment) } else { Keep::Discard };
        if self.segments.get(&name).is_none() {
            peer_mut(&mut self.peers, from, |peer| peer.forget(&name));
        }
        self.advance(now);
        keep
    }

    /// A segment of our own, whole: the seed's way in.
    pub fn publish(&mut self, now: Instant, name: SegmentRef, manifest: Arc<Manifest>) -> Keep {
        let blocks = manifest.block_count();
        let mut segment = Segment::new(manifest, Freshness::Fresh, now, self.config.live_delay);
        segment.held = BlockSet::full(blocks);
        segment.phase = Phase::Complete;
        let keep = self.take_in(now, Freshness::Fresh, name, segment);
        self.advance(now);
        keep
    }

    fn take_in(&mut self, now: Instant, freshness: Freshness, name: SegmentRef, segment: Segment) -> Keep {
        if !self.segments.insert(name, segment) {
            return Keep::Discard;
        }
        self.playhead.note_manifest(now);
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        for node in peers {
            self.announce(node, freshness, name);
        }
        self.elect(Some(name));
        Keep::Store
    }

    /// A block that the driver has checked against its manifest. Returns whether to keep it; the driver
    /// does so before it takes the next action.
    pub fn handle_block(
        &mut self,
        now: Instant,
        from: Supplier,
        name: SegmentRef,
        index: BlockIndex,
        verdict: Verdict,
    ) -> Keep {
        if verdict == Verdict::Bad {
            self.counters.blocks_bad += 1;
            match from {
                Supplier::Peer(node) => {
                    self.count(node, |counters| counters.blocks_bad += 1);
                    self.ban(now, node, DropReason::BadBlock);
                }
                Supplier::Origin(_) => {
                    if let Some(segment) = self.segments.get_mut(&name) {
                        segment.origin_refused = true;
                    }
                }
            }
            return Keep::Discard;
        }
        let Some(segment) = self.segments.get_mut(&name) else { return Keep::Discard };
        let promised = segment.pending.remove(&index).map(|pending| pending.from);
        let capacity = segment.held.capacity();
        let is_new = segment.phase == Phase::Wanted && segment.held.insert(index);
        let on_time = now <= segment.deadline;
        let len = segment.block_len(index) as u64;
        if is_new && segment.held.is_full() {
            segment.phase = Phase::Complete;
            self.counters.segments_complete += 1;
        }
        if let Some(Supplier::Peer(node)) = promised
            && Supplier::Peer(node) != from
        {
            let mut block = BlockSet::empty(capacity);
            block.insert(index);
            self.act(Action::Send(node, Message::Cancel(name, block)));
        }
        self.account(from, len, is_new, on_time);
        if let Supplier::Peer(node) = from {
            peer_mut(&mut self.peers, node, |peer| peer.note_has(name, index, capacity));
        }
        if !is_new {
            return Keep::Discard;
        }
        self.share(name, index);
        self.settle(name);
        self.advance(now);
        Keep::Store
    }

    fn account(&mut self, from: Supplier, len: u64, is_new: bool, on_time: bool) {
        if !is_new {
            self.counters.blocks_duplicate += 1;
            if let Supplier::Peer(node) = from {
                self.count(node, |counters| counters.blocks_duplicate += 1);
            }
            return;
        }
        match from {
            Supplier::Peer(node) if !self.is_seed(node) => {
                self.counters.bytes_peers += len;
                self.count(node, |counters| {
                    counters.bytes_received += len;
                    counters.blocks_received += 1;
                    counters.blocks_on_time += u32::from(on_time);
                });
            }
            Supplier::Peer(_) | Supplier::Origin(_) => self.counters.bytes_origin += len,
        }
    }

    fn count(&mut self, node: NodeId, change: impl FnOnce(&mut PeerCounters)) {
        change(self.peer_counters.entry(node).or_default());
        if self.peer_counters.len() > Config::MAX_REMEMBERED {
            self.peer_counters.pop_first();
        }
    }

    fn ban(&mut self, now: Instant, node: NodeId, reason: DropReason) {
        self.banned.insert(node, now);
        if self.banned.len() > Config::MAX_REMEMBERED {
            let oldest = self.banned.iter().min_by_key(|(_, at)| **at).map(|(node, _)| *node);
            oldest.and_then(|oldest| self.banned.remove(&oldest));
        }
        self.peers.remove(&node);
        self.forget_promises_of(node);
        self.act(Action::Disconnect(node, reason));
        self.elect(None);
        self.advance(now);
    }

    /// A peer sent something that is no message at all.
    pub fn handle_protocol_error(&mut self, now: Instant, node: NodeId) {
        self.ban(now, node, DropReason::Protocol);
    }

    /// The time that [`Swarm::poll_timeout`] asked for has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    /// The coordinator's newest view: who the seed is and who carries the stream.
    pub fn set_view(&mut self, now: Instant, seed: Option<NodeId>, view: Vec<Member>) {
        self.seed = seed;
        self.view = view;
        self.elect(None);
        self.advance(now);
    }

    /// Paces uploads anew.
    pub fn set_upload_cap(&mut self, now: Instant, cap: BitsPerSecond) {
        self.config.uplink = cap;
        self.pacer.set_rate(cap, now);
        self.advance(now);
    }

    /// Says good-bye to everybody. The driver then waits a little while [`Swarm::is_uploading`].
    pub fn leave(&mut self) {
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        for node in peers {
            self.act(Action::Send(node, Message::Bye));
        }
    }

    /// Lets every rule do what the present moment asks for.
    fn advance(&mut self, now: Instant) {
        for segment in self.segments.values_mut() {
            if segment.phase == Phase::Wanted && now >= segment.deadline {
                segment.phase = Phase::Missed;
                segment.pending.clear();
                self.counters.segments_missed += 1;
            }
        }
        self.fetch(now);
        self.send_news(now);
        self.upload(now);
        self.play(now);
        let (limit, retention) = (self.config.store_limit_bytes, self.config.retention);
        while let Some(name) = self.segments.evict_one(limit, |segment| now >= segment.deadline + retention) {
            self.peers.values_mut().for_each(|peer| peer.forget(&name));
            self.act(Action::Evict(name));
        }
    }

    /// The next effect to carry out.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`Swarm::handle_timeout`] at the latest; `None` while nothing is under way.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        let fetch = self.next_fetch_at(now);
        let share = self.next_share_at(now);
        let play = self.next_play_at(now);
        let retention = self.config.retention;
        let evict = self.segments.iter().next().map(|(_, segment)| segment.deadline + retention);
        [fetch, share, play, evict].into_iter().flatten().min()
    }
}

fn peer_mut(peers: &mut BTreeMap<NodeId, Peer>, node: NodeId, change: impl FnOnce(&mut Peer)) {
    if let Some(peer) = peers.get_mut(&node) {
        change(peer);
    }
}
