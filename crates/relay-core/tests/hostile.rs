//! Whatever peers and drivers do, in whatever order: no panic, no spinning, nothing unverified kept or
//! given, nothing without bound.

#![expect(clippy::unwrap_used, clippy::panic, reason = "test support outside #[test] functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use streamr_model::{
    BitsPerSecond, BlockIndex, BlockSet, Manifest, MediaSequence, NodeId, RenditionId, SegmentContainer,
    SegmentRef, StreamEpoch, UnixMs,
};
use streamr_relay_core::{
    Action, Config, FetchEnd, FetchId, Freshness, Hello, Instant, Interest, Keep, Member, Message, QueueTime,
    Role, Supplier, Swarm, Verdict,
};

const BLOCKS: u16 = 9;
const PEERS: u8 = 5;

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Connect(u8),
    Disconnect(u8),
    Message(u8, Message),
    Manifest(u8, bool, u8),
    Block(u8, u8, u16, bool),
    Fetched(u64, u8, u16, bool),
    FetchEnded(u64, FetchEnd),
    Sent(u8, usize),
    View(Option<u8>, Vec<u8>),
    Interest(Interest),
    Timeout,
}

fn node(n: u8) -> NodeId {
    NodeId([n; 32])
}

fn name(n: u8) -> SegmentRef {
    SegmentRef([n; 32])
}

fn manifest(n: u8) -> Arc<Manifest> {
    Arc::new(Manifest {
        stream: "alice".parse().unwrap(),
        epoch: StreamEpoch(u64::from(n / 4)),
        one_of: None,
        sequence: MediaSequence(u64::from(n % 4)),
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
        len: u32::from(BLOCKS) * Manifest::MIN_BLOCK_LEN - 5,
        block_len: Manifest::MIN_BLOCK_LEN,
        block_hashes: vec![[0; 32]; usize::from(BLOCKS)],
    })
}

fn any_set() -> impl Strategy<Value = BlockSet> {
    let len = prop_oneof![9 => Just(BLOCKS), 1 => 1_u16..200];
    (len, proptest::collection::vec(0_u16..200, 0..12)).prop_map(|(len, blocks)| {
        let mut set = BlockSet::empty(len);
        blocks.into_iter().for_each(|index| {
            set.insert(BlockIndex(index));
        });
        set
    })
}

fn any_message() -> impl Strategy<Value = Message> {
    let about = || ((0_u8..8).prop_map(name), any_set());
    let role = prop_oneof![Just(Role::Seed), Just(Role::Supporter), Just(Role::Viewer)];
    let stream = prop_oneof![9 => Just("alice"), 1 => Just("bob")];
    let hello = (role, stream, any::<u64>()).prop_map(|(role, stream, uplink)| {
        Message::Hello(Hello { role, stream: stream.parse().unwrap(), uplink: BitsPerSecond(uplink) })
    });
    prop_oneof![
        3 => hello,
        4 => about().prop_map(|(s, b)| Message::Have(s, b, QueueTime(7))),
        4 => about().prop_map(|(s, b)| Message::Offer(s, b)),
        4 => about().prop_map(|(s, b)| Message::Request(s, b)),
        2 => about().prop_map(|(s, b)| Message::Cancel(s, b)),
        2 => about().prop_map(|(s, b)| Message::Refuse(s, b, QueueTime(u16::MAX))),
        2 => (0_u8..8).prop_map(|s| Message::Want(name(s))),
        2 => (any::<u16>(), any_interest()).prop_map(|(r, interest)| Message::Interest(RenditionId(r % 12), interest)),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Message::Receipt(bytes.into())),
        1 => Just(Message::Bye),
    ]
}

fn any_interest() -> impl Strategy<Value = Interest> {
    prop_oneof![Just(Interest::Whole), Just(Interest::OwnStripes)]
}

fn any_step() -> impl Strategy<Value = Step> {
    let peer = || 1..=PEERS;
    let end = prop_oneof![
        Just(FetchEnd::Done),
        Just(FetchEnd::RangeIgnored),
        Just(FetchEnd::Gone),
        Just(FetchEnd::Failed)
    ];
    prop_oneof![
        3 => (0_u64..3_000_000).prop_map(Step::Wait),
        4 => peer().prop_map(Step::Connect),
        1 => peer().prop_map(Step::Disconnect),
        12 => (peer(), any_message()).prop_map(|(p, m)| Step::Message(p, m)),
        4 => (peer(), any::<bool>(), 0_u8..8).prop_map(|(p, f, s)| Step::Manifest(p, f, s)),
        6 => (peer(), 0_u8..8, 0_u16..12, prop::bool::weighted(0.95)).prop_map(|(p, s, i, g)| Step::Block(p, s, i, g)),
        3 => (0_u64..6, 0_u8..8, 0_u16..12, any::<bool>()).prop_map(|(f, s, i, g)| Step::Fetched(f, s, i, g)),
        2 => (0_u64..6, end).prop_map(|(f, e)| Step::FetchEnded(f, e)),
        2 => (peer(), 0_usize..40_000).prop_map(|(p, b)| Step::Sent(p, b)),
        1 => (proptest::option::of(peer()), proptest::collection::vec(peer(), 0..6)).prop_map(|(s, v)| Step::View(s, v)),
        2 => any_interest().prop_map(Step::Interest),
        2 => Just(Step::Timeout),
    ]
}

