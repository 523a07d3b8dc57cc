//! `DELETE /v1/streams/{stream}/live`

use axum::extract::State;
use axum::http::StatusCode;

use crate::extract::Publisher;
use crate::handlers::openapi::ProblemResponse;
use crate::presence;
use crate::problem::Refused;
use crate::state::AppState;

/// The live is over, at once. Saying so of a stream that is not live changes nothing.
#[utoipa::path(delete, path = "/streams/{stream}/live", tag = "streams", security(("publish" = [])),
    params(("stream" = String, Path, description = "The stream's id")),
    responses((status = 204, description = "Noted"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn end_live(
    Publisher(stream): Publisher,
    State(app): State<AppState>,
) -> Result<StatusCode, Refused> {
    let mut tx = app.storage.write().await?;
    presence::end_live(&mut tx, &stream.stream, app.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::LiveStreams;

    use crate::testing::Running;

    #[tokio::test]
    async fn a_live_ends_at_once_and_can_end_twice() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        coordinator.put_live("alice", &secret).await;
        for _ in 0..2 {
            let answer = coordinator.delete("/v1/streams/alice/live", Some(&secret)).await;
            assert_eq!(answer.status(), 204);
        }
        let list: LiveStreams = coordinator.get("/v1/streams").await.json().await.unwrap();
        assert_eq!(list.streams[0].live_since, None);
        assert_eq!(coordinator.delete("/v1/streams/alice/live", None).await.status(), 401);
    }
}
