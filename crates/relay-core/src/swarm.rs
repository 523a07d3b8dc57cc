//! The state machine of one stream's swarm.
//!
//! Methods come in this order: getters; `handle_*`, each followed by [`Swarm::advance`]; changes from
//! outside; `poll_*`. The rules live in the child modules: `election` (who fetches from the origin's side
//! when), `origin` (how), `pulling` (what to ask of which peer), `receiving` (what comes), `sharing` (what to
//! tell whom), `uploading` (to whom, how fast), `playing` (in what order), `window` (which segments at all),
//! `interest` (how much of which rendition).

mod action;
mod election;
mod intake;
mod interest;
mod origin;
mod peer;
mod playing;
mod pulling;
mod receiving;
mod segment;
mod sharing;
mod uploading;
mod window;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use streamr_model::{BitsPerSecond, BlockIndex, BlockSet, Manifest, NodeId, SegmentRef, StreamId};

use crate::message::{Freshness, Hello, Message, Role};
use crate::pacer::Pacer;
use crate::time::Instant;

pub use action::{Action, DropReason, FetchEnd, FetchId, Keep, Member, Supplier, Verdict};
use intake::Intake;
use interest::Interests;
use origin::Origin;
pub use peer::PeerCounters;
use peer::{Introduction, PeerTable, Slot};
use playing::Playhead;
use segment::{Key, Phase, Segment, SegmentTable};
use sharing::Rumours;

/// What a message without media takes of the uplink, about: mostly heads of a packet of its own.
const MESSAGE_BYTES: usize = 140;

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
    /// Receipts of one peer are passed on no more often.
    pub const RECEIPTS_EVERY: Duration = Duration::from_secs(1);
    /// Neighbours that a block is pushed to by whoever fetched it.
    pub const PUSH_FANOUT: usize = 3;
    /// The most banned peers remembered; beyond it the oldest are forgotten.
    const MAX_BANNED: usize = 1_024;
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
    /// Their bytes.
    pub bytes_sent: u64,
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
    /// A number of our own that decides between equals, so that nodes decide differently.
    taste: u64,
    segments: SegmentTable,
    peers: PeerTable,
    banned: BTreeMap<NodeId, Instant>,
    /// Who takes part in elections, the same for everybody; the coordinator bounds their number, and
    /// [`Swarm::MAX_ELECTORS`] does.
    electors: Vec<Member>,
    /// Electors that were connected and are not any more.
    lost: Vec<NodeId>,
    seed: Option<NodeId>,
    rumours: Rumours,
    origin: Origin,
    intake: Intake,
    pacer: Pacer,
    playheads: Vec<Playhead>,
    interests: Interests,
    counters: Counters,
    /// Nobody is told what we hold before.
    tells_at: Instant,
    /// No shunned peer may be asked again before.
    unshuns_at: Option<Instant>,
    actions: VecDeque<Action>,
}

impl Swarm {
    /// The most electors; beyond it the last ones named are not counted.
    pub const MAX_ELECTORS: usize = 64;

    /// Knows nobody and nothing yet.
    pub fn new(config: Config, now: Instant) -> Self {
        let pacer = Pacer::new(config.uplink, now);
        let taste = config.me.0.last_chunk().map_or(0, |tail| u64::from_le_bytes(*tail));
        Self {
            config,
            taste,
            segments: SegmentTable::default(),
            peers: PeerTable::default(),
            banned: BTreeMap::new(),
            electors: Vec::new(),
            lost: Vec::new(),
            seed: None,
            rumours: Rumours::default(),
            origin: Origin::default(),
            intake: Intake::default(),
            pacer,
            playheads: Vec::new(),
            interests: Interests::default(),
            counters: Counters::default(),
            tells_at: now,
            unshuns_at: None,
            actions: VecDeque::new(),
        }
    }

    /// What uploads are paced to.
    pub fn upload_rate(&self) -> BitsPerSecond {
        self.pacer.rate()
    }

