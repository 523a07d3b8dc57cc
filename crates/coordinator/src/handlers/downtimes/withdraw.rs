//! `DELETE /v1/nodes/{node}/downtimes/{begins_at}`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::ErrorCode;
use streamr_model::{NodeId, UnixMs};

use crate::extract::{EnrolledNode, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Take declared downtime back, as long as it has not begun.
#[utoipa::path(delete, path = "/nodes/{node}/downtimes/{begins_at}", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id"),
        ("begins_at" = u64, Path, description = "When it begins, in Unix milliseconds")),
    responses((status = 204, description = "Taken back"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn withdraw(
    asker: EnrolledNode,
    Path((node, begins_at)): Path<(NodeId, u64)>,
    State(app): State<AppState>,
) -> Result<StatusCode, Refused> {
    asker.only(&node)?;
    let mut tx = app.storage.write().await?;
    if !tx.withdraw_downtime(&node, UnixMs(begins_at), app.now()).await? {
        let detail = "No downtime of this node begins then, or it has begun already.";
        return Err(Refused::new(ErrorCode::BadRequest, detail));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, NodeSummary};

    use crate::testing::{Node, Running, START, code_of};

    #[tokio::test]
    async fn downtime_can_be_taken_back_until_it_begins() {
        let coordinator = Running::start().await;
        let node = Node::enrolled(&coordinator, 1).await;
        let path = format!("/v1/nodes/{}/downtimes", node.id());
        let begins_at = START + 3_600_000;
        let body = json!({"begins_at": begins_at, "ends_at": begins_at + 1_200_000});
        let declare = async || coordinator.post(&path, Some(&node.token), &body).await.status().as_u16();
        let withdraw = async || coordinator.delete(&format!("{path}/{begins_at}"), Some(&node.token)).await;
        assert_eq!(declare().await, 201);
        assert_eq!(withdraw().await.status(), 204);
        assert_eq!(code_of(withdraw().await).await, ErrorCode::BadRequest, "it is gone");
        assert_eq!(declare().await, 201);
        coordinator.clock.advance_s(3_600);
        assert_eq!(code_of(withdraw().await).await, ErrorCode::BadRequest, "it has begun");
        let summary = coordinator.get_as(&format!("/v1/nodes/{}", node.id()), Some(&node.token)).await;
        assert_eq!(summary.json::<NodeSummary>().await.unwrap().downtimes.len(), 1);
    }
}
