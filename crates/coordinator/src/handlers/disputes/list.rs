//! `GET /v1/disputes`

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use streamr_coordinator_api::{Disputes, ErrorCode};

use crate::extract::{Json, Operator};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Disputes in one answer at most. Answering brings the next ones.
const MOST: u32 = 200;

/// Which are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Those that have their answer; if it is left out, those that wait for one.
    #[serde(default)]
    answered: bool,
}

/// What supporters say against closed hours.
#[utoipa::path(get, path = "/disputes", tag = "ledger", security(("operator" = []), ("session" = []), ("cookie" = [])),
    params(Asked),
    responses((status = 200, description = "The disputes", body = Disputes), (status = "default", response = ProblemResponse)))]
pub(crate) async fn list(
    _: Operator,
    State(app): State<AppState>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Disputes>, Refused> {
    let Query(asked) =
        asked.map_err(|rejection| Refused::new(ErrorCode::BadRequest, rejection.body_text()))?;
    let mut tx = app.storage.read().await?;
    let disputes =
        if asked.answered { tx.answered_disputes(MOST).await? } else { tx.open_disputes(MOST).await? };
    Ok(Json(Disputes { disputes }))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::{Running, code_of};

    #[tokio::test]
    async fn only_operators_read_what_others_dispute() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "streamer").await;
        let olga = coordinator.person("olga", "operator").await;
        let list = async |token| coordinator.get_as("/v1/disputes", token).await;
        assert_eq!(code_of(list(None).await).await, ErrorCode::Unauthorised);
        assert_eq!(code_of(list(Some(&alice)).await).await, ErrorCode::Forbidden);
        assert_eq!(list(Some(&olga)).await.status(), 200);
        let wrong = coordinator.get_as("/v1/disputes?answered=perhaps", Some(&olga)).await;
        assert_eq!(code_of(wrong).await, ErrorCode::BadRequest);
    }
}
