//! `GET /v1/accounts/me/streams`

use axum::extract::State;
use streamr_coordinator_api::OwnStreams;

use crate::extract::{Json, Person};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// The asker's streams.
#[utoipa::path(get, path = "/accounts/me/streams", tag = "accounts", security(("session" = []), ("cookie" = [])),
    responses((status = 200, description = "The streams", body = OwnStreams), (status = "default", response = ProblemResponse)))]
pub(crate) async fn own_streams(
    Person { account, .. }: Person,
    State(app): State<AppState>,
) -> Result<Json<OwnStreams>, Refused> {
    let mut tx = app.storage.read().await?;
    Ok(Json(OwnStreams { streams: tx.streams_of_account(&account.id).await? }))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::OwnStreams;

    use crate::testing::{Running, stream};

    #[tokio::test]
    async fn a_streamer_sees_the_streams_they_registered() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "streamer").await;
        coordinator.register("of-the-operator").await;
        for id in ["zebra", "ape"] {
            assert_eq!(coordinator.post("/v1/streams", Some(&alice), &stream(id)).await.status(), 201);
        }
        let answer = coordinator.get_as("/v1/accounts/me/streams", Some(&alice)).await;
        let seen: OwnStreams = answer.json().await.unwrap();
        assert_eq!(seen.streams.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["ape", "zebra"]);
    }
}
