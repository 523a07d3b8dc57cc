//! `GET /v1/streams/{stream}/impact`

use axum::extract::State;
use streamr_coordinator_api::StreamImpact;
use streamr_model::StreamId;

use crate::extract::{Json, Path, unknown_stream};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// What support did for a stream in the last four weeks. Public.
#[utoipa::path(get, path = "/streams/{stream}/impact", tag = "streams", security(()),
    params(("stream" = String, Path, description = "The stream's id")),
    responses((status = 200, description = "What support did", body = StreamImpact), (status = "default", response = ProblemResponse)))]
pub(crate) async fn impact(
    Path(stream): Path<StreamId>,
    State(app): State<AppState>,
) -> Result<Json<StreamImpact>, Refused> {
    let registered = app.storage.read().await?.stream(&stream).await?;
    let registered = registered.ok_or_else(|| unknown_stream(&stream))?;
    Ok(Json(app.published.impact(&app.storage, &registered, app.now()).await?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, StreamImpact};
    use streamr_model::MicroUnits;

    use crate::testing::{Running, code_of};

    async fn impact(coordinator: &Running) -> StreamImpact {
        coordinator.get("/v1/streams/alice/impact").await.json().await.unwrap()
    }

    #[tokio::test]
    async fn what_was_carried_is_told_in_bytes_minutes_and_money() {
        let coordinator = Running::start().await;
        coordinator.supported_hour(0).await;
        let told = impact(&coordinator).await;
        assert_eq!((told.live_s, told.supporters), (60, 2));
        assert_eq!(told.carried.peer_bytes, 10_000_100);
        // 10 MB of 4 Mb/s are 20 s.
        assert_eq!((told.viewer_minutes, told.saved), (Some(0), None));

        let costs = json!({"currency": "EUR", "egress_per_gb": 5_000_000, "items": []});
        assert_eq!(coordinator.put("/v1/costs", Some(&coordinator.operator), &costs).await.status(), 204);
        let saved = impact(&coordinator).await.saved.unwrap();
        assert_eq!((saved.amount, saved.currency.as_str()), (MicroUnits(50_000), "EUR"));
    }

    #[tokio::test]
    async fn what_nodes_say_they_fetched_from_the_origin_is_added_up_once() {
        let coordinator = Running::start().await;
        let (secret, mut nodes) = coordinator.supported_hour(0).await;
        for bytes in [1_000, 1_000, 5_000] {
            nodes[0].heartbeat.bytes_origin = bytes;
            coordinator.support(&secret, &mut nodes, 30).await;
        }
        coordinator.clock.advance_s(600);
        assert_eq!(impact(&coordinator).await.carried.origin_bytes, 5_000);
        // A new session counts from nothing.
        nodes[0].begin_again();
        nodes[0].heartbeat.session += 1;
        nodes[0].heartbeat.bytes_origin = 0;
        nodes[0].beat(&coordinator).await;
        nodes[0].heartbeat.bytes_origin = 300;
        coordinator.support(&secret, &mut nodes[..1], 30).await;
        coordinator.clock.advance_s(600);
        assert_eq!(impact(&coordinator).await.carried.origin_bytes, 5_300);
    }

    #[tokio::test]
    async fn a_stream_that_is_not_registered_did_nothing() {
        let coordinator = Running::start().await;
        for path in ["/v1/streams/nobody/impact", "/v1/streams/nobody/supporters"] {
            assert_eq!(code_of(coordinator.get(path).await).await, ErrorCode::StreamUnknown);
        }
    }
}
