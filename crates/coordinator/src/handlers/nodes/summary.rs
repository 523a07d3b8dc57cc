//! `GET /v1/nodes/{node}`

use axum::extract::State;
use streamr_coordinator_api::NodeSummary;
use streamr_model::NodeId;

use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;
use crate::tiers;

const MOST_DISPUTES: u32 = 50;
const MOST_THANKS: u32 = 20;

/// How the node stands to people: whose it is, the name it is shown under, its tier, its downtime and disputes,
/// what streamers said to it. For the node itself only.
#[utoipa::path(get, path = "/nodes/{node}", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id")),
    responses((status = 200, description = "How it stands", body = NodeSummary), (status = "default", response = ProblemResponse)))]
pub(crate) async fn summary(
    asker: EnrolledNode,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
) -> Result<Json<NodeSummary>, Refused> {
    asker.only(&node)?;
    let now = app.now();
    let mut tx = app.storage.read().await?;
    let account = tx.handle_of_node(&node).await?;
    let done = tx.done_ever(&node).await?;
    let tier = tiers::reached(done.bytes, done.live_ms);
    Ok(Json(NodeSummary {
        node,
        as_of: now,
        account,
        name: tx.shown_name(&node).await?,
        tier,
        next_tier: tiers::next(tier),
        bytes: done.bytes,
        live_s: done.live_ms / 1000,
        downtimes: tx.downtimes(&node, now).await?,
        disputes: tx.disputes_of(&node, MOST_DISPUTES).await?,
        thanks: tx.thanks_to(&node, MOST_THANKS).await?,
    }))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, NodeSummary, Tier};

    use crate::testing::{Node, Running, code_of};

    #[tokio::test]
    async fn a_node_is_told_whose_it_is_and_what_it_lacks_for_the_first_tier() {
        let coordinator = Running::start().await;
        let (_, nodes) = coordinator.supported_hour(0).await;
        let alice = coordinator.person("alice", "supporter").await;
        let summary = async |node: &Node| -> NodeSummary {
            let path = format!("/v1/nodes/{}", node.id());
            coordinator.get_as(&path, Some(&node.token)).await.json().await.unwrap()
        };
        let before = summary(&nodes[0]).await;
        assert_eq!((before.account, before.name, before.tier), (None, None, None));
        assert_eq!((before.bytes, before.live_s), (10_000_000, 60));
        let next = before.next_tier.unwrap();
        assert_eq!((next.tier, next.bytes, next.live_s), (Tier::NodeOperator, 1_000_000_000, 3_600));
        let code = coordinator.claim_code(&alice, &nodes[0]).await;
        coordinator.claim("alice", &code, &nodes[0]).await;
        assert_eq!(summary(&nodes[0]).await.account.as_deref(), Some("alice"));
        assert_eq!(summary(&nodes[1]).await.account, None);
    }

    #[tokio::test]
    async fn a_node_sees_only_its_own_summary() {
        let coordinator = Running::start().await;
        let (one, two) = (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        let path = format!("/v1/nodes/{}", one.id());
        for token in [None, Some(two.token.as_str()), Some(coordinator.operator.as_str())] {
            assert_eq!(code_of(coordinator.get_as(&path, token).await).await, ErrorCode::Unauthorised);
        }
    }
}
