//! `GET /healthz`

use axum::extract::State;
use axum::http::StatusCode;

use crate::problem::Refused;
use crate::state::AppState;

/// Whether the coordinator works: 204 if it can read its database.
#[utoipa::path(get, path = "/healthz", tag = "service", security(()),
    responses((status = 204, description = "It works"), (status = "default", response = crate::handlers::openapi::ProblemResponse)))]
pub(crate) async fn health(State(app): State<AppState>) -> Result<StatusCode, Refused> {
    app.storage.read().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::testing::Running;

    #[tokio::test]
    async fn a_running_coordinator_is_healthy() {
        let coordinator = Running::start().await;
        assert_eq!(coordinator.get("/healthz").await.status(), 204);
    }
}
