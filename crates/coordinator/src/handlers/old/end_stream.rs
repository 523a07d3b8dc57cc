//! `DELETE /streams/{stream_id}`

use axum::extract::{Path, State};
use streamr_coordinator_api::old::{OldProblem, OldStream};

use super::refused::OldRefused;
use super::register_stream::{no_operator, shown};
use crate::extract::{Json, Operator};
use crate::old_surface::registering;
use crate::problem::Refused;
use crate::state::AppState;
use crate::storage::locks::Whole;

/// End a stream of the old kind. Not an endpoint of June 2025: there, nothing ended. It may be registered anew,
/// with a new balance; what was earned stays.
#[utoipa::path(delete, path = "/streams/{stream_id}", tag = "streams", security(("operator" = [])),
    params(("stream_id" = String, Path, description = "The stream's id")),
    responses((status = 200, description = "Ended", body = OldStream), (status = 401, description = "The operator token is missing or wrong", body = OldProblem),
        (status = 404, description = "No active stream has this id", body = OldProblem)))]
pub(crate) async fn end_stream(
    operator: Result<Operator, Refused>,
    State(app): State<AppState>,
    Path(stream): Path<String>,
) -> Result<Json<OldStream>, OldRefused> {
    if operator.is_err() {
        return Err(no_operator());
    }
    let unknown = || OldRefused::not_found("Stream not found");
    let stream = stream.parse().map_err(|_| unknown())?;
    let mut tx = app.storage.write().await?;
    tx.lock_whole(Whole::OldHouse).await?;
    let ended = registering::end(&mut tx, &stream).await?.ok_or_else(unknown)?;
    tx.commit().await?;
    tracing::info!(%stream, "stream of the old kind ended");
    Ok(Json(shown(ended)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::handlers::old::testing::{beat, new_stream};
    use crate::testing::Running;

    #[tokio::test]
    async fn an_ended_stream_hears_nobody_until_it_is_registered_anew() {
        let coordinator = Running::start().await;
        let operator = coordinator.operator.clone();
        coordinator.post("/streams", Some(&operator), &new_stream("obs-test", 10)).await;
        assert_eq!(coordinator.delete("/streams/obs-test", None).await.status(), 401);
        let ended: Value =
            coordinator.delete("/streams/obs-test", Some(&operator)).await.json().await.unwrap();
        assert_eq!(ended["status"], "ended");
        assert_eq!(coordinator.delete("/streams/obs-test", Some(&operator)).await.status(), 404);
        assert_eq!(coordinator.delete("/streams/a%2F..%2Fb", Some(&operator)).await.status(), 404);
        assert_eq!(beat(&coordinator, "n1", "obs-test", "http://home.example:8080/").await.status(), 404);
        coordinator.post("/streams", Some(&operator), &new_stream("obs-test", 20)).await;
        assert_eq!(beat(&coordinator, "n1", "obs-test", "http://home.example:8080/").await.status(), 200);
    }
}
