//! `GET /v1/streams`

use axum::extract::State;
use streamr_coordinator_api::LiveStreams;

use crate::extract::Json;
use crate::handlers::openapi::ProblemResponse;
use crate::presence::{live_after, member_after};
use crate::problem::Refused;
use crate::state::AppState;

/// Streams in one answer at most; live ones come first.
const MAX_STREAMS: u32 = 1000;

/// The streams to choose from, live ones first. Public.
#[utoipa::path(get, path = "/streams", tag = "streams", security(()),
    responses((status = 200, description = "The streams", body = LiveStreams), (status = "default", response = ProblemResponse)))]
pub(crate) async fn list(State(app): State<AppState>) -> Result<Json<LiveStreams>, Refused> {
    let now = app.now();
    let mut tx = app.storage.read().await?;
    let streams = tx.listed_streams(live_after(now), member_after(now), MAX_STREAMS).await?;
    Ok(Json(LiveStreams { streams }))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::LiveStreams;
    use streamr_model::{BitsPerSecond, UnixMs};

    use crate::testing::{Node, Running, START};

    async fn list(coordinator: &Running) -> LiveStreams {
        coordinator.get("/v1/streams").await.json().await.unwrap()
    }

    #[tokio::test]
    async fn live_streams_come_first_with_what_a_chooser_shows() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let secret = coordinator.register("zoe").await;
        coordinator.put_live("zoe", &secret).await;
        let streams = list(&coordinator).await.streams;
        let ids: Vec<_> = streams.iter().map(|stream| stream.stream.as_str()).collect();
        assert_eq!(ids, ["zoe", "alice"]);
        assert_eq!((streams[0].live_since, streams[1].live_since), (Some(UnixMs(START - 1000)), None));
        assert_eq!(
            (streams[0].bitrate_bps, streams[1].bitrate_bps),
            (BitsPerSecond(4_000_000), BitsPerSecond(0))
        );
        assert_eq!((streams[0].title.as_str(), streams[0].streamer.as_str()), ("Live of zoe", "zoe"));
    }

    #[tokio::test]
    async fn supporters_are_counted_while_they_are_heard_of() {
        let coordinator = Running::start().await;
        coordinator.register("alice").await;
        let mut node = Node::enrolled(&coordinator, 1).await;
        let supporters = async || list(&coordinator).await.streams[0].supporters;
        assert_eq!(supporters().await, 0);
        node.beat(&coordinator).await;
        assert_eq!(supporters().await, 1);
        coordinator.clock.advance_s(74);
        assert_eq!(supporters().await, 1);
        coordinator.clock.advance_s(1);
        assert_eq!(supporters().await, 0);
    }
}
