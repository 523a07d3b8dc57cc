//! `DELETE /v1/nodes/{node}/name`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_model::NodeId;

use crate::extract::{EnrolledNode, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Be shown to nobody from now on. The next answer to whomever asks is without it.
#[utoipa::path(delete, path = "/nodes/{node}/name", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id")),
    responses((status = 204, description = "Shown to nobody"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn hide_name(
    asker: EnrolledNode,
    Path(node): Path<NodeId>,
    State(app): State<AppState>,
) -> Result<StatusCode, Refused> {
    asker.only(&node)?;
    let mut tx = app.storage.write().await?;
    tx.hide_name(&node).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
