//! `GET /v1/streams/{stream}/supporters`

use axum::extract::State;
use streamr_coordinator_api::Supporters;
use streamr_model::StreamId;

use crate::extract::{Json, Path, unknown_stream};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Who supported a stream, by the names of those who agreed to be shown. Public.
#[utoipa::path(get, path = "/streams/{stream}/supporters", tag = "streams", security(()),
    params(("stream" = String, Path, description = "The stream's id")),
    responses((status = 200, description = "Its supporters", body = Supporters), (status = "default", response = ProblemResponse)))]
pub(crate) async fn list(
    Path(stream): Path<StreamId>,
    State(app): State<AppState>,
) -> Result<Json<Supporters>, Refused> {
    let registered = app.storage.read().await?.stream(&stream).await?;
    let registered = registered.ok_or_else(|| unknown_stream(&stream))?;
    Ok(Json(app.published.supporters(&app.storage, &registered, app.now()).await?))
}
