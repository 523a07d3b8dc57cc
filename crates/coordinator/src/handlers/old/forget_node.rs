//! `DELETE /nodes/{node_id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use streamr_coordinator_api::old::OldProblem;

use super::refused::OldRefused;
use super::register_stream::no_operator;
use crate::extract::Operator;
use crate::old_surface::names::OldNodeId;
use crate::problem::Refused;
use crate::state::AppState;
use crate::storage::locks::Whole;

/// Forget where a node of the old kind was first seen, and what polls found out: its next heartbeat is its
/// first. For a node that moved, or a name that somebody else took. Not an endpoint of June 2025. What was
/// earned stays.
#[utoipa::path(delete, path = "/nodes/{node_id}", tag = "nodes", security(("operator" = [])),
    params(("node_id" = String, Path, description = "The node's name")),
    responses((status = 204, description = "Forgotten"), (status = 401, description = "The operator token is missing or wrong", body = OldProblem),
        (status = 404, description = "No node has this name", body = OldProblem)))]
pub(crate) async fn forget_node(
    operator: Result<Operator, Refused>,
    State(app): State<AppState>,
    Path(node): Path<String>,
) -> Result<StatusCode, OldRefused> {
    if operator.is_err() {
        return Err(no_operator());
    }
    let unknown = || OldRefused::not_found("Node not found");
    let node: OldNodeId = node.parse().map_err(|_| unknown())?;
    let mut tx = app.storage.write().await?;
    tx.lock_whole(Whole::OldHouse).await?;
    if !tx.forget_old_node(&node).await? {
        return Err(unknown());
    }
    tx.commit().await?;
    tracing::info!(%node, "node of the old kind forgotten");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::handlers::old::testing::{active, beat, new_stream};
    use crate::testing::Running;

    #[tokio::test]
    async fn a_node_that_moved_is_heard_at_its_new_address_once_the_operator_says_so() {
        let coordinator = Running::start().await;
        let operator = coordinator.operator.clone();
        coordinator.post("/streams", Some(&operator), &new_stream("obs-test", 10)).await;
        beat(&coordinator, "n1", "obs-test", "http://before.example/").await;
        coordinator.clock.advance_s(3600);
        beat(&coordinator, "n1", "obs-test", "http://after.example/").await;
        assert!(active(&coordinator, "obs-test").await.is_empty());
        assert_eq!(coordinator.delete("/nodes/n1", None).await.status(), 401);
        assert_eq!(coordinator.delete("/nodes/n1", Some(&operator)).await.status(), 204);
        assert_eq!(coordinator.delete("/nodes/n1", Some(&operator)).await.status(), 404);
        beat(&coordinator, "n1", "obs-test", "http://after.example/").await;
        assert_eq!(active(&coordinator, "obs-test").await, ["n1"]);
    }
}
