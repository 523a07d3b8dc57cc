//! `PUT /v1/accounts/{handle}/password`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{ErrorCode, ResetPassword};

use super::named;
use crate::accounts::password;
use crate::extract::{Json, Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Give a person who has lost theirs another password. Every session of the account ends, its passkeys are
/// removed and its open claim code is void: it may have been somebody else who held them.
#[utoipa::path(put, path = "/accounts/{handle}/password", tag = "accounts",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    params(("handle" = String, Path, description = "The account's handle")), request_body = ResetPassword,
    responses((status = 204, description = "Reset"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn reset_password(
    Operator(asker): Operator,
    Path(handle): Path<String>,
    State(app): State<AppState>,
    Json(request): Json<ResetPassword>,
) -> Result<StatusCode, Refused> {
    let account = named(&mut app.storage.read().await?, &handle).await?;
    let new = password::normal(&request.password);
    password::check(&new, &account.handle, account.email.as_deref())
        .map_err(|error| Refused::new(ErrorCode::PasswordUnsuitable, error.to_string()))?;
    let new = app.passwords.hash(new).await?;
    let mut tx = app.storage.write().await?;
    tx.lock_account(&account.id).await?;
    tx.set_password(&account.id, &new, app.now()).await?;
    tx.end_sign_ins(&account.id, None).await?;
    tx.remove_passkeys(&account.id).await?;
    tx.close_claim(&account.id).await?;
    tx.commit().await?;
    let by = asker.account().map(|by| by.handle.as_str());
    tracing::info!(account = %account.handle, by, "password reset");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::authenticator::Site;
    use crate::testing::people::PASSWORD;
    use crate::testing::{Running, code_of};

    const NEW: &str = "snow on the roof";

    #[tokio::test]
    async fn after_a_reset_only_the_new_password_opens_the_account() {
        let site = Site::start().await;
        let (thief, mut key) = site.person_with_key("alice").await;
        let path = "/v1/accounts/alice/password";
        let body = json!({"password": NEW});
        let operator = site.coordinator.operator.clone();
        assert_eq!(site.coordinator.put(path, Some(&operator), &body).await.status(), 204);
        assert!(!site.coordinator.knows(&thief).await);
        assert_eq!(code_of(site.sign_in(&mut key).await).await, ErrorCode::SignInFailed);
        assert_eq!(site.coordinator.try_sign_in("alice", PASSWORD).await.status(), 401);
        assert_eq!(site.coordinator.try_sign_in("alice", NEW).await.status(), 200);
    }

    #[tokio::test]
    async fn only_an_operator_resets_passwords() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "streamer").await;
        let olga = coordinator.person("olga", "operator").await;
        let reset = async |token: Option<&str>, password: &str| {
            let body = json!({"password": password});
            coordinator.put("/v1/accounts/alice/password", token, &body).await
        };
        assert_eq!(code_of(reset(Some(&alice), NEW).await).await, ErrorCode::Forbidden);
        assert_eq!(code_of(reset(None, NEW).await).await, ErrorCode::Unauthorised);
        assert_eq!(code_of(reset(Some(&olga), "short").await).await, ErrorCode::PasswordUnsuitable);
        assert_eq!(reset(Some(&olga), NEW).await.status(), 204);
    }
}
