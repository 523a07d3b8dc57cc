//! `POST /v1/heartbeats`

use axum::extract::State;
use data_encoding::HEXLOWER;
use streamr_coordinator_api::{ErrorCode, HeartbeatAnswer, HeartbeatRequest};
use streamr_model::Heartbeat;

use crate::extract::{ClientAddress, Json};
use crate::handlers::openapi::ProblemResponse;
use crate::hour::Hour;
use crate::parties::Network;
use crate::problem::Refused;
use crate::reporting::Report;
use crate::reporting::intake::take_in;
use crate::secret::random;
use crate::state::AppState;
use crate::validate;

/// Report. Needs no token: the document is signed, numbered, and carries the nonce of the last answer.
///
/// A node that lost an answer sends the same number and nonce again and gets the same answer. A node that is
/// told `heartbeat_out_of_order` begins a new session: number 1, no nonce.
#[utoipa::path(post, path = "/heartbeats", tag = "nodes", security(()), request_body = HeartbeatRequest,
    responses((status = 200, description = "Heard", body = HeartbeatAnswer), (status = "default", response = ProblemResponse)))]
pub(crate) async fn heartbeat(
    State(app): State<AppState>,
    ClientAddress(address): ClientAddress,
    Json(request): Json<HeartbeatRequest>,
) -> Result<Json<HeartbeatAnswer>, Refused> {
    let heartbeat = request.heartbeat.verify_node(&request.node).map_err(|error| {
        Refused::new(ErrorCode::SignatureInvalid, format!("The heartbeat is refused: {error}."))
    })?;
    if heartbeat.node != request.node {
        return Err(Refused::new(ErrorCode::SignatureInvalid, "The heartbeat is about another node."));
    }
    validate::addresses(&heartbeat.addresses, Heartbeat::MAX_ADDRESSES)?;

    let (stream, node) = (heartbeat.stream.clone(), heartbeat.node);
    let nonce = HEXLOWER.encode(&random::<16>());
    let network = Network::of(address, Hour::of(app.now()).0, app.grants.network());
    let accepted = take_in(&app, Report { heartbeat, nonce, network }).await?;
    Ok(Json(accepted.answer(&stream, &node, &app.grants)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use streamr_coordinator_api::{ErrorCode, HeartbeatAnswer};
    use streamr_model::{NodeActivity, UnixMs, Window};

    use crate::hour::Hour;
    use crate::testing::{Node, Running, START, at_once, code_of};

    async fn enrolled() -> (Running, Node) {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let node = Node::enrolled(&coordinator, 1).await;
        (coordinator, node)
    }

    #[tokio::test]
    async fn the_first_interval_is_short_and_the_others_thirty_seconds() {
        let (coordinator, mut node) = enrolled().await;
        let first = node.beat(&coordinator).await;
        let second = node.beat(&coordinator).await;
        assert_eq!((first.next_in_s, second.next_in_s, second.now), (5, 30, UnixMs(START)));
        assert!(first.nonce != second.nonce && first.nonce.len() == 32);
    }

    #[tokio::test]
    async fn a_lost_answer_is_given_again_with_the_same_nonce() {
        let (coordinator, mut node) = enrolled().await;
        node.beat(&coordinator).await;
        let first: HeartbeatAnswer = node.send(&coordinator).await.json().await.unwrap();
        let again: HeartbeatAnswer = node.send(&coordinator).await.json().await.unwrap();
        node.heartbeat.peers = 9;
        let signed_anew: HeartbeatAnswer = node.send(&coordinator).await.json().await.unwrap();
        assert_eq!(first.nonce, again.nonce);
        assert_eq!(first.nonce, signed_anew.nonce);
        node.follow(&again);
        node.beat(&coordinator).await;
    }

    #[tokio::test]
    async fn the_same_report_sent_many_times_at_once_counts_once() {
        let (coordinator, mut node) = enrolled().await;
        node.beat(&coordinator).await;
        coordinator.clock.advance_s(30);
        let answers = at_once(20, || node.send(&coordinator)).await;
        let mut nonces = BTreeSet::new();
        for answer in answers {
            nonces.insert(answer.json::<HeartbeatAnswer>().await.unwrap().nonce);
        }
        assert_eq!(nonces.len(), 1);
        assert_eq!(node.impact(&coordinator).await.supporting_s, 30);
    }

    #[tokio::test]
    async fn a_repeat_is_no_proof_of_support() {
        let (coordinator, mut node) = enrolled().await;
        node.beat(&coordinator).await;
        coordinator.clock.advance_s(30);
        assert_eq!(node.send(&coordinator).await.status(), 200);
        for _ in 0..4 {
            coordinator.clock.advance_s(30);
            assert_eq!(node.send(&coordinator).await.status(), 200);
        }
        assert_eq!(node.impact(&coordinator).await.supporting_s, 30);
        assert_eq!(node.members(&coordinator).await.supporters, 0);
    }

    #[tokio::test]
    async fn a_heartbeat_that_does_not_follow_is_out_of_order() {
        let (coordinator, mut node) = enrolled().await;
        node.beat(&coordinator).await;
        node.beat(&coordinator).await;
        let good = node.heartbeat.clone();
        for spoil in [
            |node: &mut Node| node.heartbeat.number += 1,
            |node: &mut Node| node.heartbeat.number = 1,
            |node: &mut Node| node.heartbeat.number = u64::MAX,
            |node: &mut Node| node.heartbeat.nonce = "0".repeat(32),
            |node: &mut Node| node.heartbeat.nonce.clear(),
            |node: &mut Node| node.heartbeat.session += 1,
        ] {
            node.heartbeat = good.clone();
            spoil(&mut node);
            let answer = node.send(&coordinator).await;
            assert_eq!(answer.status(), 409);
            assert_eq!(code_of(answer).await, ErrorCode::HeartbeatOutOfOrder);
        }
        node.heartbeat = good;
        node.beat(&coordinator).await;
    }

    #[tokio::test]
    async fn the_chain_goes_on_over_a_restart_of_the_coordinator() {
        let (mut coordinator, mut node) = enrolled().await;
        node.beat(&coordinator).await;
        coordinator.restart().await;
        assert_eq!(node.members(&coordinator).await.supporters, 1);
        let second = node.beat(&coordinator).await;
        assert_eq!(second.next_in_s, 30);
    }

    #[tokio::test]
    async fn a_new_session_replaces_the_old_and_the_old_cannot_come_back() {
        let (coordinator, mut node) = enrolled().await;
        let first_of_old = node.heartbeat.clone();
        node.beat(&coordinator).await;
        let next_of_old = node.heartbeat.clone();
        node.heartbeat.session += 1;
        node.begin_again();
        node.beat(&coordinator).await;
        let next_of_new = node.heartbeat.clone();
        for old in [next_of_old, first_of_old] {
            node.heartbeat = old;
            assert_eq!(code_of(node.send(&coordinator).await).await, ErrorCode::HeartbeatOutOfOrder);
        }
        node.heartbeat = next_of_new;
        node.beat(&coordinator).await;
        assert_eq!(node.members(&coordinator).await.supporters, 1);
    }

    #[tokio::test]
    async fn after_good_bye_the_session_is_over() {
        let (coordinator, mut node) = enrolled().await;
        node.beat(&coordinator).await;
        node.heartbeat.activity = NodeActivity::Leaving;
        assert_eq!(node.send(&coordinator).await.status(), 200);
        node.beat(&coordinator).await;
        assert_eq!(code_of(node.send(&coordinator).await).await, ErrorCode::HeartbeatOutOfOrder);
    }

    #[tokio::test]
    async fn a_good_bye_is_heard_even_if_the_last_answer_was_lost() {
        let (coordinator, mut node) = enrolled().await;
        node.beat(&coordinator).await;
        assert_eq!(node.send(&coordinator).await.status(), 200);
        node.heartbeat.activity = NodeActivity::Leaving;
        assert_eq!(node.send(&coordinator).await.status(), 200);
        assert_eq!(node.members(&coordinator).await.supporters, 0);
    }

    #[tokio::test]
    async fn a_stranger_an_unknown_stream_and_a_forgery_are_told_apart() {
        let (coordinator, mut node) = enrolled().await;
        let stranger = Node::new(2);
        assert_eq!(code_of(stranger.send(&coordinator).await).await, ErrorCode::NodeUnknown);
        node.heartbeat.node = stranger.id();
        assert_eq!(code_of(node.send(&coordinator).await).await, ErrorCode::SignatureInvalid);
        node.heartbeat.node = node.id();
        node.heartbeat.stream = "bob".parse().unwrap();
        assert_eq!(code_of(node.send(&coordinator).await).await, ErrorCode::StreamUnknown);
    }

    #[tokio::test]
    async fn too_many_addresses_are_refused() {
        let (coordinator, mut node) = enrolled().await;
        node.heartbeat.addresses = vec!["/ip4/127.0.0.1/tcp/1".into(); 9];
        assert_eq!(code_of(node.send(&coordinator).await).await, ErrorCode::BadRequest);
    }

    #[tokio::test]
    async fn of_an_address_only_a_hash_of_its_network_is_kept() {
        let coordinator = Running::start_with(|config| config.behind_proxy = true).await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        let http = reqwest::Client::new();
        let mut ids = Vec::new();
        for (n, address) in [(1, "192.0.2.7"), (2, "192.0.2.8"), (3, "198.51.100.9"), (4, "127.0.0.1")] {
            let mut node = Node::enrolled(&coordinator, n).await;
            ids.push(node.id());
            for _ in 0..2 {
                let answer = http
                    .post(format!("{}v1/heartbeats", coordinator.url))
                    .header("x-forwarded-for", address)
                    .json(&node.report())
                    .send()
                    .await
                    .unwrap();
                node.follow(&answer.json().await.unwrap());
                coordinator.clock.advance_s(1);
            }
        }
        let mut tx = coordinator.storage().read().await.unwrap();
        let ties = tx.ties(&"alice".parse().unwrap(), Hour::of(UnixMs(START))).await.unwrap();
        drop(tx);
        let of =
            |n: usize| ties.networks.iter().find(|(node, _)| *node == ids[n]).map(|(_, network)| *network);
        assert!(of(0).is_some() && of(0) == of(1) && of(2).is_some() && of(2) != of(0));
        assert_eq!(of(3), None, "nobody can be told apart by that");
        assert!(!coordinator.database_holds("192.0.2.7") && !coordinator.database_holds("198.51.100"));
    }

    /// “alice”, live, with so many nodes that have been heard of once.
    async fn live_with(count: u8) -> (Running, String, Vec<Node>) {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        let mut nodes = Vec::new();
        for n in 1..=count {
            let mut node = Node::enrolled(&coordinator, n).await;
            node.beat(&coordinator).await;
            nodes.push(node);
        }
        (coordinator, secret, nodes)
    }

    #[tokio::test]
    async fn a_consumer_is_told_its_three_providers_once_in_a_window() {
        let (coordinator, secret, mut nodes) = live_with(6).await;
        let me = nodes[0].id();
        let told = nodes[0].beat(&coordinator).await.grants;
        assert_eq!(told.len(), 3);
        assert!(
            told.iter().all(|granted| granted.provider != me && granted.window == Window::of(UnixMs(START)))
        );
        assert!(nodes[0].beat(&coordinator).await.grants.is_empty(), "it knows them");
        coordinator.clock.advance_s(300);
        coordinator.put_live("alice", &secret).await;
        let anew = nodes[0].beat(&coordinator).await.grants;
        assert!(anew.is_empty(), "the others have lapsed");
    }

    #[tokio::test]
    async fn a_consumer_that_came_first_is_assigned_those_that_come_later() {
        let (coordinator, _, mut nodes) = live_with(1).await;
        assert!(nodes[0].beat(&coordinator).await.grants.is_empty(), "there is nobody yet");
        let mut second = Node::enrolled(&coordinator, 2).await;
        let of_second = second.beat(&coordinator).await.grants;
        assert_eq!(of_second.iter().map(|granted| granted.provider).collect::<Vec<_>>(), [nodes[0].id()]);
        let of_first = nodes[0].beat(&coordinator).await.grants;
        assert_eq!(of_first.iter().map(|granted| granted.provider).collect::<Vec<_>>(), [second.id()]);
    }

    #[tokio::test]
    async fn an_answer_that_was_lost_tells_the_same_grants_again() {
        let (coordinator, _, nodes) = live_with(4).await;
        let one: HeartbeatAnswer = nodes[0].send(&coordinator).await.json().await.unwrap();
        let two: HeartbeatAnswer = nodes[0].send(&coordinator).await.json().await.unwrap();
        assert_eq!(two.grants.len(), 3);
        assert!(one.grants.is_empty() || one.grants == two.grants);
    }

    #[tokio::test]
    async fn a_measurer_is_assigned_at_whom_it_is_to_look_as_others_are_assigned_providers() {
        let coordinator = Running::start_with(|config| config.probes_per_hour = 10_000).await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        let mut nodes = Vec::new();
        for n in 1..=8 {
            let mut node = Node::enrolled(&coordinator, n).await;
            node.beat(&coordinator).await;
            nodes.push(node);
        }
        // Those that came first were assigned nobody yet.
        nodes[0].measures(&coordinator).await;
        let window = Window::of(UnixMs(START));
        let mut told: Vec<_> = Vec::new();
        for node in &mut nodes[..2] {
            node.begin_again();
            node.heartbeat.session += 1;
            let answer = node.beat(&coordinator).await;
            assert_eq!((answer.grants.len(), answer.measures), (3, told.is_empty()));
            told.push(answer.grants);
        }
        let mut tx = coordinator.storage().write().await.unwrap();
        let alice = "alice".parse().unwrap();
        for (node, grants) in nodes.iter().zip(&told) {
            for granted in grants {
                let grant =
                    granted.grant.verify_node(&crate::grants::Keys::of(&coordinator.operator).public());
                assert!(grant.is_ok_and(|grant| grant.consumer == node.id() && grant.cap_bytes > 0));
            }
        }
        // It said something in the window, so that what it was to look at counts.
        let receipt = nodes[0].sign(&coordinator, told[0][0].provider, 100, 1);
        tx.keep_sample(&receipt, &streamr_model::Signed::new(&receipt, &nodes[0].key)).await.unwrap();
        let probes = tx.probes(&alice, window..Window(window.0 + 1)).await.unwrap();
        let looked: BTreeSet<_> = probes.iter().map(|probe| (probe.measurer, probe.provider)).collect();
        let planned = told[0].iter().map(|granted| (nodes[0].id(), granted.provider));
        assert!(!looked.is_empty() && looked.is_subset(&planned.collect()), "{looked:?}");
    }

    #[tokio::test]
    async fn nobody_is_assigned_anybody_off_air_or_while_it_pauses() {
        let (coordinator, secret, mut nodes) = live_with(3).await;
        nodes[0].heartbeat.activity = NodeActivity::Paused;
        nodes[0].begin_again();
        nodes[0].heartbeat.session += 1;
        assert!(nodes[0].beat(&coordinator).await.grants.is_empty());
        coordinator.delete("/v1/streams/alice/live", Some(&secret)).await;
        nodes[1].begin_again();
        nodes[1].heartbeat.session += 1;
        assert!(nodes[1].beat(&coordinator).await.grants.is_empty());
    }
}
