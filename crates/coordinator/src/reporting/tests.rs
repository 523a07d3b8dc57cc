use std::time::Duration;

use proptest::prelude::*;
use streamr_coordinator_api::ErrorCode;
use streamr_model::{BitsPerSecond, MicroUnits};

use super::intake::take_together;
use super::*;
use crate::secret::SecretHash;
use crate::testing::{Node, Running, START};

const STREAMS: [&str; 2] = ["alice", "bob"];

/// What a coordinator would have stored, and what it does with reports: in a few lines, without storage.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    sessions: BTreeMap<NodeId, Session>,
    begun: BTreeSet<(NodeId, u64)>,
    uptimes: BTreeMap<UptimeKey, Uptime>,
}

impl Model {
    /// They were live for half of the time until `now`.
    fn streams(now: UnixMs) -> BTreeMap<StreamId, Known> {
        let known = |id: &str| {
            let stream = Stream {
                stream: id.parse().unwrap(),
                title: id.into(),
                streamer: id.into(),
                origin: "http://127.0.0.1/a.m3u8".parse().unwrap(),
                key: None,
                pool_per_hour: Some(MicroUnits(1)),
                currency: None,
                secret: SecretHash::of(id),
                membership_version: 1,
            };
            let live = Live {
                is_live: true,
                seed: NodeId([9; 32]),
                addresses: vec![],
                live_since: UnixMs(0),
                bitrate_bps: BitsPerSecond(0),
                last_at: UnixMs(u64::MAX),
                live_total_ms: now.0 / 2,
            };
            (stream.stream.clone(), Known { stream, live: Some(live) })
        };
        STREAMS.into_iter().map(known).collect()
    }

    fn take(&mut self, reports: &[Report], now: UnixMs) -> Vec<Result<Taken, Refusal>> {
        let mut roll = Roll::new((0..4).map(node).collect(), Self::streams(now));
        let beginning = roll.beginning(reports);
        roll.note_fresh(beginning.difference(&self.begun).copied().collect());
        self.begun.extend(beginning);
        roll.note_sessions(self.sessions.clone());
        let after = crate::presence::member_after(now);
        for named in reports.iter().map(|report| &report.heartbeat.stream) {
            if roll.known(named).is_some() {
                roll.note_lapses(named, UnixMs(0), after);
                let lapsed = |session: &&mut Session| session.stream == *named && session.last_at <= after;
                self.sessions.values_mut().filter(lapsed).for_each(|session| session.shown = None);
            }
        }
        let taken = reports.iter().map(|report| roll.take(report, now)).collect();
        for moved in &roll.outcome().moved {
            self.sessions.insert(*moved, roll.session(moved).unwrap().clone());
        }
        for (key, gained) in &roll.outcome().uptimes {
            self.uptimes.entry(key.clone()).or_default().add(*gained);
        }
        taken
    }
}

fn node(n: u8) -> NodeId {
    NodeId([n; 32])
}

/// What a node, or somebody who pretends to be it, does next.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Next(NodeActivity),
    Repeat,
    RepeatAsGoodBye,
    SkipNumber,
    WrongNonce,
    Begin { stream: usize },
    BeginAgain { session: u64 },
    OtherStream,
}

fn deeds() -> impl Strategy<Value = Deed> {
    let activity = prop_oneof![
        6 => Just(NodeActivity::Supporting),
        2 => Just(NodeActivity::Paused),
        1 => Just(NodeActivity::Leaving),
    ];
    prop_oneof![
        8 => activity.prop_map(Deed::Next),
        2 => Just(Deed::Repeat),
        1 => Just(Deed::RepeatAsGoodBye),
        1 => Just(Deed::SkipNumber),
        1 => Just(Deed::WrongNonce),
        3 => (0..=STREAMS.len()).prop_map(|stream| Deed::Begin { stream }),
        2 => (0_u64..4).prop_map(|session| Deed::BeginAgain { session }),
        1 => Just(Deed::OtherStream),
    ]
}

/// A heartbeat that `deed` makes after `last`; sessions are counted from 0.
fn heartbeat(deed: Deed, last: &Heartbeat, given: &str, newest_session: &mut u64) -> Heartbeat {
    let next = Heartbeat { number: last.number + 1, nonce: given.to_owned(), ..last.clone() };
    let first = |session, stream: &str| Heartbeat {
        session,
        number: 1,
        nonce: String::new(),
        stream: stream.parse().unwrap(),
        activity: NodeActivity::Supporting,
        ..last.clone()
    };
    match deed {
        Deed::Next(activity) => Heartbeat { activity, ..next },
        Deed::Repeat => last.clone(),
        Deed::RepeatAsGoodBye => Heartbeat { activity: NodeActivity::Leaving, ..last.clone() },
        Deed::SkipNumber => Heartbeat { number: next.number + 1, ..next },
        Deed::WrongNonce => Heartbeat { nonce: "guess".into(), ..next },
        Deed::Begin { stream } => {
            *newest_session += 1;
            first(*newest_session, ["alice", "bob", "nobody"][stream])
        }
        Deed::BeginAgain { session } => first(session, "alice"),
        Deed::OtherStream => Heartbeat { stream: "bob".parse().unwrap(), ..next },
    }
}

