//! `GET /`

use axum::extract::State;
use streamr_coordinator_api::old::{OldHealth, OldProblem};

use super::health;
use super::refused::OldRefused;
use crate::extract::Json;
use crate::state::AppState;

/// The same as `GET /health`.
#[utoipa::path(get, path = "/", tag = "service", security(()),
    responses((status = 200, description = "It works", body = OldHealth), (status = 500, description = "It does not", body = OldProblem)))]
pub(crate) async fn root(app: State<AppState>) -> Result<Json<OldHealth>, OldRefused> {
    health::health(app).await
}
