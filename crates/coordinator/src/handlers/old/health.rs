//! `GET /health`

use axum::extract::State;
use streamr_coordinator_api::old::{OldHealth, OldProblem};

use super::refused::OldRefused;
use crate::extract::Json;
use crate::state::AppState;

/// Whether the coordinator works: it can read its database.
#[utoipa::path(get, path = "/health", tag = "service", security(()),
    responses((status = 200, description = "It works", body = OldHealth), (status = 500, description = "It does not", body = OldProblem)))]
pub(crate) async fn health(State(app): State<AppState>) -> Result<Json<OldHealth>, OldRefused> {
    app.storage.read().await?;
    Ok(Json(OldHealth { status: "healthy".to_owned(), service: "streamr-coordinator".to_owned() }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::Running;

    #[tokio::test]
    async fn both_doors_say_that_the_house_is_healthy() {
        let coordinator = Running::start().await;
        for path in ["/health", "/"] {
            let answer = coordinator.get(path).await;
            assert_eq!(answer.status(), 200);
            let body: Value = answer.json().await.unwrap();
            assert_eq!(body, json!({"status": "healthy", "service": "streamr-coordinator"}), "{path}");
        }
    }
}