fn report(n: u8) -> Heartbeat {
    Heartbeat {
        node: node(n),
        stream: "alice".parse().unwrap(),
        session: 0,
        number: 0,
        nonce: String::new(),
        activity: NodeActivity::Supporting,
        uplink_bps: BitsPerSecond(1_000_000 * u64::from(n + 1)),
        addresses: vec![format!("/ip4/127.0.0.1/tcp/{n}")],
        peers: 0,
        bytes_origin: 0,
    }
}

proptest! {
    /// Nodes 0 to 3 are enrolled, 4 is a stranger.
    #[test]
    fn those_who_report_together_are_taken_as_if_each_came_alone(
        rounds in proptest::collection::vec(
            (prop_oneof![Just(0_u64), Just(30_000), Just(74_999), Just(75_000), 1_u64..200_000],
             proptest::collection::vec((0_u8..=4, deeds()), 0..12)),
            1..8,
        ),
    ) {
        let (mut alone, mut together) = (Model::default(), Model::default());
        let mut lasts: Vec<(Heartbeat, String)> = (0..=4).map(|n| (report(n), String::new())).collect();
        let mut newest_session = 0;
        let (mut now, mut nonces) = (UnixMs(3_590_000), 0);
        for (wait_ms, deeds) in rounds {
            now = UnixMs(now.0 + wait_ms);
            let (mut reports, mut singly) = (Vec::new(), Vec::new());
            for (n, deed) in deeds {
                let (last, given) = &mut lasts[usize::from(n)];
                nonces += 1;
                let heartbeat = heartbeat(deed, last, given, &mut newest_session);
                let report = Report { heartbeat, nonce: format!("nonce {nonces}"), network: None };
                let taken = alone.take(std::slice::from_ref(&report), now).remove(0);
                if let Ok(taken) = &taken {
                    *last = report.heartbeat.clone();
                    given.clone_from(&taken.nonce);
                }
                singly.push(taken);
                reports.push(report);
            }
            prop_assert_eq!(&together.take(&reports, now), &singly, "{:?}", reports);
            prop_assert_eq!(&together, &alone);
        }
    }
}

#[test]
fn from_where_a_node_is_heard_is_noted_in_every_window_of_a_session() {
    let from = Some(Network([7; 16]));
    let mut known = BTreeMap::new();
    let mut noted = Vec::new();
    // The last heartbeat of a window, and the first of the next, which another hour begins with.
    for (number, at_ms) in [(1, Hour::MS - 40_000), (2, Hour::MS - 10_000), (3, Hour::MS + 20_000)] {
        let now = UnixMs(at_ms);
        let nonce = if number == 1 { String::new() } else { (number - 1).to_string() };
        let heartbeat = Heartbeat { number, nonce, ..report(1) };
        let report = Report { heartbeat, nonce: number.to_string(), network: from };
        let mut roll = Roll::new([node(1)].into(), Model::streams(now));
        roll.note_fresh(roll.beginning([&report]));
        roll.note_sessions(known.clone());
        roll.take(&report, now).unwrap();
        noted.push(roll.outcome().networks.len());
        known.insert(node(1), roll.session(&node(1)).unwrap().clone());
    }
    assert_eq!(noted, [1, 0, 1]);
}

fn numbered(node: &Node, nonce: &str) -> Report {
    Report { heartbeat: node.heartbeat.clone(), nonce: nonce.to_owned(), network: None }
}

fn codes<T>(answers: Vec<Result<T, crate::problem::Refused>>) -> Vec<Option<ErrorCode>> {
    answers.into_iter().map(|answer| answer.err().map(|refused| refused.code())).collect()
}

/// “alice”, live, with so many nodes that have been heard of once.
async fn swarm(count: u8) -> (Running, Vec<Node>) {
    let coordinator = Running::start().await;
    let secret = coordinator.register("alice").await;
    coordinator.put_live("alice", &secret).await;
    let mut nodes = Vec::new();
    for n in 1..=count {
        let mut node = Node::enrolled(&coordinator, n).await;
        node.beat(&coordinator).await;
        nodes.push(node);
    }
    (coordinator, nodes)
}

#[tokio::test]
async fn a_bad_heartbeat_spoils_none_that_came_with_it() {
    let (coordinator, mut nodes) = swarm(6).await;
    coordinator.clock.advance_s(30);
    let stranger = Node::new(99);
    nodes[1].heartbeat.number += 1;
    nodes[2].heartbeat.stream = "nobody".parse().unwrap();
    nodes[3].heartbeat.nonce = "0".repeat(32);
    let mut reports: Vec<Report> =
        nodes.iter().enumerate().map(|(n, node)| numbered(node, &format!("given {n}"))).collect();
    reports.insert(3, numbered(&stranger, "given to nobody"));
    let answers = take_together(coordinator.app(), &reports, UnixMs(START + 30_000)).await;
    let out_of_order = Some(ErrorCode::HeartbeatOutOfOrder);
    let (unknown, stranger) = (Some(ErrorCode::StreamUnknown), Some(ErrorCode::NodeUnknown));
    assert_eq!(codes(answers), [None, out_of_order, unknown, stranger, out_of_order, None, None]);
    for (n, supported_s) in [(0, 30), (1, 0), (2, 0), (3, 0), (4, 30), (5, 30)] {
        assert_eq!(nodes[n].impact(&coordinator).await.supporting_s, supported_s, "node {n}");
    }
}

