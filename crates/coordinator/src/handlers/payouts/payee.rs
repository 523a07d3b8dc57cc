//! `PUT /v1/nodes/{node}/payee` and `DELETE /v1/nodes/{node}/payee`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{ErrorCode, Payee};
use streamr_model::NodeId;

use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::payouts::StoredPayee;
use crate::problem::Refused;
use crate::state::AppState;

/// Set where the node's money goes. Payments that are on their way already go where it was set before.
#[utoipa::path(put, path = "/nodes/{node}/payee", tag = "nodes", security(("node" = [])), request_body = Payee,
    params(("node" = String, Path, description = "The node's id")),
    responses((status = 204, description = "Set"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn set(
    EnrolledNode(asker): EnrolledNode,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
    Json(payee): Json<Payee>,
) -> Result<StatusCode, Refused> {
    own(asker, node)?;
    let payee: StoredPayee = payee
        .try_into()
        .map_err(|error| Refused::new(ErrorCode::BadRequest, format!("Not set: {error}.")))?;
    let mut tx = app.storage.write().await?;
    tx.set_payee(&node, &payee, app.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget where the node's money goes. What it is owed stays owed.
#[utoipa::path(delete, path = "/nodes/{node}/payee", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id")),
    responses((status = 204, description = "Forgotten"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn forget(
    EnrolledNode(asker): EnrolledNode,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
) -> Result<StatusCode, Refused> {
    own(asker, node)?;
    let mut tx = app.storage.write().await?;
    tx.forget_payee(&node).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn own(asker: NodeId, node: NodeId) -> Result<(), Refused> {
    if asker == node {
        Ok(())
    } else {
        Err(Refused::new(ErrorCode::Unauthorised, "This is another node's token."))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{Earnings, ErrorCode};

    use crate::testing::{Node, Running, code_of};

    #[tokio::test]
    async fn a_node_sets_its_payee_and_is_shown_only_the_end_of_it() {
        let coordinator = Running::start().await;
        let node = Node::enrolled(&coordinator, 1).await;
        coordinator.set_payee(&node).await;
        let path = format!("/v1/nodes/{}/earnings", node.id());
        let text = coordinator.get_as(&path, Some(&node.token)).await.text().await.unwrap();
        assert!(!text.contains("DE89") && !text.contains("Ada"), "{text}");
        let shown = serde_json::from_str::<Earnings>(&text).unwrap().payee.unwrap();
        assert_eq!((shown.kind.as_str(), shown.ends_with.as_str()), ("iban", "3000"));
        let gone = coordinator.delete(&format!("/v1/nodes/{}/payee", node.id()), Some(&node.token)).await;
        assert_eq!(gone.status(), 204);
        let after: Earnings = coordinator.get_as(&path, Some(&node.token)).await.json().await.unwrap();
        assert_eq!(after.payee, None);
    }

    #[tokio::test]
    async fn nobody_sets_anothers_payee_nor_nonsense() {
        let coordinator = Running::start().await;
        let (one, two) = (Node::enrolled(&coordinator, 1).await, Node::enrolled(&coordinator, 2).await);
        let path = format!("/v1/nodes/{}/payee", one.id());
        let good = json!({"name": "Ada", "destination": {"kind": "handle", "account": "ada"}});
        for token in [None, Some(two.token.as_str()), Some(coordinator.operator.as_str())] {
            assert_eq!(code_of(coordinator.put(&path, token, &good).await).await, ErrorCode::Unauthorised);
            assert_eq!(code_of(coordinator.delete(&path, token).await).await, ErrorCode::Unauthorised);
        }
        for bad in [
            json!({"name": "Ada", "destination": {"kind": "iban", "account": "DE89370400440532013001"}}),
            json!({"name": "A\nda", "destination": {"kind": "handle", "account": "ada"}}),
            json!({"name": "Ada", "destination": {"kind": "cash", "account": "ada"}}),
        ] {
            assert_eq!(
                code_of(coordinator.put(&path, Some(&one.token), &bad).await).await,
                ErrorCode::BadRequest
            );
        }
    }
}
