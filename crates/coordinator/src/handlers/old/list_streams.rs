//! `GET /streams`

use axum::extract::State;
use streamr_coordinator_api::old::{OldProblem, OldStream};

use super::refused::OldRefused;
use super::register_stream::shown;
use crate::extract::Json;
use crate::state::AppState;

/// The active streams of the old kind, in the order of their registration. Public, so without any stream key.
#[utoipa::path(get, path = "/streams", tag = "streams", security(()),
    responses((status = 200, description = "The streams", body = [OldStream]), (status = 500, description = "Not now", body = OldProblem)))]
pub(crate) async fn list_streams(State(app): State<AppState>) -> Result<Json<Vec<OldStream>>, OldRefused> {
    let streams = app.storage.read().await?.active_old_streams().await?;
    Ok(Json(streams.into_iter().map(shown).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::handlers::old::testing::new_stream;
    use crate::testing::Running;

    #[tokio::test]
    async fn active_streams_are_listed_and_no_stream_key_is_even_kept() {
        let mut coordinator = Running::start().await;
        for id in ["zoe", "alice", "bob"] {
            let mut body = new_stream(id, 10);
            body["rtmp_url"] = json!(format!("rtmp://me:pass-word@203.0.113.9/live/key-of-{id}?token=t0ken"));
            assert_eq!(coordinator.post("/streams", Some(&coordinator.operator), &body).await.status(), 200);
        }
        coordinator.delete("/streams/alice", Some(&coordinator.operator)).await;
        let text = coordinator.get("/streams").await.text().await.unwrap();
        let list: Value = serde_json::from_str(&text).unwrap();
        let ids: Vec<_> = list.as_array().unwrap().iter().map(|stream| &stream["stream_id"]).collect();
        assert_eq!(ids, ["zoe", "bob"]);
        coordinator.restart().await;
        for secret in ["key-of-", "pass-word", "t0ken"] {
            assert!(!text.contains(secret) && !coordinator.database_holds(secret), "{secret}");
        }
    }

    #[tokio::test]
    async fn streams_of_the_old_kind_and_of_the_new_never_meet() {
        let coordinator = Running::start().await;
        coordinator.register("new").await;
        coordinator.post("/streams", Some(&coordinator.operator), &new_stream("old", 10)).await;
        let old = coordinator.get("/streams").await.text().await.unwrap();
        let new = coordinator.get("/v1/streams").await.text().await.unwrap();
        assert!(old.contains("\"old\"") && !old.contains("\"new\""), "{old}");
        assert!(new.contains("\"new\"") && !new.contains("\"old\""), "{new}");
    }
}
