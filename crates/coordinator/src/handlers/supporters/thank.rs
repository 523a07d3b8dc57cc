//! `POST /v1/streams/{stream}/thanks`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{ErrorCode, GiveThanks};
use streamr_model::UnixMs;

use crate::extract::{Json, StreamKeeper};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;
use crate::validate;

/// Messages of a stream that are kept.
const KEPT: u32 = 200;
const DAY_MS: u64 = 24 * 3_600_000;

/// Say something nice to a supporter who agreed to be shown, or to all who have supported the stream. They see it
/// in their app.
#[utoipa::path(post, path = "/streams/{stream}/thanks", tag = "streams",
    security(("publish" = []), ("session" = []), ("cookie" = []), ("operator" = [])),
    params(("stream" = String, Path, description = "The stream's id")), request_body = GiveThanks,
    responses((status = 204, description = "Said"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn thank(
    StreamKeeper(stream): StreamKeeper,
    State(app): State<AppState>,
    Json(request): Json<GiveThanks>,
) -> Result<StatusCode, Refused> {
    validate::line("text", &request.text, GiveThanks::MAX_CHARS)?;
    let unknown = || {
        let detail = "Nobody who agreed to be shown is called so. They may have taken it back.";
        Refused::new(ErrorCode::SupporterUnknown, detail)
    };
    let now = app.now();
    let mut tx = app.storage.write().await?;
    let node = match &request.to {
        None => None,
        Some(to) => {
            let id = to.parse().map_err(|_| unknown())?;
            Some(tx.node_of_supporter(id).await?.ok_or_else(unknown)?)
        }
    };
    tx.lock_streams(&[&stream.stream]).await?;
    let a_day_ago = UnixMs(now.0.saturating_sub(DAY_MS));
    if tx.count_thanks(&stream.stream, a_day_ago).await? >= GiveThanks::MAX_A_DAY {
        let detail = format!("A stream thanks at most {} times within a day.", GiveThanks::MAX_A_DAY);
        return Err(Refused::new(ErrorCode::LimitReached, detail));
    }
    tx.give_thanks(&stream.stream, node.as_ref(), &request.text, KEPT, now).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, NodeSummary, Supporters, Thanks};

    use crate::testing::{Node, Running, code_of};

    async fn thanks_to(coordinator: &Running, node: &Node) -> Vec<Thanks> {
        let answer = coordinator.get_as(&format!("/v1/nodes/{}", node.id()), Some(&node.token)).await;
        answer.json::<NodeSummary>().await.unwrap().thanks
    }

    #[tokio::test]
    async fn a_streamer_thanks_one_or_all_and_they_see_it() {
        let coordinator = Running::start().await;
        let (secret, nodes) = coordinator.supported_hour(0).await;
        let stranger = Node::enrolled(&coordinator, 9).await;
        let path = format!("/v1/nodes/{}/name", nodes[0].id());
        coordinator.put(&path, Some(&nodes[0].token), &json!({"name": "Ada"})).await;
        let shown: Supporters = coordinator.get("/v1/streams/alice/supporters").await.json().await.unwrap();
        let thank = async |to: Option<&str>, text: &str| {
            let body = json!({"to": to, "text": text});
            coordinator.post("/v1/streams/alice/thanks", Some(&secret), &body).await
        };
        assert_eq!(thank(Some(&shown.supporters[0].supporter), "You carried us!").await.status(), 204);
        coordinator.clock.advance_s(1);
        assert_eq!(thank(None, "Thanks, all of you.").await.status(), 204);

        let of_ada = thanks_to(&coordinator, &nodes[0]).await;
        let texts: Vec<_> = of_ada.iter().map(|one| (one.text.as_str(), one.personal)).collect();
        assert_eq!(texts, [("Thanks, all of you.", false), ("You carried us!", true)]);
        assert_eq!(of_ada[0].streamer, "alice");
        assert_eq!(thanks_to(&coordinator, &nodes[1]).await.len(), 1);
        assert_eq!(thanks_to(&coordinator, &stranger).await, []);
        for to in ["nobody", &"0".repeat(32)] {
            assert_eq!(code_of(thank(Some(to), "hello").await).await, ErrorCode::SupporterUnknown);
        }
        for text in ["", "a\nb", &"x".repeat(281)] {
            assert_eq!(code_of(thank(None, text).await).await, ErrorCode::BadRequest);
        }
    }

    #[tokio::test]
    async fn only_who_keeps_the_stream_thanks_and_not_without_end() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let bob = coordinator.person("bob", "streamer").await;
        let thank = async |token: Option<&str>| {
            coordinator.post("/v1/streams/alice/thanks", token, &json!({"text": "thanks"})).await
        };
        assert_eq!(code_of(thank(None).await).await, ErrorCode::Unauthorised);
        assert_eq!(code_of(thank(Some(&bob)).await).await, ErrorCode::Forbidden);
        for _ in 0..50 {
            assert_eq!(thank(Some(&secret)).await.status(), 204);
        }
        assert_eq!(code_of(thank(Some(&secret)).await).await, ErrorCode::LimitReached);
        coordinator.clock.advance_s(86_401);
        assert_eq!(thank(Some(&secret)).await.status(), 204);
    }
}