    /// Totals since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What was exchanged with whom, disconnected peers included.
    pub fn peer_counters(&self) -> impl Iterator<Item = (NodeId, PeerCounters)> + '_ {
        self.peers.counters()
    }

    /// Peers that have introduced themselves.
    pub fn introduced_peers(&self) -> impl Iterator<Item = (NodeId, Role)> + '_ {
        self.peers.iter().filter_map(|(_, peer)| Some((peer.node, peer.role()?)))
    }

    /// Whether `node` is not spoken to.
    pub fn is_banned(&self, node: NodeId) -> bool {
        self.banned.contains_key(&node)
    }

    /// Whether this block would be kept: its segment is known and fetched, and it is missing.
    pub fn lacks(&self, name: &SegmentRef, index: BlockIndex) -> bool {
        let segment = self.segments.find(name).and_then(|key| self.segments.get(key));
        segment.is_some_and(|segment| segment.is_wanted() && !segment.held.contains(index))
    }

    /// A peer is connected; it will say hello.
    pub fn handle_connected(&mut self, now: Instant, node: NodeId) {
        if self.is_banned(node) {
            return self.act(Action::Disconnect(node, DropReason::Banned));
        }
        self.forget_peer(node);
        if self.peers.insert(node, self.seed == Some(node), now).is_none() {
            return self.act(Action::Disconnect(node, DropReason::Full));
        }
        if self.lost.contains(&node) {
            self.lost.retain(|lost| *lost != node);
            self.elect(None);
        }
        let hello =
            Hello { role: self.config.role, stream: self.config.stream.clone(), uplink: self.config.uplink };
        self.act(Action::Send(node, Message::Hello(hello)));
    }

    /// The last connection to a peer is gone.
    pub fn handle_disconnected(&mut self, now: Instant, node: NodeId) {
        if self.forget_peer(node) {
            self.pull(now);
            self.advance(now);
        }
    }

    /// Gives up what a peer promised, and its place; false if it had none.
    fn forget_peer(&mut self, node: NodeId) -> bool {
        let Some(slot) = self.peers.find(node) else { return false };
        self.peers.remove(slot);
        self.segments.iter_mut().for_each(|segment| segment.forget(slot));
        self.rumours.forget_teller(slot);
        if self.electors.iter().any(|member| member.node == node) && !self.lost.contains(&node) {
            self.lost.push(node);
        }
        self.elect(None);
        true
    }

    /// A message other than a manifest or a block.
    pub fn handle_message(&mut self, now: Instant, node: NodeId, message: Message) {
        let Some((slot, peer)) = self.peers.find(node).and_then(|slot| Some((slot, self.peers.get(slot)?)))
        else {
            return;
        };
        let is_hello = matches!(message, Message::Hello(_));
        if is_hello == peer.introduction.is_some() {
            return self.ban(now, node, DropReason::Protocol);
        }
        match message {
            Message::Hello(hello) => return self.handle_hello(now, slot, node, &hello),
            Message::Bye => self.handle_bye(slot),
            Message::Want(name) => self.handle_want(slot, &name),
            Message::Have(name, blocks, queue) => {
                if let Some(key) = self.about(now, slot, &name, &blocks) {
                    self.handle_have(now, slot, key, blocks, queue);
                }
            }
            Message::Offer(name, blocks) => {
                if let Some(key) = self.about(now, slot, &name, &blocks) {
                    self.handle_offer(now, slot, key, &blocks);
                }
            }
            Message::Request(name, blocks) => {
                if let Some(key) = self.about(now, slot, &name, &blocks) {
                    self.serve(slot, key, &blocks);
                }
            }
            Message::Cancel(name, blocks) => {
                if let Some(key) = self.about(now, slot, &name, &blocks) {
                    self.handle_cancel(slot, key, &blocks);
                }
            }
            Message::Refuse(name, blocks, queue) => {
                if let Some(key) = self.about(now, slot, &name, &blocks) {
                    self.handle_refuse(now, slot, key, &blocks, queue);
                }
            }
            Message::Interest(rendition, interest) => self.handle_interest(now, slot, rendition, interest),
            Message::Receipt(bytes) => self.handle_receipt(now, slot, node, bytes),
            // These two the driver checks first, and reports by functions of their own.
            Message::Manifest(..) | Message::Block(..) => {}
        }
        self.advance(now);
    }

    /// The segment that a peer speaks of. One that we do not know is a rumour; a set of blocks that is not
    /// one of this segment breaks the protocol.
    fn about(&mut self, now: Instant, slot: Slot, name: &SegmentRef, blocks: &BlockSet) -> Option<Key> {
        let Some(key) = self.segments.find(name) else {
            if self.config.role != Role::Seed {
                self.rumours.hear(now, slot, *name);
            }
            return None;
        };
        let capacity = self.segments.get(key)?.held.capacity();
        if !blocks.fits(capacity) {
            let node = self.peers.get(slot)?.node;
            self.ban(now, node, DropReason::Protocol);
            return None;
        }
        Some(key)
    }

    fn handle_hello(&mut self, now: Instant, slot: Slot, node: NodeId, hello: &Hello) {
        if hello.stream != self.config.stream {
            return self.act(Action::Disconnect(node, DropReason::OtherStream));
        }
        // Only the coordinator's word makes a peer the seed: what it gives is counted as the origin's.
        let is_false_seed = hello.role == Role::Seed && self.seed != Some(node);
        let role = if is_false_seed { Role::Supporter } else { hello.role };
        if let Some(peer) = self.peers.get_mut(slot) {
            peer.introduction = Some(Introduction { role, uplink: hello.uplink });
        }
        self.tell_interests(slot);
        self.send_backlog(slot);
        self.advance(now);
    }

    /// A peer that leaves still gives what it began; then it is let go.
    fn handle_bye(&mut self, slot: Slot) {
        let is_owed = self.expected_from(slot) > 0;
        let Some(peer) = self.peers.get_mut(slot) else { return };
        peer.leaves = true;
        peer.upload.queue.clear();
        if !is_owed {
            let node = peer.node;
            self.act(Action::Disconnect(node, DropReason::Left));
        }
    }

    /// Checking a signature costs the driver time, so that no peer's receipts are passed on more often than
    /// [`Config::RECEIPTS_EVERY`]. Receipts are cumulative: one that is left out is made good by the next.
    fn handle_receipt(&mut self, now: Instant, slot: Slot, node: NodeId, bytes: Bytes) {
        let Some(peer) = self.peers.get_mut(slot).filter(|peer| now >= peer.next_receipt_at) else { return };
        peer.next_receipt_at = now + Config::RECEIPTS_EVERY;
        self.act(Action::Receipt(node, bytes));
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
        let known = self.segments.find(&name);
        let is_news = known.is_none();
        let key = known.or_else(|| {
            let segment = Segment::new(name, manifest, freshness, now, self.config.live_delay);
            self.take_in(now, segment)
        });
        let Some(key) = key else {
            self.rumours.bury(&name);
            return Keep::Discard;
        };
        // Before it is passed on, so that it is not passed back.
        if let (Some(slot), Some(segment)) = (self.peers.find(from), self.segments.get_mut(key)) {
            segment.view_mut(slot).knows = true;
        }
        if is_news {
            self.rumours.forget(&name);
            if freshness == Freshness::Fresh {
                self.announce(key);
            }
            self.elect(Some(key));
        }
        self.advance(now);
        if is_news { Keep::Store } else { Keep::Discard }
    }

    /// A segment of our own, whole: the seed's way in.
    pub fn publish(&mut self, now: Instant, name: SegmentRef, manifest: Arc<Manifest>) -> Keep {
        let blocks = manifest.block_count();
        let mut segment = Segment::new(name, manifest, Freshness::Fresh, now, self.config.live_delay);
        segment.held = BlockSet::full(blocks);
        segment.close(Phase::Complete);
        let Some(key) = self.take_in(now, segment) else { return Keep::Discard };
        self.announce(key);
        self.advance(now);
        Keep::Store
    }

    fn ban(&mut self, now: Instant, node: NodeId, reason: DropReason) {
        self.banned.insert(node, now);
        if self.banned.len() > Config::MAX_BANNED {
            let oldest = self.banned.iter().min_by_key(|(_, at)| **at).map(|(node, _)| *node);
            oldest.and_then(|oldest| self.banned.remove(&oldest));
        }
        self.forget_peer(node);
        self.act(Action::Disconnect(node, reason));
        self.pull(now);
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

    /// The coordinator's newest view: who the seed is, and who takes part in elections. Everybody must be
    /// told the same electors; we are one of them or not.
    pub fn set_view(&mut self, now: Instant, seed: Option<NodeId>, mut electors: Vec<Member>) {
        electors.truncate(Self::MAX_ELECTORS);
        self.seed = seed;
        self.lost.retain(|lost| electors.iter().any(|member| member.node == *lost));
        self.electors = electors;
        self.elect(None);
        self.advance(now);
    }

    /// What may be sent at this moment. Others notice by how long we say that things wait here.
    pub fn set_upload_rate(&mut self, now: Instant, rate: BitsPerSecond) {
        self.pacer.set_rate(rate, now);
        self.upload(now);
        self.send_news(now);
    }

    /// What others may count on: what we say of ourselves to neighbours.
    pub fn set_upload_share(&mut self, share: BitsPerSecond) {
        self.config.uplink = share;
    }

    /// Sends a receipt to the peer that gave us what it is about, if it is still here.
    pub fn send_receipt(&mut self, node: NodeId, bytes: Bytes) {
        let peer = self.peers.find(node).and_then(|slot| self.peers.get(slot));
        if peer.is_some_and(|peer| peer.introduction.is_some()) {
            self.act(Action::Send(node, Message::Receipt(bytes)));
        }
    }

    /// Says good-bye to everybody. The driver then waits a little while [`Swarm::is_uploading`].
    pub fn leave(&mut self) {
        let nodes: Vec<NodeId> = self.peers.iter().map(|(_, peer)| peer.node).collect();
        for node in nodes {
            self.act(Action::Send(node, Message::Bye));
        }
    }

    fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// Lets every rule do what the present moment asks for.
    fn advance(&mut self, now: Instant) {
        self.evict(now);
        self.miss_late(now);
        if self.config.role != Role::Seed {
            let is_hungry = self.segments.sought().next().is_some();
            self.intake.note_hunger(now, is_hungry);
            self.give_up_hopeless(now);
            self.abort_fetches(now);
            self.expire(now);
            self.pull_from_unshunned(now);
            self.fetch_from_origin_side(now);
            self.ask_for_manifests(now);
        }
        self.send_news(now);
        self.upload(now);
        self.play(now);
    }

    /// The next effect to carry out.
    pub fn poll_action(&mut self) -> Option<Action> {
        let action = self.actions.pop_front();
        if let Some(Action::Send(..)) = action {
            self.pacer.spend(MESSAGE_BYTES);
        }
        action
    }

    /// When to call [`Swarm::handle_timeout`] at the latest; `None` while nothing is under way.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        let upload = self.next_upload_at(now);
        let retention = self.config.retention;
        let evict = self.segments.next_deadline().map(|deadline| deadline + retention);
        let wakes = [
            self.next_fetch_at(now),
            self.unshuns_at,
            self.next_telling_at(),
            upload,
            self.next_play_at(now),
            evict,
        ];
        wakes.into_iter().flatten().min()
    }
}
