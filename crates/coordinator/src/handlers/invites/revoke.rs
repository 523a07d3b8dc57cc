//! `DELETE /v1/streams/{stream}/invites/{invite}`

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use streamr_coordinator_api::ErrorCode;

use crate::extract::{Path, StreamKeeper};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

#[derive(Deserialize)]
pub(crate) struct OfPath {
    invite: String,
}

/// Take an invite back. Whoever has the link is told so; a node that has joined with it stays.
#[utoipa::path(delete, path = "/streams/{stream}/invites/{invite}", tag = "invites",
    security(("publish" = []), ("session" = []), ("cookie" = []), ("operator" = [])),
    params(("stream" = String, Path, description = "The stream's id"),
           ("invite" = String, Path, description = "The invite as the list names it")),
    responses((status = 204, description = "Taken back"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn revoke(
    StreamKeeper(stream): StreamKeeper,
    Path(OfPath { invite }): Path<OfPath>,
    State(app): State<AppState>,
) -> Result<StatusCode, Refused> {
    let mut tx = app.storage.write().await?;
    if !tx.revoke_invite(&stream.stream, &invite, app.now()).await? {
        let detail = "This stream has no unused invite of this name. Its list says what became of each.";
        return Err(Refused::new(ErrorCode::InviteUnknown, detail));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, InviteState, Invites};

    use crate::testing::{Node, Running, code_of};

    async fn listed(coordinator: &Running, secret: &str) -> Invites {
        coordinator.get_as("/v1/streams/alice/invites", Some(secret)).await.json().await.unwrap()
    }

    #[tokio::test]
    async fn an_invite_that_was_taken_back_lets_nobody_in() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let code = coordinator.invite("alice", &secret).await;
        let name = listed(&coordinator, &secret).await.invites[0].invite.clone();
        let path = format!("/v1/streams/alice/invites/{name}");
        for _ in 0..2 {
            assert_eq!(coordinator.delete(&path, Some(&secret)).await.status(), 204);
        }
        assert_eq!(listed(&coordinator, &secret).await.invites[0].state, InviteState::Revoked);
        assert_eq!(Node::new(1).enrol(&coordinator, Some(&code)).await, Err(ErrorCode::InviteRevoked));
        let preview = coordinator.get(&format!("/v1/invites/{code}")).await;
        assert_eq!(code_of(preview).await, ErrorCode::InviteRevoked);
    }

    #[tokio::test]
    async fn an_invite_is_taken_back_only_by_its_own_streamer_and_only_unused() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let other = coordinator.register("bob").await;
        let code = coordinator.invite("alice", &secret).await;
        let name = listed(&coordinator, &secret).await.invites[0].invite.clone();
        let refused = async |stream: &str, name: &str, token: &str| {
            let path = format!("/v1/streams/{stream}/invites/{name}");
            code_of(coordinator.delete(&path, Some(token)).await).await
        };
        assert_eq!(refused("alice", &name, &other).await, ErrorCode::Unauthorised);
        assert_eq!(refused("bob", &name, &other).await, ErrorCode::InviteUnknown);
        assert_eq!(refused("alice", &code, &secret).await, ErrorCode::InviteUnknown);
        assert_eq!(refused("alice", "'%20OR%201=1", &secret).await, ErrorCode::InviteUnknown);
        Node::new(1).enrol(&coordinator, Some(&code)).await.unwrap();
        assert_eq!(refused("alice", &name, &secret).await, ErrorCode::InviteUnknown);
        assert_eq!(listed(&coordinator, &secret).await.invites[0].state, InviteState::Used);
    }
}
