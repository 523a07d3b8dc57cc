//! `POST /v1/streams/{stream}/secret`

use axum::extract::State;
use streamr_coordinator_api::SecretRotated;

use crate::extract::{Json, StreamOwner};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::secret::{SecretHash, draw_token};
use crate::state::AppState;

/// Replace the stream's publish secret. The old one is void before the answer is sent: no copy of it is kept
/// anywhere that would have to expire. For the stream's owner and for operators, not for who only has the old
/// secret.
#[utoipa::path(post, path = "/streams/{stream}/secret", tag = "streams",
    security(("session" = []), ("cookie" = []), ("operator" = [])),
    params(("stream" = String, Path, description = "The stream's id")),
    responses((status = 200, description = "Rotated", body = SecretRotated), (status = "default", response = ProblemResponse)))]
pub(crate) async fn rotate_secret(
    StreamOwner(stream): StreamOwner,
    State(app): State<AppState>,
) -> Result<Json<SecretRotated>, Refused> {
    let publish_secret = draw_token();
    let mut tx = app.storage.write().await?;
    tx.set_publish_secret(&stream.stream, SecretHash::of(&publish_secret)).await?;
    tx.commit().await?;
    tracing::info!(stream = %stream.stream, "publish secret rotated");
    Ok(Json(SecretRotated { publish_secret }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, SecretRotated};

    use crate::testing::{Running, code_of, live, stream};

    #[tokio::test]
    async fn the_old_secret_is_void_at_once_and_the_new_one_works() {
        let mut coordinator = Running::start().await;
        let alice = coordinator.person("alice", "streamer").await;
        let registered = coordinator.post("/v1/streams", Some(&alice), &stream("alice")).await;
        let registered: serde_json::Value = registered.json().await.unwrap();
        let old = registered["publish_secret"].as_str().unwrap().to_owned();
        assert_eq!(coordinator.put_live("alice", &old).await.status(), 204);

        let answer = coordinator.post("/v1/streams/alice/secret", Some(&alice), &()).await;
        let new = answer.json::<SecretRotated>().await.unwrap().publish_secret;
        // Not a moment has passed on the coordinator's clock.
        for method in ["PUT", "DELETE"] {
            let method = method.parse().unwrap();
            let path = "/v1/streams/alice/live";
            let refused = coordinator.request(method, path, Some(&old), Some(&live())).await;
            assert_eq!(code_of(refused).await, ErrorCode::Unauthorised);
        }
        let invite = coordinator.post("/v1/streams/alice/invites", Some(&old), &json!({"valid_s": 60})).await;
        assert_eq!(code_of(invite).await, ErrorCode::Unauthorised);
        assert_eq!(coordinator.put_live("alice", &new).await.status(), 204);
        coordinator.restart().await;
        assert_eq!(coordinator.put_live("alice", &new).await.status(), 204);
        assert_eq!(coordinator.put_live("alice", &old).await.status(), 401);
        assert!(!coordinator.database_holds(&new));
    }

    #[tokio::test]
    async fn a_thief_of_the_secret_cannot_lock_the_streamer_out() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let bob = coordinator.person("bob", "streamer").await;
        let rotate =
            async |token: Option<&str>| coordinator.post("/v1/streams/alice/secret", token, &()).await;
        for token in [None, Some(secret.as_str())] {
            assert_eq!(code_of(rotate(token).await).await, ErrorCode::Unauthorised);
        }
        assert_eq!(code_of(rotate(Some(&bob)).await).await, ErrorCode::Forbidden);
        assert_eq!(coordinator.put_live("alice", &secret).await.status(), 204);
        assert_eq!(rotate(Some(&coordinator.operator)).await.status(), 200);
    }
}
