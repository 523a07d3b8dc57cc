//! `GET /v1/nodes/{node}/receipts/{stream}/{window}`

use axum::extract::State;
use streamr_coordinator_api::ReceiptsRequest;
use streamr_model::{NodeId, StreamId, Window};

use crate::extract::{EnrolledNode, Json, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// The most receipts of a window that are given back. No node has so many consumers.
const MOST: u32 = 1_000;

/// What others signed for the node in a window, with both signatures: everything the window's credit is made of.
/// For the node itself only.
#[utoipa::path(get, path = "/nodes/{node}/receipts/{stream}/{window}", tag = "nodes", security(("node" = [])),
    params(("node" = String, Path, description = "The node's id"), ("stream" = String, Path, description = "The stream's id"),
        ("window" = u64, Path, description = "The window of five minutes, counted from 1970")),
    responses((status = 200, description = "The receipts", body = ReceiptsRequest), (status = "default", response = ProblemResponse)))]
pub(crate) async fn show_receipts(
    asker: EnrolledNode,
    Path((node, stream, window)): Path<(NodeId, StreamId, u64)>,
    State(app): State<AppState>,
) -> Result<Json<ReceiptsRequest>, Refused> {
    asker.only(&node)?;
    let mut tx = app.storage.read().await?;
    Ok(Json(ReceiptsRequest { receipts: tx.receipts_for(&node, &stream, Window(window), MOST).await? }))
}
