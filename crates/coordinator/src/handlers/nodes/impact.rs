//! `GET /v1/nodes/{node}/impact`

use axum::extract::State;
use streamr_coordinator_api::Impact;
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
    asker: EnrolledNode,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
) -> Result<Json<Impact>, Refused> {
    asker.only(&node)?;
    Ok(Json(impact::of_node(&app, &node, app.now()).await?))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, Impact};
    use streamr_model::{MicroUnits, NodeActivity};

    use crate::testing::{Node, Running, code_of};

    const MINUTE: u64 = 60;

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

    /// A giver and a taker that have just come to “alice”, which is live, and its secret.
    async fn pair(coordinator: &Running) -> (String, Node, Node) {
        let secret = coordinator.register("alice").await;
        coordinator.deposit("alice", "first", 10_000_000).await;
        coordinator.put_live("alice", &secret).await;
        let (mut giver, mut taker) =
            (Node::enrolled(coordinator, 1).await, Node::enrolled(coordinator, 2).await);
        giver.beat(coordinator).await;
        taker.beat(coordinator).await;
        (secret, giver, taker)
    }

    #[tokio::test]
    async fn a_provider_is_credited_with_what_its_consumer_signed() {
        let coordinator = Running::start().await;
        let (secret, mut giver, mut taker) = pair(&coordinator).await;
        for _ in 0..4 {
            pass(&coordinator, &secret, &mut [&mut giver, &mut taker], 4 * MINUTE).await;
            giver.deliver(&coordinator, &mut taker, 1_000_000, 100).await;
            pass(&coordinator, &secret, &mut [&mut giver, &mut taker], MINUTE).await;
        }
        let impact = giver.impact(&coordinator).await;
        assert_eq!((impact.bytes_served_today, impact.bytes_served_ever), (4_000_000, 4_000_000));
        assert_eq!((impact.peers_helped_ever, impact.supporting_s), (1, 20 * MINUTE));
        let earned = &impact.provisional[0];
        assert_eq!((earned.parts.uptime_ppm, earned.parts.bandwidth_ppm), (1_000_000, 1_000_000));
        // Twenty minutes of a pool of 3.6 units an hour have gathered 1.2 of them, all the giver's: nobody signed
        // for anything of the taker's, whose time nothing shows but its own word.
        assert_eq!(earned.amount, Some(MicroUnits(1_200_000)));
        assert_eq!(earned.currency.as_deref(), Some("EUR"));
        let of_taker = taker.impact(&coordinator).await;
        assert_eq!(of_taker.provisional[0].amount, Some(MicroUnits(0)));
        assert_eq!((of_taker.bytes_served_ever, of_taker.peers_helped_ever), (0, 0));
    }

    #[tokio::test]
    async fn heartbeats_with_no_delivery_earn_nothing() {
        let coordinator = Running::start().await;
        let (secret, mut giver, mut idler) = pair(&coordinator).await;
        pass(&coordinator, &secret, &mut [&mut giver, &mut idler], 20 * MINUTE).await;
        for node in [&giver, &idler] {
            let impact = node.impact(&coordinator).await;
            assert_eq!(impact.supporting_s, 20 * MINUTE, "it is shown");
            assert_eq!(impact.provisional[0].amount, Some(MicroUnits(0)), "and not paid");
        }
    }

    #[tokio::test]
    async fn deliveries_and_time_survive_a_restart_and_go_on() {
        let mut coordinator = Running::start().await;
        let (secret, mut giver, mut taker) = pair(&coordinator).await;
        pass(&coordinator, &secret, &mut [&mut giver, &mut taker], 30).await;
        giver.deliver(&coordinator, &mut taker, 1000, 10).await;
        coordinator.restart().await;
        pass(&coordinator, &secret, &mut [&mut giver, &mut taker], 30).await;
        giver.deliver(&coordinator, &mut taker, 500, 5).await;
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
