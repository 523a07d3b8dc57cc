//! `PUT /v1/accounts/me/password`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{ChangePassword, ErrorCode};

use crate::accounts::password;
use crate::extract::{ClientAddress, Json, Person};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::sign_in::check_password;
use crate::state::AppState;

/// Change the password. Every other session of the account ends, and its open claim code is void: whoever
/// changes a password may do so because somebody else knew it.
#[utoipa::path(put, path = "/accounts/me/password", tag = "accounts", security(("session" = []), ("cookie" = [])),
    request_body = ChangePassword,
    responses((status = 204, description = "Changed"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn change_password(
    Person { account, session }: Person,
    from: ClientAddress,
    State(app): State<AppState>,
    Json(request): Json<ChangePassword>,
) -> Result<StatusCode, Refused> {
    let new = password::normal(&request.new);
    password::check(&new, &account.handle, account.email.as_deref())
        .map_err(|error| Refused::new(ErrorCode::PasswordUnsuitable, error.to_string()))?;
    let stored = app.storage.read().await?.password(&account.id).await?;
    check_password(&app, Some(&account.handle), stored.as_ref(), &request.current, from).await?;
    let new = app.passwords.hash(new).await?;
    let mut tx = app.storage.write().await?;
    tx.lock_account(&account.id).await?;
    tx.set_password(&account.id, &new, app.now()).await?;
    tx.end_sign_ins(&account.id, Some(session)).await?;
    tx.close_claim(&account.id).await?;
    tx.commit().await?;
    tracing::info!(account = %account.handle, "password changed");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::people::PASSWORD;
    use crate::testing::{Node, Running, code_of};

    const NEW: &str = "snow on the roof";

    #[tokio::test]
    async fn a_changed_password_ends_every_other_session_and_the_old_password() {
        let coordinator = Running::start().await;
        let here = coordinator.person("alice", "supporter").await;
        let thief = coordinator.sign_in("alice").await;
        let bob = coordinator.person("bob", "supporter").await;
        let code = coordinator.claim_code(&thief, &Node::new(1)).await;

        let body = json!({"current": PASSWORD, "new": NEW});
        assert_eq!(coordinator.put("/v1/accounts/me/password", Some(&here), &body).await.status(), 204);
        assert!(coordinator.knows(&here).await && coordinator.knows(&bob).await);
        assert!(!coordinator.knows(&thief).await);
        let old = coordinator.try_sign_in("alice", PASSWORD).await;
        assert_eq!(code_of(old).await, ErrorCode::SignInFailed);
        assert_eq!(coordinator.try_sign_in("alice", NEW).await.status(), 200);
        let node = Node::enrolled(&coordinator, 1).await;
        let claim = coordinator.claim("alice", &code, &node).await;
        assert_eq!(code_of(claim).await, ErrorCode::ClaimStale);
    }

    #[tokio::test]
    async fn whoever_only_has_the_session_cannot_change_the_password() {
        let coordinator = Running::start().await;
        let stolen = coordinator.person("alice", "supporter").await;
        let change = async |current: &str, new: &str| {
            let body = json!({"current": current, "new": new});
            code_of(coordinator.put("/v1/accounts/me/password", Some(&stolen), &body).await).await
        };
        assert_eq!(change("a guess at the roof", NEW).await, ErrorCode::SignInFailed);
        assert_eq!(change(PASSWORD, "short").await, ErrorCode::PasswordUnsuitable);
        for _ in 0..4 {
            change("a guess at the roof", NEW).await;
        }
        assert_eq!(change(PASSWORD, NEW).await, ErrorCode::RateLimited);
    }
}
