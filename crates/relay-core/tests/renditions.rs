//! Several renditions of a stream, seen from one node: what is fetched, told and played of which.

#![expect(clippy::unwrap_used, reason = "test support outside #[test] functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use streamr_model::{
    BitsPerSecond, BlockIndex, BlockSet, Manifest, MediaSequence, NodeId, OneOf, RenditionId,
    SegmentContainer, SegmentRef, StreamEpoch, UnixMs,
};
use streamr_relay_core::{
    Action, Config, FetchEnd, Freshness, Hello, Instant, Interest, Keep, Member, Message, QueueTime, Role,
    Supplier, Swarm, Verdict,
};

const BLOCKS: u16 = 32;
const LIVE_DELAY: Duration = Duration::from_secs(6);
const RETENTION: Duration = Duration::from_secs(10);
const SEGMENT: Duration = Duration::from_secs(2);
const ME: NodeId = NodeId([0; 32]);
const PEER: NodeId = NodeId([9; 32]);
const HIGH: RenditionId = RenditionId(0);
const LOW: RenditionId = RenditionId(1);

fn name(rendition: RenditionId, sequence: u8) -> SegmentRef {
    let mut name = [sequence; 32];
    name[0] = rendition.0.to_le_bytes()[0];
    SegmentRef(name)
}

fn manifest(rendition: RenditionId, sequence: u8) -> Arc<Manifest> {
    Arc::new(Manifest {
        stream: "alice".parse().unwrap(),
        epoch: StreamEpoch(1),
        one_of: Some(OneOf { rendition, variants: vec!["BANDWIDTH=2".into(), "BANDWIDTH=1".into()] }),
        sequence: MediaSequence(sequence.into()),
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
        len: u32::from(BLOCKS) * Manifest::MIN_BLOCK_LEN,
        block_len: Manifest::MIN_BLOCK_LEN,
        block_hashes: vec![[0; 32]; usize::from(BLOCKS)],
    })
}

/// A supporter with a peer, both of them electors, beside an origin that gives at once. The peer gives what it is
/// asked for, of segments that it says it holds.
struct Node {
    swarm: Swarm,
    now: Instant,
    fetched: BTreeMap<SegmentRef, BTreeSet<u16>>,
    sent: Vec<Message>,
    played: Vec<SegmentRef>,
    evicted: Vec<(Instant, SegmentRef)>,
}

impl Node {
    fn new(store_limit_bytes: u64) -> Self {
        let uplink = BitsPerSecond(10_000_000);
        let config = Config {
            me: ME,
            role: Role::Supporter,
            stream: "alice".parse().unwrap(),
            uplink,
            live_delay: LIVE_DELAY,
            store_limit_bytes,
            retention: RETENTION,
        };
        let now = Instant::default();
        let mut node = Self {
            swarm: Swarm::new(config, now),
            now,
            fetched: BTreeMap::new(),
            sent: Vec::new(),
            played: Vec::new(),
            evicted: Vec::new(),
        };
        let electors = [ME, PEER].map(|node| Member { node, uplink });
        node.swarm.set_view(now, None, electors.into());
        node.swarm.handle_connected(now, PEER);
        node.hear(Message::Hello(Hello { role: Role::Supporter, stream: "alice".parse().unwrap(), uplink }));
        node
    }

    fn act(&mut self) {
        while let Some(action) = self.swarm.poll_action() {
            match action {
                Action::Fetch(id, name, blocks) => {
                    for index in blocks {
                        self.fetched.entry(name).or_default().insert(index);
                        self.block(Supplier::Origin(id), name, BlockIndex(index));
                    }
                    self.swarm.handle_fetch_ended(self.now, id, FetchEnd::Done);
                }
                Action::Send(PEER, message) => {
                    self.sent.push(message.clone());
                    if let Message::Request(name, blocks) = message {
                        for index in blocks.iter() {
                            self.block(Supplier::Peer(PEER), name, index);
                        }
                    }
                }
                Action::SendBlock(to, ..) => {
                    self.swarm.handle_block_sent(self.now, to, Manifest::MIN_BLOCK_LEN as usize);
                }
                Action::Play(name) => self.played.push(name),
                Action::Evict(name) => self.evicted.push((self.now, name)),
                _ => {}
            }
        }
    }

