//! `DELETE /v1/measurers/{node}`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_model::NodeId;

use super::changed;
use crate::extract::{Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Trust a node about others no longer. What it has said stays. Removing one that does not measure changes nothing.
#[utoipa::path(delete, path = "/measurers/{node}", tag = "measurers",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    params(("node" = String, Path, description = "The node's id")),
    responses((status = 204, description = "It does not measure"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn remove(
    Operator(asker): Operator,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
) -> Result<StatusCode, Refused> {
    let mut tx = app.storage.write().await?;
    tx.lock_node(&node).await?;
    tx.remove_measurer(&node).await?;
    changed(&mut tx, &node).await?;
    tx.commit().await?;
    let by = asker.account().map(|by| by.handle.as_str());
    tracing::info!(node = %node.short(), by, "node does not measure any more");
    Ok(StatusCode::NO_CONTENT)
}