/// What a careful observer knows of the swarm under test.
#[derive(Default)]
struct Observer {
    kept: BTreeMap<SegmentRef, BTreeSet<u16>>,
    connected: BTreeSet<NodeId>,
    fetches: BTreeSet<FetchId>,
    played: Vec<SegmentRef>,
}

impl Observer {
    fn kept(&mut self, name: SegmentRef, index: u16, good: bool, keep: Keep) {
        if keep == Keep::Store {
            assert!(good, "a bad block was kept");
            assert!(index < BLOCKS, "a block beyond the segment was kept");
            assert!(self.kept.entry(name).or_default().insert(index), "a block was kept twice");
        }
    }

    fn actions(&mut self, swarm: &mut Swarm) {
        let mut count = 0;
        while let Some(action) = swarm.poll_action() {
            count += 1;
            assert!(count < 2_000, "one event led to actions without end");
            match action {
                Action::SendBlock(to, name, index) => {
                    assert!(self.connected.contains(&to), "a block for somebody who is not there");
                    assert!(
                        self.kept.get(&name).is_some_and(|kept| kept.contains(&index.0)),
                        "a block we have not got"
                    );
                }
                Action::Fetch(id, _, blocks) => {
                    assert!(!blocks.is_empty() && blocks.end <= BLOCKS);
                    assert!(self.fetches.insert(id), "a fetch's id was used twice");
                }
                Action::Complete(name) | Action::Play(name)
                    if self.kept[&name].len() < usize::from(BLOCKS) =>
                {
                    panic!("a segment with holes is called whole");
                }
                Action::Play(name) => {
                    assert!(self.played.last().is_none_or(|last| *last < name), "played out of order");
                    self.played.push(name);
                }
                Action::Evict(name) => {
                    self.kept.remove(&name);
                }
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn nothing_a_peer_does_breaks_a_promise(steps in proptest::collection::vec(any_step(), 1..120)) {
        let mut now = Instant::default();
        let config = Config {
            me: node(0),
            role: Role::Supporter,
            stream: "alice".parse().unwrap(),
            uplink: BitsPerSecond(10_000_000),
            live_delay: Duration::from_secs(6),
            store_limit_bytes: 4 * u64::from(BLOCKS) * u64::from(Manifest::MIN_BLOCK_LEN),
            retention: Duration::from_secs(10),
        };
        let mut swarm = Swarm::new(config, now);
        let mut seen = Observer::default();
        for step in steps {
            match step {
                Step::Wait(us) => now = now + Duration::from_micros(us),
                Step::Connect(n) => {
                    if seen.connected.insert(node(n)) {
                        swarm.handle_connected(now, node(n));
                    }
                }
                Step::Disconnect(n) => {
                    seen.connected.remove(&node(n));
                    swarm.handle_disconnected(now, node(n));
                }
                Step::Message(n, message) => swarm.handle_message(now, node(n), message),
                Step::Manifest(n, fresh, segment) => {
                    let freshness = if fresh { Freshness::Fresh } else { Freshness::Backlog };
                    swarm.handle_manifest(now, node(n), freshness, name(segment), manifest(segment));
                }
                Step::Block(n, segment, index, good) => {
                    let good = good && index < BLOCKS;
                    let verdict = if good { Verdict::Verified } else { Verdict::Bad };
                    let from = Supplier::Peer(node(n));
                    let keep = swarm.handle_block(now, from, name(segment), BlockIndex(index), verdict);
                    seen.kept(name(segment), index, good, keep);
                }
                Step::Fetched(id, segment, index, good) => {
                    let good = good && index < BLOCKS;
                    let verdict = if good { Verdict::Verified } else { Verdict::Bad };
                    let from = Supplier::Origin(FetchId(id));
                    let keep = swarm.handle_block(now, from, name(segment), BlockIndex(index), verdict);
                    seen.kept(name(segment), index, good, keep);
                }
                Step::FetchEnded(id, end) => swarm.handle_fetch_ended(now, FetchId(id), end),
                Step::Sent(n, bytes) => swarm.handle_block_sent(now, node(n), bytes),
                Step::View(seed, view) => {
                    let member = |n| Member { node: node(n), uplink: BitsPerSecond(u64::from(n)) };
                    swarm.set_view(now, seed.map(node), view.into_iter().map(member).collect());
                }
                Step::Interest(interest) => swarm.set_interest(now, RenditionId(0), interest),
                Step::Timeout => {
                    swarm.handle_timeout(now);
                    seen.actions(&mut swarm);
                    let next = swarm.poll_timeout(now);
                    prop_assert!(next.is_none_or(|at| at > now), "it would spin: {:?} at {:?}", next, now);
                }
            }
            seen.actions(&mut swarm);
            prop_assert!(seen.kept.len() <= 8);
        }
    }
}