    fn block(&mut self, from: Supplier, name: SegmentRef, index: BlockIndex) {
        self.swarm.handle_block(self.now, from, name, index, Verdict::Verified);
    }

    fn hear(&mut self, message: Message) {
        self.swarm.handle_message(self.now, PEER, message);
        self.act();
    }

    fn hear_of(&mut self, rendition: RenditionId, sequence: u8) {
        let (name, manifest) = (name(rendition, sequence), manifest(rendition, sequence));
        let keep = self.swarm.handle_manifest(self.now, PEER, Freshness::Fresh, name, manifest);
        assert_eq!(keep, Keep::Store);
        self.act();
    }

    fn peer_has(&mut self, rendition: RenditionId, sequence: u8) {
        self.hear(Message::Have(name(rendition, sequence), BlockSet::full(BLOCKS), QueueTime(0)));
    }

    fn set_interest(&mut self, rendition: RenditionId, interest: Interest) {
        self.swarm.set_interest(self.now, rendition, interest);
        self.act();
    }

    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        while self.now < until {
            let next = self.swarm.poll_timeout(self.now);
            self.now =
                next.filter(|at| *at > self.now).unwrap_or(self.now + Duration::from_millis(1)).min(until);
            self.swarm.handle_timeout(self.now);
            self.act();
        }
    }

    fn sent(&self, is_meant: impl Fn(&Message) -> bool) -> usize {
        self.sent.iter().filter(|message| is_meant(message)).count()
    }
}

fn roomy() -> Node {
    Node::new(64 << 20)
}

#[test]
fn of_a_rendition_that_nobody_plays_a_node_fetches_its_own_stripes_and_no_more() {
    let mut node = roomy();
    node.set_interest(LOW, Interest::OwnStripes);
    node.hear_of(HIGH, 1);
    node.hear_of(LOW, 1);
    node.pass(LIVE_DELAY / 8);
    let own = node.fetched[&name(LOW, 1)].len();
    assert!((1..usize::from(BLOCKS)).contains(&own), "both electors have stripes: {own} blocks");
    node.pass(LIVE_DELAY);
    assert_eq!(node.fetched[&name(LOW, 1)].len(), own, "nobody else's though nobody fetched them");
    assert_eq!(node.fetched[&name(HIGH, 1)].len(), usize::from(BLOCKS), "of what is played, all");
    assert_eq!(node.swarm.counters().segments_missed, 0, "what nobody plays is not missed");
    assert_eq!(node.played, [name(HIGH, 1)]);
}

#[test]
fn of_a_rendition_that_nobody_plays_nothing_is_taken_from_peers() {
    let mut node = roomy();
    node.set_interest(LOW, Interest::OwnStripes);
    node.hear_of(LOW, 1);
    node.peer_has(LOW, 1);
    node.hear(Message::Offer(name(LOW, 1), BlockSet::full(BLOCKS)));
    node.pass(LIVE_DELAY);
    assert_eq!(node.sent(|message| matches!(message, Message::Request(..))), 0);
    let declined =
        |message: &Message| matches!(message, Message::Cancel(_, blocks) if blocks.count() == BLOCKS);
    assert_eq!(node.sent(declined), 1, "the peer need not send what it promised");
    assert_eq!(node.swarm.counters().bytes_peers, 0);
}

#[test]
fn whoever_begins_to_play_a_rendition_gets_what_is_young_and_begins_with_it() {
    let mut node = roomy();
    node.set_interest(LOW, Interest::OwnStripes);
    for sequence in 1..=5 {
        node.hear_of(LOW, sequence);
        node.pass(SEGMENT);
    }
    assert_eq!(node.played, []);
    let told = |interest| move |message: &Message| *message == Message::Interest(LOW, interest);
    assert_eq!(node.sent(told(Interest::OwnStripes)), 1);
    node.set_interest(LOW, Interest::Whole);
    assert_eq!(node.sent(told(Interest::Whole)), 1);
    // Two and four seconds old: the older one would be late.
    (4..=5).for_each(|sequence| node.peer_has(LOW, sequence));
    assert_eq!(node.played, [name(LOW, 5)]);
    for sequence in 6..=8 {
        node.hear_of(LOW, sequence);
        node.peer_has(LOW, sequence);
        node.pass(SEGMENT);
    }
    assert_eq!(node.played, [5, 6, 7, 8].map(|sequence| name(LOW, sequence)));
    assert_eq!(node.swarm.counters().segments_missed, 0);
}

