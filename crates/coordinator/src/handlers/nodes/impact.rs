//! `GET /v1/nodes/{node}/impact`

use axum::extract::State;
use streamr_coordinator_api::{ErrorCode, Impact};
use streamr_model::NodeId;

use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::impact;
use crate::problem::Refused;
use crate::state::AppState;

/// What the node's support has done, and what the current hour might pay. For the node itself only.
#[utoipa::path(get, path = "/nodes/{node}/impact", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id")),
    responses((status = 200, description = "Its impact", body = Impact), (status = "default", response = ProblemResponse)))]
pub(crate) async fn impact(
    EnrolledNode(asker): EnrolledNode,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
) -> Result<Json<Impact>, Refused> {
    if asker != node {
        return Err(Refused::new(ErrorCode::Unauthorised, "This is another node's token."));
    }
    let mut tx = app.storage.read().await?;
    Ok(Json(impact::of_node(&mut tx, &node, app.now()).await?))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, Impact};
    use streamr_model::{MicroUnits, NodeActivity, NodeId};

    use crate::testing::{Node, Running, SEED, code_of, tally};

    /// `seconds` of live time in which the nodes report every 30 s.
    async fn pass(coordinator: &Running, secret: &str, nodes: &mut [&mut Node], seconds: u64) {
        for second in (5..=seconds).step_by(5) {
            coordinator.clock.advance_s(5);
            coordinator.put_live("alice", secret).await;
            if second % 30 == 0 {
                for node in &mut *nodes {
                    node.beat(coordinator).await;
                }
            }
        }
    }

    #[tokio::test]
    async fn a_provider_is_credited_with_what_its_consumer_signed() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let (mut giver, mut taker) =
            (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        coordinator.put_live("alice", &secret).await;
        giver.beat(&coordinator).await;
        taker.beat(&coordinator).await;
        taker.heartbeat.received = vec![tally(giver.id(), 10_000_000, 1000)];
        pass(&coordinator, &secret, &mut [&mut giver, &mut taker], 60).await;

        let impact = giver.impact(&coordinator).await;
        assert_eq!((impact.bytes_served_today, impact.bytes_served_ever), (10_000_000, 10_000_000));
        assert_eq!((impact.peers_helped_ever, impact.supporting_s), (1, 60));
        let earned = &impact.provisional[0];
        assert_eq!((earned.parts.uptime_ppm, earned.parts.bandwidth_ppm), (1_000_000, 1_000_000));
        // A minute of a pool of 3.6 units an hour has gathered 60,000 millionths: half of the 40 % for uptime,
        // all of the rest.
        assert_eq!(earned.amount, Some(MicroUnits(12_000 + 18_000 + 18_000)));
        assert_eq!(earned.currency.as_deref(), Some("EUR"));
        let of_taker = taker.impact(&coordinator).await;
        assert_eq!(of_taker.provisional[0].amount, Some(MicroUnits(12_000)));
        assert_eq!((of_taker.bytes_served_ever, of_taker.peers_helped_ever), (0, 0));
    }

    #[tokio::test]
    async fn nobody_is_credited_by_itself_nor_a_stranger_nor_the_signer() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        let mut seed = Node::enrolled(&coordinator, 2).await;
        let mut body = crate::testing::live();
        body["seed"] = serde_json::json!(seed.id());
        coordinator.put("/v1/streams/alice/live", Some(&secret), &body).await;
        node.beat(&coordinator).await;
        node.heartbeat.received = vec![
            tally(node.id(), 100, 1),
            tally(seed.id(), 100, 1),
            tally(NodeId([9; 32]), 100, 1),
            tally(SEED, 100, 1),
        ];
        coordinator.clock.advance_s(30);
        node.beat(&coordinator).await;
        assert_eq!(node.impact(&coordinator).await.bytes_served_ever, 0);
        seed.heartbeat.activity = NodeActivity::Paused;
        seed.beat(&coordinator).await;
        assert_eq!(seed.impact(&coordinator).await.bytes_served_ever, 0);
    }

    #[tokio::test]
    async fn no_more_is_credited_than_the_stream_sent_and_nothing_twice() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let (giver, mut taker) =
            (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        coordinator.put_live("alice", &secret).await;
        taker.beat(&coordinator).await;
        taker.heartbeat.received = vec![tally(giver.id(), u64::MAX, 1000)];
        coordinator.clock.advance_s(30);
        taker.beat(&coordinator).await;
        let cap = 4_000_000 / 8 * 30 * 5 / 4;
        assert_eq!(giver.impact(&coordinator).await.bytes_served_ever, cap);
        taker.heartbeat.received = vec![tally(giver.id(), 5, 1)];
        taker.heartbeat.session += 1;
        taker.begin_again();
        taker.beat(&coordinator).await;
        coordinator.clock.advance_s(30);
        taker.beat(&coordinator).await;
        assert_eq!(giver.impact(&coordinator).await.bytes_served_ever, cap + 5);
    }

    #[tokio::test]
    async fn credits_and_time_survive_a_restart_and_go_on() {
        let mut coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let (mut giver, mut taker) =
            (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        coordinator.put_live("alice", &secret).await;
        giver.beat(&coordinator).await;
        taker.beat(&coordinator).await;
        taker.heartbeat.received = vec![tally(giver.id(), 1000, 10)];
        pass(&coordinator, &secret, &mut [&mut giver, &mut taker], 30).await;
        coordinator.restart().await;
        taker.heartbeat.received = vec![tally(giver.id(), 1500, 15)];
        pass(&coordinator, &secret, &mut [&mut giver, &mut taker], 30).await;
        let impact = giver.impact(&coordinator).await;
        assert_eq!((impact.bytes_served_ever, impact.supporting_s), (1500, 60));
    }

    #[tokio::test]
    async fn time_off_air_counts_as_support_but_earns_nothing() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        for _ in 0..3 {
            node.beat(&coordinator).await;
            coordinator.clock.advance_s(30);
        }
        let impact = node.impact(&coordinator).await;
        assert_eq!(impact.supporting_s, 60);
        assert_eq!(impact.provisional[0].amount, Some(MicroUnits(0)));
        assert_eq!(impact.provisional[0].parts.uptime_ppm, 0);
    }

    #[tokio::test]
    async fn time_paused_or_silent_does_not_count() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        node.heartbeat.activity = NodeActivity::Paused;
        node.beat(&coordinator).await;
        pass(&coordinator, &secret, &mut [&mut node], 60).await;
        node.heartbeat.activity = NodeActivity::Supporting;
        node.beat(&coordinator).await;
        pass(&coordinator, &secret, &mut [], 90).await;
        node.beat(&coordinator).await;
        assert_eq!(node.impact(&coordinator).await.supporting_s, 0);
        pass(&coordinator, &secret, &mut [&mut node], 30).await;
        assert_eq!(node.impact(&coordinator).await.supporting_s, 30);
    }

    #[tokio::test]
    async fn a_node_sees_only_its_own_impact() {
        let coordinator = Running::start().await;
        let (one, two) = (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        let path = format!("/v1/nodes/{}/impact", one.id());
        for token in [None, Some(two.token.as_str())] {
            assert_eq!(code_of(coordinator.get_as(&path, token).await).await, ErrorCode::Unauthorised);
        }
        let impact: Impact = coordinator.get_as(&path, Some(&one.token)).await.json().await.unwrap();
        assert_eq!((impact.bytes_served_ever, impact.provisional.len()), (0, 0));
    }
}
