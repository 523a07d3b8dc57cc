//! Rules of the swarm that a whole swarm would show only by and by, seen from one node.

#![expect(clippy::unwrap_used, reason = "test support outside #[test] functions")]

use std::sync::Arc;
use std::time::Duration;

use streamr_model::{
    BitsPerSecond, BlockIndex, BlockSet, Manifest, MediaSequence, NodeId, SegmentContainer, SegmentRef,
    StreamEpoch, UnixMs,
};
use streamr_relay_core::{
    Action, Config, FetchEnd, Freshness, Hello, Instant, Keep, Message, QueueTime, Role, Supplier, Swarm,
    Verdict,
};

const BLOCKS: u16 = 32;
const LIVE_DELAY: Duration = Duration::from_secs(6);
const PEER: NodeId = NodeId([9; 32]);

fn name(sequence: u8) -> SegmentRef {
    SegmentRef([sequence; 32])
}

fn manifest(sequence: u8) -> Arc<Manifest> {
    Arc::new(Manifest {
        stream: "alice".parse().unwrap(),
        epoch: StreamEpoch(1),
        one_of: None,
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

/// A supporter with one peer, and what it did when.
struct Node {
    swarm: Swarm,
    now: Instant,
    actions: Vec<(Instant, Action)>,
}

impl Node {
    fn new() -> Self {
        let config = Config {
            me: NodeId([0; 32]),
            role: Role::Supporter,
            stream: "alice".parse().unwrap(),
            uplink: BitsPerSecond(10_000_000),
            live_delay: LIVE_DELAY,
            store_limit_bytes: 64 << 20,
            retention: Duration::from_secs(20),
        };
        let now = Instant::default();
        let mut node = Self { swarm: Swarm::new(config, now), now, actions: Vec::new() };
        node.swarm.handle_connected(now, PEER);
        let (stream, uplink) = ("alice".parse().unwrap(), BitsPerSecond(10_000_000));
        node.hear(Message::Hello(Hello { role: Role::Supporter, stream, uplink }));
        node
    }

    fn note_actions(&mut self) {
        let now = self.now;
        self.actions.extend(std::iter::from_fn(|| self.swarm.poll_action()).map(|action| (now, action)));
    }

    fn hear(&mut self, message: Message) {
        self.swarm.handle_message(self.now, PEER, message);
        self.note_actions();
    }

    fn take_in(&mut self, freshness: Freshness, sequence: u8) -> Keep {
        let keep = self.swarm.handle_manifest(self.now, PEER, freshness, name(sequence), manifest(sequence));
        self.note_actions();
        keep
    }

    /// Lets time pass, and calls `on_new` with what is done meanwhile.
    fn pass(&mut self, span: Duration, mut on_new: impl FnMut(&mut Self, Action)) {
        let until = self.now + span;
        while self.now < until {
            let next = self.swarm.poll_timeout(self.now);
            self.now =
                next.filter(|at| *at > self.now).unwrap_or(self.now + Duration::from_millis(1)).min(until);
            self.swarm.handle_timeout(self.now);
            let seen = self.actions.len();
            self.note_actions();
            for at in seen..self.actions.len() {
                let action = self.actions[at].1.clone();
                on_new(self, action);
            }
        }
    }

    fn requests(&self) -> usize {
        let is_request =
            |(_, action): &&(Instant, Action)| matches!(action, Action::Send(_, Message::Request(..)));
        self.actions.iter().filter(is_request).count()
    }
}

#[test]
fn a_segment_that_nobody_can_give_in_time_is_given_up_before_it_is_due() {
    let mut node = Node::new();
    node.take_in(Freshness::Fresh, 1);
    // The origin turns out to be slow: a fetch of one block is under way for seconds.
    let mut fetches = Vec::new();
    node.pass(LIVE_DELAY, |_, action| {
        if let Action::Fetch(id, name, blocks) = action {
            fetches.push((id, name, blocks));
        }
    });
    let (id, slow, blocks) = fetches.first().cloned().unwrap();
    let from = Supplier::Origin(id);
    node.swarm.handle_block(node.now, from, slow, BlockIndex(blocks.start), Verdict::Verified);
    node.swarm.handle_fetch_ended(node.now, id, FetchEnd::Done);
    let missed = node.swarm.counters().segments_missed;

    node.take_in(Freshness::Fresh, 2);
    node.hear(Message::Have(name(2), BlockSet::full(BLOCKS), QueueTime(0)));
    node.pass(LIVE_DELAY * 3 / 4, |_, _| {});
    assert_eq!(node.swarm.counters().segments_missed, missed + 1);
    let told = |(_, action): &(Instant, Action)| matches!(action, Action::Send(PEER, Message::Cancel(about, _)) if *about == name(2));
    assert!(node.actions.iter().any(told), "the peer need not send what it was asked for");
}

#[test]
fn a_peer_that_refuses_is_asked_less_and_less_until_it_says_that_it_has_room() {
    let mut node = Node::new();
    node.take_in(Freshness::Fresh, 1);
    let busy = QueueTime::from(Duration::from_millis(200));
    node.hear(Message::Have(name(1), BlockSet::full(BLOCKS), QueueTime(0)));
    let refuse = |node: &mut Node, action| {
        if let Action::Send(PEER, Message::Request(name, blocks)) = action {
            node.hear(Message::Refuse(name, blocks, busy));
        }
    };
    let first = node.actions.last().cloned().unwrap().1;
    refuse(&mut node, first);
    // Not so long that the origin is asked instead.
    node.pass(LIVE_DELAY * 2 / 5, refuse);
    let asked = node.requests();
    assert!((3..=8).contains(&asked), "{asked}");

    node.hear(Message::Have(name(1), BlockSet::full(BLOCKS), QueueTime(0)));
    assert_eq!(node.requests(), asked + 1);
}

#[test]
fn a_block_that_was_asked_for_in_vain_is_missed_and_one_that_was_refused_is_not() {
    let mut node = Node::new();
    node.take_in(Freshness::Fresh, 1);
    node.hear(Message::Have(name(1), BlockSet::full(BLOCKS), QueueTime(0)));
    let (_, first) = node.actions.last().cloned().unwrap();
    let Action::Send(PEER, Message::Request(segment, asked)) = first else { panic!("{first:?}") };
    let missed =
        |node: &Node| node.swarm.peer_counters().map(|(_, counters)| counters.blocks_missed).sum::<u32>();
    let mut blocks = asked.iter();
    let (given, refused) = (blocks.next().unwrap(), blocks.next().unwrap());
    node.swarm.handle_block(node.now, Supplier::Peer(PEER), segment, given, Verdict::Verified);
    let mut refusal = BlockSet::empty(BLOCKS);
    refusal.insert(refused);
    node.hear(Message::Refuse(segment, refusal, QueueTime::from(Duration::from_millis(200))));
    assert_eq!(missed(&node), 0);
    // Longer than it is waited for, and no longer than until it is asked again.
    node.pass(LIVE_DELAY / 4, |_, _| {});
    let expected = u32::from(asked.count()) - 2;
    assert!(expected > 0 && missed(&node) >= expected, "{} of {expected}", missed(&node));
    let counters = node.swarm.peer_counters().next().unwrap().1;
    assert_eq!((counters.blocks_received, counters.blocks_bad), (1, 0));
}

#[test]
fn a_peer_that_floods_with_receipts_is_heard_once_a_second() {
    let mut node = Node::new();
    for sequence in 0..50_u8 {
        node.hear(Message::Receipt(vec![sequence].into()));
        node.now = node.now + Duration::from_millis(50);
    }
    let heard: Vec<Action> = node.actions.iter().map(|(_, action)| action.clone()).collect();
    let receipt = |sequence: u8| Action::Receipt(PEER, vec![sequence].into());
    let heard: Vec<&Action> = heard.iter().filter(|action| matches!(action, Action::Receipt(..))).collect();
    assert_eq!(heard, [&receipt(0), &receipt(20), &receipt(40)]);
}

#[test]
fn a_receipt_goes_only_to_a_peer_that_has_introduced_itself() {
    let mut node = Node::new();
    let stranger = NodeId([8; 32]);
    node.swarm.handle_connected(node.now, stranger);
    node.note_actions();
    let before = node.actions.len();
    node.swarm.send_receipt(stranger, vec![1].into());
    node.swarm.send_receipt(NodeId([7; 32]), vec![1].into());
    node.swarm.send_receipt(PEER, vec![1].into());
    node.note_actions();
    let sent: Vec<&Action> = node.actions[before..].iter().map(|(_, action)| action).collect();
    assert_eq!(sent, [&Action::Send(PEER, Message::Receipt(vec![1].into()))]);
}

#[test]
fn whoever_comes_takes_in_the_newest_segments_and_lets_go_of_what_is_over() {
    let mut node = Node::new();
    // Four segments of two seconds are live in six seconds, one of them on its way; half of them are enough to begin.
    assert_eq!(node.take_in(Freshness::Backlog, 9), Keep::Store, "nothing newer is known yet");
    for (sequence, keep) in [(13, Keep::Store), (12, Keep::Store), (11, Keep::Discard)] {
        assert_eq!(node.take_in(Freshness::Backlog, sequence), keep, "{sequence}");
    }
    for (sequence, keep) in [(10, Keep::Store), (8, Keep::Discard), (14, Keep::Store)] {
        assert_eq!(node.take_in(Freshness::Fresh, sequence), keep, "{sequence}");
    }
    for (sequence, requests) in [(9, 0), (10, 0), (12, 1)] {
        node.hear(Message::Have(name(sequence), BlockSet::full(BLOCKS), QueueTime(0)));
        assert_eq!(node.requests(), requests, "{sequence}");
    }
    assert_eq!(node.swarm.counters().segments_missed, 0);
}