#[test]
fn whoever_plays_a_rendition_no_more_takes_back_what_it_asked_for() {
    let mut node = roomy();
    node.hear_of(LOW, 1);
    let all = BlockSet::full(BLOCKS);
    // The peer promises what it then does not send.
    node.hear(Message::Offer(name(LOW, 1), all));
    let before = node.sent.len();
    node.set_interest(LOW, Interest::OwnStripes);
    let [Message::Interest(LOW, Interest::OwnStripes), Message::Cancel(about, blocks)] = &node.sent[before..]
    else {
        unreachable!("{:?}", &node.sent[before..])
    };
    assert!(*about == name(LOW, 1) && !blocks.is_empty());
    node.set_interest(LOW, Interest::OwnStripes);
    assert_eq!(node.sent.len(), before + 2, "said once");
}

#[test]
fn a_peer_that_does_not_play_a_rendition_is_promised_nothing_and_told_that_there_is_a_segment() {
    let mut node = roomy();
    node.hear(Message::Interest(LOW, Interest::OwnStripes));
    let (low, high) = (name(LOW, 1), name(HIGH, 1));
    // Heard of from a seed's or anybody's manifest: the peer may not know it.
    let stranger = NodeId([7; 32]);
    for (rendition, name) in [(LOW, low), (HIGH, high)] {
        node.swarm.handle_manifest(node.now, stranger, Freshness::Backlog, name, manifest(rendition, 1));
        node.act();
    }
    node.pass(LIVE_DELAY * 3 / 4);
    assert_eq!(node.sent(|message| matches!(message, Message::Offer(about, _) if *about == low)), 0);
    assert_ne!(node.sent(|message| matches!(message, Message::Offer(about, _) if *about == high)), 0);
    let haves =
        |node: &Node| node.sent(|message| matches!(message, Message::Have(about, ..) if *about == low));
    assert_eq!(haves(&node), 1);
    node.hear(Message::Interest(LOW, Interest::Whole));
    node.pass(Duration::from_millis(100));
    assert_eq!(haves(&node), 2, "whoever begins to play is told what there is");
}

#[test]
fn a_newcomer_is_told_what_is_not_played_here() {
    let mut node = roomy();
    node.set_interest(LOW, Interest::OwnStripes);
    node.swarm.handle_disconnected(node.now, PEER);
    node.swarm.handle_connected(node.now, PEER);
    node.act();
    node.sent.clear();
    let (stream, uplink) = ("alice".parse().unwrap(), BitsPerSecond(1));
    node.hear(Message::Hello(Hello { role: Role::Supporter, stream, uplink }));
    assert_eq!(node.sent, [Message::Interest(LOW, Interest::OwnStripes)]);
}

#[test]
fn each_rendition_is_evicted_by_its_own_age_however_far_it_has_counted() {
    let mut node = roomy();
    for step in 0..20_u8 {
        // The low rendition began later, or was out for a while: its numbers are far behind.
        node.hear_of(HIGH, 100 + step);
        node.hear_of(LOW, 1 + step);
        node.pass(SEGMENT);
    }
    for (rendition, first) in [(HIGH, 100), (LOW, 1)] {
        for step in 0..10_u8 {
            let due = Instant::default() + SEGMENT * u32::from(step) + LIVE_DELAY + RETENTION;
            let gone = node.evicted.iter().find(|(_, gone)| *gone == name(rendition, first + step));
            assert_eq!(gone.map(|(at, _)| *at), Some(due), "{rendition:?} {step}");
        }
    }
    assert_eq!(node.played.len(), 40);
}

#[test]
fn where_memory_is_short_the_oldest_goes_whatever_its_rendition() {
    let segment = u64::from(BLOCKS) * u64::from(Manifest::MIN_BLOCK_LEN);
    let mut node = Node::new(4 * segment);
    for step in 0..5_u8 {
        node.hear_of(HIGH, 100 + step);
        node.hear_of(LOW, 1 + step);
        node.pass(Duration::from_millis(100));
    }
    let gone: Vec<SegmentRef> = node.evicted.iter().map(|(_, name)| *name).collect();
    let expected: Vec<SegmentRef> =
        (0..3).flat_map(|step| [name(HIGH, 100 + step), name(LOW, 1 + step)]).collect();
    assert_eq!(gone, expected);
}
