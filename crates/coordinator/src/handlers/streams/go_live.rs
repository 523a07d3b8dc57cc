//! `PUT /v1/streams/{stream}/live`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::GoLive;

use crate::extract::{Json, Publisher};
use crate::handlers::openapi::ProblemResponse;
use crate::presence;
use crate::problem::Refused;
use crate::state::AppState;
use crate::validate;

/// The stream is live. To be repeated every 5 s; after 15 s of silence it is no longer live.
#[utoipa::path(put, path = "/streams/{stream}/live", tag = "streams", security(("publish" = [])),
    params(("stream" = String, Path, description = "The stream's id")), request_body = GoLive,
    responses((status = 204, description = "Noted"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn go_live(
    Publisher(stream): Publisher,
    State(app): State<AppState>,
    Json(live): Json<GoLive>,
) -> Result<StatusCode, Refused> {
    validate::addresses(&live.addresses, GoLive::MAX_ADDRESSES)?;
    let mut tx = app.storage.write().await?;
    presence::go_live(&mut tx, &stream.stream, &live, app.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, LiveStreams};
    use streamr_model::UnixMs;

    use crate::testing::{Running, START, code_of, live};

    async fn live_since(coordinator: &Running) -> Option<UnixMs> {
        let list: LiveStreams = coordinator.get("/v1/streams").await.json().await.unwrap();
        list.streams[0].live_since
    }

    #[tokio::test]
    async fn a_stream_is_live_for_three_repeats() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        coordinator.clock.advance_s(14);
        assert!(live_since(&coordinator).await.is_some());
        coordinator.clock.advance_s(1);
        assert!(live_since(&coordinator).await.is_none());
    }

    #[tokio::test]
    async fn a_live_survives_a_restart_of_the_coordinator() {
        let mut coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        coordinator.restart().await;
        assert!(live_since(&coordinator).await.is_some());
    }

    #[tokio::test]
    async fn no_live_begins_in_the_future() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let mut body = live();
        body["live_since"] = json!(START + 86_400_000);
        coordinator.put("/v1/streams/alice/live", Some(&secret), &body).await;
        assert_eq!(live_since(&coordinator).await, Some(UnixMs(START)));
    }

    #[tokio::test]
    async fn only_this_streams_secret_makes_it_live() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let other = coordinator.register("bob").await;
        for token in [None, Some("guess"), Some(other.as_str()), Some(coordinator.operator.as_str())] {
            let answer = coordinator.put("/v1/streams/alice/live", token, &live()).await;
            assert_eq!(code_of(answer).await, ErrorCode::Unauthorised);
        }
        let answer = coordinator.put("/v1/streams/carol/live", Some(&other), &live()).await;
        assert_eq!(code_of(answer).await, ErrorCode::StreamUnknown);
    }

    #[tokio::test]
    async fn addresses_that_are_none_are_refused() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let mut body = live();
        body["addresses"] = json!(["127.0.0.1:80"]);
        let answer = coordinator.put("/v1/streams/alice/live", Some(&secret), &body).await;
        assert_eq!(code_of(answer).await, ErrorCode::BadRequest);
    }
}
