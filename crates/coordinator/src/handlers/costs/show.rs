//! `GET /v1/costs`

use axum::extract::State;
use streamr_coordinator_api::Costs;

use crate::extract::Json;
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// What running the network costs in a month, and what support saved. Public.
#[utoipa::path(get, path = "/costs", tag = "service", security(()),
    responses((status = 200, description = "The costs", body = Costs), (status = "default", response = ProblemResponse)))]
pub(crate) async fn show(State(app): State<AppState>) -> Result<Json<Costs>, Refused> {
    Ok(Json(app.published.costs(&app.storage, app.now()).await?))
}
