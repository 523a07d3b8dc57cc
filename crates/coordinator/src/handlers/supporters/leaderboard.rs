//! `GET /v1/leaderboard`

use axum::extract::State;
use streamr_coordinator_api::Leaderboard;

use crate::extract::Json;
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Who gave most over all streams, of those who agreed to be shown. Public.
#[utoipa::path(get, path = "/leaderboard", tag = "streams", security(()),
    responses((status = 200, description = "The leaderboard", body = Leaderboard), (status = "default", response = ProblemResponse)))]
pub(crate) async fn leaderboard(State(app): State<AppState>) -> Result<Json<Leaderboard>, Refused> {
    Ok(Json(app.published.leaderboard(&app.storage, app.now()).await?))
}
