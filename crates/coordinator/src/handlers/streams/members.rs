//! `GET /v1/streams/{stream}/members`

use axum::extract::State;
use streamr_coordinator_api::{Membership, SeedView};
use streamr_model::{StreamId, Window};

use crate::extract::{EnrolledNode, Json, Path, unknown_stream};
use crate::handlers::openapi::ProblemResponse;
use crate::presence::sweep;
use crate::problem::Refused;
use crate::state::AppState;

/// Whom to connect to, among the nodes heard of lately, and who takes part in elections.
#[utoipa::path(get, path = "/streams/{stream}/members", tag = "streams", security(("node" = [])),
    params(("stream" = String, Path, description = "The stream's id")),
    responses((status = 200, description = "The membership", body = Membership), (status = "default", response = ProblemResponse)))]
pub(crate) async fn members(
    EnrolledNode(asker): EnrolledNode,
    Path(id): Path<StreamId>,
    State(app): State<AppState>,
) -> Result<Json<Membership>, Refused> {
    let now = app.now();
    // Never two transactions at once: with a bounded number of them, requests would wait for each other.
    let mut tx = app.storage.read().await?;
    let mut stream = tx.stream(&id).await?.ok_or_else(|| unknown_stream(&id))?;
    let mut live = tx.live(&id).await?;
    let lapsed = app.lapses.has_any(&mut tx, &id, live.as_ref(), now).await?;
    drop(tx);
    if lapsed {
        let mut tx = app.storage.write().await?;
        sweep(&mut tx, &id, now).await?;
        stream = tx.stream(&id).await?.ok_or_else(|| unknown_stream(&id))?;
        live = tx.live(&id).await?;
        tx.commit().await?;
    }
    let live = live.filter(|live| live.is_live);
    let table = app.tables.current(&app.storage, &stream, now).await?;
    let seed = live.filter(|_| table.may_see_seed(&asker));
    Ok(Json(Membership {
        stream: id,
        version: table.version(),
        key: stream.key,
        origin: stream.origin,
        seed: seed.map(|live| SeedView { node: live.seed, addresses: live.addresses }),
        supporters: u32::try_from(table.supporters()).unwrap_or(u32::MAX),
        electors: table.electors().to_vec(),
        members: table.members_for(&asker, &app.looks(Window::of(now))),
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use streamr_coordinator_api::{ErrorCode, Membership};
    use streamr_model::{BitsPerSecond, NodeActivity, NodeId};

    use crate::clock::Clock;
    use crate::testing::{Node, Running, SEED, at_once, code_of};

    /// A coordinator with “alice” live and so many supporters.
    async fn swarm(count: u8) -> (Running, Vec<Node>) {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        let mut nodes = Vec::new();
        for n in 0..count {
            let mut node = Node::enrolled(&coordinator, n).await;
            node.beat(&coordinator).await;
            nodes.push(node);
        }
        (coordinator, nodes)
    }

    /// Lets `seconds` pass, in which everybody goes on reporting.
    async fn go_on(coordinator: &Running, nodes: &mut [Node], seconds: u64) {
        for step in (0..seconds).step_by(30) {
            coordinator.clock.advance_s((seconds - step).min(30));
            for node in nodes.iter_mut() {
                node.beat(coordinator).await;
            }
        }
    }

    fn electors(view: &Membership) -> Vec<NodeId> {
        view.electors.iter().map(|elector| elector.node).collect()
    }

    #[tokio::test]
    async fn a_node_is_a_member_and_an_elector_from_its_first_heartbeat() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        let other = Node::enrolled(&coordinator, 2).await;
        let before = node.members(&coordinator).await;
        assert!(before.supporters == 0 && before.electors.is_empty() && before.seed.is_none());
        let answer = node.beat(&coordinator).await;
        let after = node.members(&coordinator).await;
        assert_eq!((after.supporters, electors(&after)), (1, vec![node.id()]));
        assert!(after.members.is_empty(), "nobody is his own neighbour");
        let seen = other.members(&coordinator).await;
        assert_eq!((seen.members[0].node, seen.version), (node.id(), after.version));
        assert_eq!(seen.members[0].addresses, node.heartbeat.addresses);
        assert!(before.version < answer.membership_version && answer.membership_version <= after.version);
        assert_eq!(node.beat(&coordinator).await.membership_version, after.version);
    }

    #[tokio::test]
    async fn whoever_falls_silent_is_taken_out_and_the_version_grows() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut silent = Node::enrolled(&coordinator, 1).await;
        let mut heard = Node::enrolled(&coordinator, 2).await;
        silent.beat(&coordinator).await;
        coordinator.clock.advance_s(60);
        heard.beat(&coordinator).await;
        let before = heard.members(&coordinator).await;
        assert_eq!((before.supporters, before.members[0].node), (2, silent.id()));
        coordinator.clock.advance_s(15);
        let after = heard.members(&coordinator).await;
        assert_eq!((after.supporters, electors(&after)), (1, vec![heard.id()]));
        assert!(after.members.is_empty() && after.version > before.version);
        assert_eq!(heard.members(&coordinator).await.version, after.version, "looking changes nothing");
    }

    #[tokio::test]
    async fn a_node_that_leaves_or_pauses_is_out_at_once() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        for activity in [NodeActivity::Paused, NodeActivity::Supporting, NodeActivity::Leaving] {
            node.beat(&coordinator).await;
            assert_eq!(node.members(&coordinator).await.supporters, 1);
            node.heartbeat.activity = activity;
            node.beat(&coordinator).await;
            let view = node.members(&coordinator).await;
            let expected = u32::from(activity == NodeActivity::Supporting);
            assert_eq!(view.supporters, expected, "{activity:?}");
            assert_eq!(view.electors.is_empty(), expected == 0, "{activity:?}");
            node.heartbeat.activity = NodeActivity::Supporting;
            if activity == NodeActivity::Paused {
                node.beat(&coordinator).await;
            }
        }
    }

    #[tokio::test]
    async fn the_signer_is_shown_while_it_is_live() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let node = Node::enrolled(&coordinator, 1).await;
        coordinator.put_live("alice", &secret).await;
        let during = node.members(&coordinator).await;
        assert_eq!(during.seed.as_ref().map(|seed| seed.node), Some(SEED));
        coordinator.put_live("alice", &secret).await;
        assert_eq!(node.members(&coordinator).await.version, during.version, "a repeat changes nothing");
        coordinator.clock.advance_s(15);
        let after = node.members(&coordinator).await;
        assert!(after.seed.is_none() && after.version > during.version);
    }

    #[tokio::test]
    async fn an_absurd_uplink_is_bounded() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        node.heartbeat.uplink_bps = BitsPerSecond(u64::MAX);
        node.beat(&coordinator).await;
        assert_eq!(node.members(&coordinator).await.electors[0].uplink_bps, BitsPerSecond(1_000_000_000));
    }

    /// One window after the other, in which `measurer` says that it was given so many bytes by each.
    async fn measure(coordinator: &Running, nodes: &mut [Node], secret: &str, given: &[(usize, u64)]) {
        // In the first it was assigned them before it measured.
        for _ in 0..4 {
            let (measurer, others) = nodes.split_last_mut().unwrap();
            for (other, bytes) in given {
                let receipt = measurer.sign(coordinator, others[*other].id(), *bytes, 10);
                assert_eq!(measurer.sample(coordinator, &receipt).await, None);
            }
            pass(coordinator, nodes, secret, 300).await;
        }
        pass(coordinator, nodes, secret, 300).await;
    }

    /// The same as `go_on` while the stream is live.
    async fn pass(coordinator: &Running, nodes: &mut [Node], secret: &str, seconds: u64) {
        for _ in (0..seconds).step_by(10) {
            coordinator.clock.advance_s(10);
            coordinator.put_live("alice", secret).await;
            if coordinator.clock.now().0.is_multiple_of(30_000) {
                for node in nodes.iter_mut() {
                    node.beat(coordinator).await;
                }
            }
        }
    }

    #[tokio::test]
    async fn who_says_more_than_it_is_seen_to_carry_is_weighed_with_what_it_carries() {
        let coordinator = Running::start_with(|config| config.probes_per_hour = 10_000).await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        let mut nodes = Vec::new();
        for (n, uplink) in [(1, 500_000_000), (2, 1_000_000), (3, 20_000_000)] {
            let mut node = Node::enrolled(&coordinator, n).await;
            node.heartbeat.uplink_bps = BitsPerSecond(uplink);
            node.beat(&coordinator).await;
            nodes.push(node);
        }
        nodes[2].measures(&coordinator).await;
        nodes[2].beat(&coordinator).await;
        let before = nodes[2].members(&coordinator).await;
        // A megabit a second to one of two receivers, and as much from one that offers no more.
        measure(&coordinator, &mut nodes, &secret, &[(0, 37_500_000), (1, 37_500_000)]).await;
        let after = nodes[2].members(&coordinator).await;
        assert!(after.version > before.version);
        let uplink = |view: &Membership, node: &Node| {
            let elector = view.electors.iter().find(|elector| elector.node == node.id()).unwrap();
            let member = view.members.iter().find(|member| member.node == node.id());
            assert!(member.is_none_or(|member| member.uplink_bps == elector.uplink_bps));
            elector.uplink_bps.0
        };
        let all = |view: &Membership| [0, 1, 2].map(|n| uplink(view, &nodes[n]));
        assert_eq!(all(&before), [500_000_000, 1_000_000, 20_000_000]);
        // The third was not looked at: it counts as is usual.
        assert_eq!(all(&after), [2_500_000, 1_000_000, 2_500_000]);
        let again = nodes[0].members(&coordinator).await;
        assert_eq!((again.version, &again.electors), (after.version, &after.electors));
    }

    #[tokio::test]
    async fn in_a_large_swarm_a_measurer_and_whom_it_looks_at_are_shown_each_other() {
        let (coordinator, mut nodes) = swarm(60).await;
        nodes[0].measures(&coordinator).await;
        let measurer = nodes[0].id();
        nodes[0].begin_again();
        nodes[0].heartbeat.session += 1;
        let probed: BTreeSet<NodeId> =
            nodes[0].beat(&coordinator).await.grants.iter().map(|granted| granted.provider).collect();
        let view = nodes[0].members(&coordinator).await;
        let shown: BTreeSet<NodeId> = view.members.iter().map(|member| member.node).collect();
        assert!(probed.len() == 3 && probed.is_subset(&shown));
        for node in &nodes[1..] {
            let sees = node.members(&coordinator).await.members.iter().any(|member| member.node == measurer);
            assert_eq!(sees, shown.contains(&node.id()), "{}", node.id());
        }
    }

    #[tokio::test]
    async fn in_a_small_swarm_everybody_is_shown_to_everybody() {
        let (coordinator, nodes) = swarm(32).await;
        let mut views = Vec::new();
        for node in &nodes {
            views.push(node.members(&coordinator).await);
        }
        for (node, view) in nodes.iter().zip(&views) {
            assert_eq!((view.supporters, view.electors.len(), view.members.len()), (32, 32, 31));
            assert!(view.seed.is_some() && view.members.iter().all(|member| member.node != node.id()));
            assert_eq!((view.version, &view.electors), (views[0].version, &views[0].electors));
        }
    }

    #[tokio::test]
    async fn in_a_swarm_of_two_hundred_answers_are_small_and_the_swarm_is_in_one_piece() {
        let (coordinator, nodes) = swarm(200).await;
        let mut views = Vec::new();
        for node in &nodes {
            views.push((node.id(), node.members(&coordinator).await));
        }
        let (version, common) = (views[0].1.version, views[0].1.electors.clone());
        assert_eq!(common.len(), 32);
        for (node, view) in &views {
            assert_eq!((view.version, view.supporters, &view.electors), (version, 200, &common));
            assert_eq!(view.seed.is_some(), electors(view).contains(node), "the seed is for electors");
            assert!((8..=20).contains(&view.members.len()), "{} neighbours", view.members.len());
        }
        let neighbours = |node: &NodeId| -> BTreeSet<NodeId> {
            let (_, view) = views.iter().find(|(asker, _)| asker == node).unwrap();
            view.members.iter().map(|member| member.node).collect()
        };
        let (mut reached, mut front) = (BTreeSet::new(), vec![nodes[0].id()]);
        while let Some(node) = front.pop() {
            if reached.insert(node) {
                front.extend(neighbours(&node));
            }
            assert!(
                neighbours(&node).iter().all(|other| neighbours(other).contains(&node)),
                "both ends know"
            );
        }
        assert_eq!(reached.len(), 200);
        let front_of =
            |node: &NodeId| neighbours(node).iter().filter(|n| electors(&views[0].1).contains(n)).count();
        assert!(common.iter().all(|elector| front_of(&elector.node) >= 2), "electors know electors");
        let newcomer = Node::enrolled(&coordinator, 250).await.members(&coordinator).await;
        assert!(newcomer.seed.is_none() && newcomer.members.len() >= 8, "whom it will have");
        assert_eq!(newcomer.electors, common);
    }

    #[tokio::test]
    async fn those_who_offer_twice_the_mean_know_many_of_their_like() {
        let (coordinator, mut nodes) = swarm(200).await;
        for node in nodes.iter_mut().step_by(10) {
            node.heartbeat.uplink_bps = BitsPerSecond(400_000_000);
            node.beat(&coordinator).await;
        }
        let fast: BTreeSet<NodeId> = nodes.iter().step_by(10).map(Node::id).collect();
        let mut pairs = BTreeSet::new();
        for node in nodes.iter().step_by(10) {
            let view = node.members(&coordinator).await;
            let others = view.members.iter().map(|member| member.node);
            pairs.extend(others.filter(|other| fast.contains(other)).map(|other| (node.id(), other)));
        }
        // Among 16 of 200 each would know one or two of twenty.
        assert!(pairs.len() >= 5 * fast.len(), "{} pairs among {}", pairs.len(), fast.len());
        assert!(pairs.iter().all(|(a, b)| pairs.contains(&(*b, *a))), "both ends know");
    }

    #[tokio::test]
    async fn the_seed_is_shown_to_all_up_to_forty_eight() {
        let (coordinator, mut nodes) = swarm(48).await;
        for node in &nodes {
            assert!(node.members(&coordinator).await.seed.is_some());
        }
        let mut last = Node::enrolled(&coordinator, 100).await;
        last.beat(&coordinator).await;
        nodes.push(last);
        let mut see_it = 0;
        for node in &nodes {
            see_it += usize::from(node.members(&coordinator).await.seed.is_some());
        }
        assert_eq!(see_it, 32);
    }

    #[tokio::test]
    async fn an_elector_stays_until_somebody_is_clearly_better() {
        let (coordinator, mut nodes) = swarm(34).await;
        go_on(&coordinator, &mut nodes, 60).await;
        let first = nodes[0].members(&coordinator).await;
        let outsider = nodes.iter().position(|node| !electors(&first).contains(&node.id())).unwrap();
        nodes[outsider].heartbeat.uplink_bps = BitsPerSecond(24_000_000);
        nodes[outsider].beat(&coordinator).await;
        let same = nodes[0].members(&coordinator).await;
        assert_eq!((same.version, &same.electors), (first.version, &first.electors));
        nodes[outsider].heartbeat.uplink_bps = BitsPerSecond(26_000_000);
        nodes[outsider].beat(&coordinator).await;
        let next = nodes[0].members(&coordinator).await;
        assert!(electors(&next).contains(&nodes[outsider].id()) && next.version > first.version);
        let stayed = electors(&next).iter().filter(|node| electors(&first).contains(node)).count();
        assert_eq!((next.electors.len(), stayed), (32, 31));
        for node in &nodes {
            let view = node.members(&coordinator).await;
            assert_eq!((view.version, &view.electors), (next.version, &next.electors));
        }
    }

    #[tokio::test]
    async fn a_strong_newcomer_becomes_an_elector_after_a_minute_though_nothing_else_happens() {
        let (coordinator, mut nodes) = swarm(33).await;
        go_on(&coordinator, &mut nodes, 60).await;
        let mut strong = Node::enrolled(&coordinator, 100).await;
        strong.heartbeat.uplink_bps = BitsPerSecond(500_000_000);
        strong.beat(&coordinator).await;
        nodes.push(strong);
        go_on(&coordinator, &mut nodes, 59).await;
        let strong = nodes[33].id();
        let before = nodes[0].members(&coordinator).await;
        assert!(before.supporters == 34 && !electors(&before).contains(&strong));
        coordinator.clock.advance_s(1);
        let after = nodes[0].members(&coordinator).await;
        assert!(electors(&after).contains(&strong) && after.version > before.version);
        assert_eq!(nodes[0].members(&coordinator).await.version, after.version);
    }

    #[tokio::test]
    async fn the_electors_of_a_version_and_the_neighbours_are_the_same_after_a_restart() {
        let (mut coordinator, mut nodes) = swarm(60).await;
        let first = nodes[0].members(&coordinator).await;
        // A little better than those who are electors: chosen only where nobody is one yet.
        let mut better = Node::enrolled(&coordinator, 100).await;
        better.heartbeat.uplink_bps = BitsPerSecond(24_000_000);
        better.beat(&coordinator).await;
        nodes.push(better);
        go_on(&coordinator, &mut nodes, 60).await;
        let before = nodes[0].members(&coordinator).await;
        assert_eq!(before.electors, first.electors);
        coordinator.restart().await;
        assert_eq!(nodes[0].members(&coordinator).await, before);
    }

    #[tokio::test]
    async fn many_may_look_at_once_at_a_membership_that_has_lapsed() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        node.beat(&coordinator).await;
        let before = node.members(&coordinator).await.version;
        coordinator.clock.advance_s(75);
        let looks = at_once(40, || node.members(&coordinator)).await;
        assert!(looks.iter().all(|view| *view == looks[0]));
        assert!(looks[0].supporters == 0 && looks[0].electors.is_empty() && looks[0].version > before);
    }

    #[tokio::test]
    async fn only_enrolled_nodes_see_addresses() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        for token in [None, Some("guess"), Some(secret.as_str()), Some(coordinator.operator.as_str())] {
            let answer = coordinator.get_as("/v1/streams/alice/members", token).await;
            assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        }
        let node = Node::enrolled(&coordinator, 1).await;
        let answer = coordinator.get_as("/v1/streams/bob/members", Some(&node.token)).await;
        assert_eq!(code_of(answer).await, ErrorCode::StreamUnknown);
    }
}
