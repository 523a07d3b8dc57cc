//! `PUT /v1/measurers/{node}`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::ErrorCode;
use streamr_model::NodeId;

use super::changed;
use crate::extract::{Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Measurers at most: each looks at three nodes in five minutes.
const MAX_MEASURERS: usize = 1_000;

/// Trust a node about others. It must be enrolled, and is told with its next heartbeat; nobody else is.
#[utoipa::path(put, path = "/measurers/{node}", tag = "measurers",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    params(("node" = String, Path, description = "The node's id")),
    responses((status = 204, description = "It measures"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn add(
    Operator(asker): Operator,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
) -> Result<StatusCode, Refused> {
    let mut tx = app.storage.write().await?;
    if !tx.lock_node(&node).await? {
        return Err(Refused::new(ErrorCode::NodeUnknown, "No such node is enrolled here."));
    }
    if tx.measurers().await?.len() >= MAX_MEASURERS {
        let detail = format!("There are {MAX_MEASURERS} measurers already.");
        return Err(Refused::new(ErrorCode::LimitReached, detail));
    }
    tx.add_measurer(&node, app.now()).await?;
    changed(&mut tx, &node).await?;
    tx.commit().await?;
    let by = asker.account().map(|by| by.handle.as_str());
    tracing::info!(node = %node.short(), by, "node measures");
    Ok(StatusCode::NO_CONTENT)
}