#[tokio::test]
async fn two_heartbeats_of_a_node_that_come_together_are_taken_in_order() {
    let (coordinator, mut nodes) = swarm(2).await;
    coordinator.clock.advance_s(30);
    let second = numbered(&nodes[0], "given second");
    nodes[0].heartbeat.number += 1;
    nodes[0].heartbeat.nonce = "given second".into();
    let third = numbered(&nodes[0], "given third");
    let again = Report { nonce: "given to nobody".into(), ..third.clone() };
    let reports = [numbered(&nodes[1], "given other"), second, third, again];
    let now = UnixMs(START + 30_000);
    let answers: Vec<_> = take_together(coordinator.app(), &reports, now)
        .await
        .into_iter()
        .map(|answer| answer.unwrap().taken().nonce.clone())
        .collect();
    assert_eq!(answers, ["given other", "given second", "given third", "given third"]);
    assert_eq!(nodes[0].impact(&coordinator).await.supporting_s, 30);

    // The other way round the later one is too early.
    let (coordinator, mut nodes) = swarm(1).await;
    let second = numbered(&nodes[0], "given second");
    nodes[0].heartbeat.number += 1;
    nodes[0].heartbeat.nonce = "given second".into();
    let third = numbered(&nodes[0], "given third");
    let answers = take_together(coordinator.app(), &[third, second], UnixMs(START)).await;
    assert_eq!(codes(answers), [Some(ErrorCode::HeartbeatOutOfOrder), None]);
}

#[tokio::test]
async fn those_who_join_together_are_assigned_each_other() {
    let coordinator = Running::start().await;
    let secret = coordinator.register("alice").await;
    coordinator.put_live("alice", &secret).await;
    let mut nodes = Vec::new();
    for n in 1..=100 {
        nodes.push(Node::enrolled(&coordinator, n).await);
    }
    let reports: Vec<Report> = nodes.iter().map(|node| numbered(node, "given")).collect();
    let answers = take_together(coordinator.app(), &reports, UnixMs(START)).await;
    let keys = &coordinator.app().grants;
    for (node, answer) in nodes.iter().zip(answers) {
        let answer = answer.unwrap().answer(&node.heartbeat.stream, &node.id(), keys);
        assert_eq!(answer.grants.len(), 3, "node {}", node.id());
        for granted in &answer.grants {
            let grant = granted.grant.verify_node(&keys.public()).unwrap();
            assert_eq!((grant.consumer, grant.provider), (node.id(), granted.provider));
            assert!(grant.provider != node.id());
        }
    }
    assert_eq!(nodes[0].members(&coordinator).await.supporters, 100);
}

#[tokio::test]
async fn many_who_report_at_once_are_all_heard_and_each_once() {
    let (coordinator, mut nodes) = swarm(60).await;
    for _ in 0..5 {
        coordinator.clock.advance_s(30);
        let answers = futures::future::join_all(nodes.iter().map(|node| node.send(&coordinator))).await;
        for (node, answer) in nodes.iter_mut().zip(answers) {
            assert_eq!(answer.status(), 200);
            node.follow(&answer.json().await.unwrap());
        }
    }
    for node in &nodes {
        assert_eq!(node.impact(&coordinator).await.supporting_s, 150);
    }
}

#[tokio::test]
async fn what_one_heartbeat_cannot_be_stored_for_concerns_it_alone() {
    let (coordinator, nodes) = swarm(4).await;
    let mut tx = coordinator.storage().write().await.unwrap();
    tx.spoil(
        "UPDATE sessions SET activity = 'asleep' WHERE uplink_bps = 20000000 AND addresses LIKE '%/5002/%'",
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let reports: Vec<Report> = nodes.iter().map(|node| numbered(node, "given")).collect();
    let answers = take_together(coordinator.app(), &reports, UnixMs(START)).await;
    assert_eq!(codes(answers), [None, Some(ErrorCode::Internal), None, None]);
}

#[tokio::test]
async fn who_hangs_up_is_heard_all_the_same() {
    let (coordinator, nodes) = swarm(2).await;
    coordinator.clock.advance_s(30);
    let body = serde_json::json!({
        "node": nodes[0].id(), "heartbeat": streamr_model::Signed::new(&nodes[0].heartbeat, &nodes[0].key),
    });
    let asking = coordinator.post("/v1/heartbeats", None, &body);
    // Long enough to be sent, too short to be answered, or not: whichever, it is heard once.
    let _ = tokio::time::timeout(Duration::from_millis(1), asking).await;
    let again = nodes[0].send(&coordinator).await;
    assert_eq!(again.status(), 200);
    assert_eq!(nodes[0].impact(&coordinator).await.supporting_s, 30);
}
