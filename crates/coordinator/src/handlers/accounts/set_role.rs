//! `PUT /v1/accounts/{handle}/role`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::SetRole;

use super::named;
use crate::extract::{Json, Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Say what an account is for. It holds from the account's next request on.
#[utoipa::path(put, path = "/accounts/{handle}/role", tag = "accounts",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    params(("handle" = String, Path, description = "The account's handle")), request_body = SetRole,
    responses((status = 204, description = "Set"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn set_role(
    Operator(asker): Operator,
    Path(handle): Path<String>,
    State(app): State<AppState>,
    Json(request): Json<SetRole>,
) -> Result<StatusCode, Refused> {
    let mut tx = app.storage.write().await?;
    let account = named(&mut tx, &handle).await?;
    tx.set_role(&account.id, request.role).await?;
    tx.commit().await?;
    let by = asker.account().map(|by| by.handle.as_str());
    tracing::info!(account = %account.handle, role = ?request.role, by, "role set");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::{Running, code_of, stream};

    #[tokio::test]
    async fn a_role_holds_from_the_next_request_on() {
        let coordinator = Running::start().await;
        let olga = coordinator.person("olga", "operator").await;
        let alice = coordinator.person("alice", "supporter").await;
        let refused = coordinator.post("/v1/streams", Some(&alice), &stream("alice")).await;
        assert_eq!(code_of(refused).await, ErrorCode::Forbidden);

        let role = async |token: &str, handle: &str, role: &str| {
            let body = json!({"role": role});
            coordinator.put(&format!("/v1/accounts/{handle}/role"), Some(token), &body).await
        };
        assert_eq!(role(&olga, "alice", "streamer").await.status(), 204);
        assert_eq!(coordinator.post("/v1/streams", Some(&alice), &stream("alice")).await.status(), 201);
        assert_eq!(role(&coordinator.operator, "olga", "supporter").await.status(), 204);
        assert_eq!(code_of(role(&olga, "alice", "supporter").await).await, ErrorCode::Forbidden);
        assert_eq!(code_of(role(&alice, "alice", "operator").await).await, ErrorCode::Forbidden);
        let nobody = role(&coordinator.operator, "nobody", "streamer").await;
        assert_eq!(code_of(nobody).await, ErrorCode::AccountUnknown);
        let injected = role(&coordinator.operator, "x'%20OR%20'1'='1", "operator").await;
        assert_eq!(code_of(injected).await, ErrorCode::AccountUnknown);
    }
}
