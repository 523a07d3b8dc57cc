//! `POST /v1/nodes/challenge`

use axum::extract::State;
use streamr_coordinator_api::{Challenge, ChallengeRequest};

use crate::extract::Json;
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::secret::random;
use crate::state::{AppState, lock};

/// Ask for a challenge to enrol with: for this node, once, within a minute.
#[utoipa::path(post, path = "/nodes/challenge", tag = "nodes", security(()), request_body = ChallengeRequest,
    responses((status = 200, description = "To be signed", body = Challenge), (status = "default", response = ProblemResponse)))]
pub(crate) async fn challenge(
    State(app): State<AppState>,
    Json(request): Json<ChallengeRequest>,
) -> Result<Json<Challenge>, Refused> {
    let challenge = lock(&app.challenges).give(&request.node, random(), app.now());
    Ok(Json(Challenge { challenge }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{Challenge, ErrorCode};

    use crate::testing::{Node, Running, code_of};

    #[tokio::test]
    async fn every_challenge_is_another() {
        let coordinator = Running::start().await;
        let body = json!({"node": Node::new(1).id()});
        let ask = async || -> Challenge {
            coordinator.post("/v1/nodes/challenge", None, &body).await.json().await.unwrap()
        };
        assert_ne!(ask().await, ask().await);
    }

    #[tokio::test]
    async fn what_is_no_node_gets_none() {
        let coordinator = Running::start().await;
        let answer = coordinator.post("/v1/nodes/challenge", None, &json!({"node": "me"})).await;
        assert_eq!(code_of(answer).await, ErrorCode::BadRequest);
    }
}
