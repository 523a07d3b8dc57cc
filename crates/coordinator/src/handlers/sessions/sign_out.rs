//! `DELETE /v1/sessions/current`

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use crate::extract::{OwnUrl, Person};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::sign_in::cookie;
use crate::state::AppState;

/// Sign out: this session is over, and a browser forgets its cookie.
#[utoipa::path(delete, path = "/sessions/current", tag = "sessions", security(("session" = []), ("cookie" = [])),
    responses((status = 204, description = "Signed out"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn sign_out(
    person: Person,
    OwnUrl(own_url): OwnUrl,
    State(app): State<AppState>,
) -> Result<impl IntoResponse, Refused> {
    let mut tx = app.storage.write().await?;
    tx.end_sign_in(person.session).await?;
    tx.commit().await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::clear(&own_url))]))
}

#[cfg(test)]
mod tests {
    use crate::testing::Running;

    #[tokio::test]
    async fn signing_out_ends_this_session_and_no_other() {
        let coordinator = Running::start().await;
        let here = coordinator.person("alice", "supporter").await;
        let there = coordinator.sign_in("alice").await;
        let answer = coordinator.delete("/v1/sessions/current", Some(&here)).await;
        assert_eq!(answer.status(), 204);
        assert!(answer.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
        assert!(!coordinator.knows(&here).await && coordinator.knows(&there).await);
        assert_eq!(coordinator.delete("/v1/sessions/current", Some(&here)).await.status(), 401);
    }
}
