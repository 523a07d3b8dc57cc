//! `POST /v1/accounts/me/claims`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{AskClaim, ClaimCode};
use streamr_model::UnixMs;

use crate::extract::{Json, Person};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::secret::{SecretHash, draw_invite_code};
use crate::state::AppState;

/// Ask for a code with which one node can say that it is the asker's: once, within ten minutes. The code that
/// was given before is void.
#[utoipa::path(post, path = "/accounts/me/claims", tag = "accounts", security(("session" = []), ("cookie" = [])),
    request_body = AskClaim,
    responses((status = 201, description = "To be signed by the node", body = ClaimCode), (status = "default", response = ProblemResponse)))]
pub(crate) async fn ask_claim(
    Person { account, .. }: Person,
    State(app): State<AppState>,
    Json(request): Json<AskClaim>,
) -> Result<(StatusCode, Json<ClaimCode>), Refused> {
    let code = draw_invite_code();
    let expires_at = UnixMs(app.now().0 + ClaimCode::VALID_MS);
    let mut tx = app.storage.write().await?;
    tx.open_claim(&account.id, SecretHash::of_invite_code(&code), &request.node, expires_at).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(ClaimCode { code, expires_at })))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::{Node, Running, code_of};

    #[tokio::test]
    async fn an_account_has_one_open_code() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        let node = Node::enrolled(&coordinator, 1).await;
        let first = coordinator.claim_code(&alice, &node).await;
        let second = coordinator.claim_code(&alice, &node).await;
        let void = coordinator.claim("alice", &first, &node).await;
        assert_eq!(code_of(void).await, ErrorCode::ClaimStale);
        assert_eq!(coordinator.claim("alice", &second, &node).await.status(), 204);
    }

    #[tokio::test]
    async fn nobody_gets_a_code_without_signing_in() {
        let coordinator = Running::start().await;
        let node = Node::enrolled(&coordinator, 1).await;
        for token in [None, Some(node.token.as_str()), Some(coordinator.operator.as_str())] {
            let answer = coordinator.post("/v1/accounts/me/claims", token, &json!({"node": node.id()})).await;
            assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        }
    }
}
