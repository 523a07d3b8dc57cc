//! `DELETE /v1/sessions`

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use crate::extract::{OwnUrl, Person};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::sign_in::cookie;
use crate::state::AppState;

/// Sign out everywhere: every session of the account is over, this one too.
#[utoipa::path(delete, path = "/sessions", tag = "sessions", security(("session" = []), ("cookie" = [])),
    responses((status = 204, description = "Signed out"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn sign_out_everywhere(
    person: Person,
    OwnUrl(own_url): OwnUrl,
    State(app): State<AppState>,
) -> Result<impl IntoResponse, Refused> {
    let mut tx = app.storage.write().await?;
    tx.end_sign_ins(&person.account.id, None).await?;
    tx.commit().await?;
    tracing::info!(account = %person.account.handle, "signed out everywhere");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::clear(&own_url))]))
}

#[cfg(test)]
mod tests {
    use crate::testing::Running;

    #[tokio::test]
    async fn signing_out_everywhere_ends_every_session_of_this_account_only() {
        let coordinator = Running::start().await;
        let here = coordinator.person("alice", "supporter").await;
        let there = coordinator.sign_in("alice").await;
        let bob = coordinator.person("bob", "supporter").await;
        assert_eq!(coordinator.delete("/v1/sessions", Some(&here)).await.status(), 204);
        assert!(!coordinator.knows(&here).await && !coordinator.knows(&there).await);
        assert!(coordinator.knows(&bob).await);
    }
}
