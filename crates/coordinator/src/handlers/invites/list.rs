//! `GET /v1/streams/{stream}/invites`

use axum::extract::State;
use streamr_coordinator_api::Invites;

use crate::extract::{Json, StreamKeeper};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// The stream's invites, the newest first, and what became of each. Never their codes.
#[utoipa::path(get, path = "/streams/{stream}/invites", tag = "invites",
    security(("publish" = []), ("session" = []), ("cookie" = []), ("operator" = [])),
    params(("stream" = String, Path, description = "The stream's id")),
    responses((status = 200, description = "The invites", body = Invites), (status = "default", response = ProblemResponse)))]
pub(crate) async fn list(
    StreamKeeper(stream): StreamKeeper,
    State(app): State<AppState>,
) -> Result<Json<Invites>, Refused> {
    let mut tx = app.storage.read().await?;
    Ok(Json(Invites { invites: tx.invites_of(&stream.stream, app.now(), Invites::MAX).await? }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, InviteState, Invites};

    use crate::testing::{Node, Running, code_of};

    #[tokio::test]
    async fn what_became_of_each_invite_is_told_without_its_code() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let other = coordinator.register("bob").await;
        let mut codes = Vec::new();
        for valid_s in [60, 3600, 3600, 3600] {
            let body = json!({"valid_s": valid_s});
            let made = coordinator.post("/v1/streams/alice/invites", Some(&secret), &body).await;
            let made: serde_json::Value = made.json().await.unwrap();
            codes.push(made["code"].as_str().unwrap().to_owned());
            coordinator.clock.advance_s(20);
        }
        let mut node = Node::new(1);
        node.enrol(&coordinator, Some(&codes[1])).await.unwrap();

        let list = async |token: Option<&str>| coordinator.get_as("/v1/streams/alice/invites", token).await;
        let text = list(Some(&secret)).await.text().await.unwrap();
        assert!(codes.iter().all(|code| !text.contains(code.as_str())), "{text}");
        let listed: Invites = serde_json::from_str(&text).unwrap();
        let states: Vec<_> = listed.invites.iter().map(|invite| invite.state).collect();
        assert_eq!(states, [InviteState::Open, InviteState::Open, InviteState::Used, InviteState::Expired]);
        assert_eq!(listed.invites[2].used_by, Some(node.id()));
        let as_code = format!("/v1/invites/{}", listed.invites[0].invite);
        let as_code = coordinator.get(&as_code).await;
        assert_eq!(code_of(as_code).await, ErrorCode::InviteUnknown, "its name is no code");
        for token in [None, Some(other.as_str())] {
            assert_eq!(code_of(list(token).await).await, ErrorCode::Unauthorised);
        }
    }
}
