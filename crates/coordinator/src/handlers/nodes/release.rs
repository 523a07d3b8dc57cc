//! `DELETE /v1/nodes/{node}/account`

use axum::extract::State;
use axum::http::StatusCode;

use crate::extract::NodeKeeper;
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// The node is nobody's from now on. For the person whose it is, for the node itself by its token (its machine
/// may have been sold, or its person talked into giving it away), and for an operator. Releasing a node that is
/// nobody's changes nothing.
#[utoipa::path(delete, path = "/nodes/{node}/account", tag = "nodes",
    security(("session" = []), ("cookie" = []), ("node" = []), ("operator" = [])),
    params(("node" = String, Path, description = "The node's id")),
    responses((status = 204, description = "Released"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn release(
    NodeKeeper(node): NodeKeeper,
    State(app): State<AppState>,
) -> Result<StatusCode, Refused> {
    let mut tx = app.storage.write().await?;
    tx.release_node(&node).await?;
    tx.commit().await?;
    tracing::info!(node = %node.short(), "node released");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, OwnNodes};

    use crate::testing::{Node, Running, code_of};

    #[tokio::test]
    async fn its_person_itself_and_the_operator_release_a_node_and_nobody_else() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        let bob = coordinator.person("bob", "streamer").await;
        let (node, other) = (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        let path = format!("/v1/nodes/{}/account", node.id());
        for token in [&alice, &node.token, &coordinator.operator] {
            let code = coordinator.claim_code(&alice, &node).await;
            assert_eq!(coordinator.claim("alice", &code, &node).await.status(), 204);
            let refused = coordinator.delete(&path, Some(&bob)).await;
            assert_eq!(code_of(refused).await, ErrorCode::Forbidden);
            for token in [None, Some("guess"), Some(other.token.as_str())] {
                let refused = coordinator.delete(&path, token).await;
                assert_eq!(code_of(refused).await, ErrorCode::Unauthorised);
            }
            assert_eq!(coordinator.delete(&path, Some(token)).await.status(), 204);
            let left = coordinator.get_as("/v1/accounts/me/nodes", Some(&alice)).await;
            assert_eq!(left.json::<OwnNodes>().await.unwrap().nodes, []);
        }
    }
}
