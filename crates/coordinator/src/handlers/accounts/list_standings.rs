//! `GET /v1/accounts/{handle}/standings`

use axum::extract::State;
use streamr_coordinator_api::Standings;

use super::named;
use crate::extract::{Json, Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Changes in one answer at most.
const MAX_STANDINGS: u32 = 1000;

/// Every standing an account ever had, the newest first, with the reasons. For operators.
#[utoipa::path(get, path = "/accounts/{handle}/standings", tag = "accounts",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    params(("handle" = String, Path, description = "The account's handle")),
    responses((status = 200, description = "The history", body = Standings), (status = "default", response = ProblemResponse)))]
pub(crate) async fn list_standings(
    _: Operator,
    Path(handle): Path<String>,
    State(app): State<AppState>,
) -> Result<Json<Standings>, Refused> {
    let mut tx = app.storage.read().await?;
    let account = named(&mut tx, &handle).await?;
    Ok(Json(Standings { standings: tx.standings(&account.id, MAX_STANDINGS).await? }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, Standing, Standings};
    use streamr_model::UnixMs;

    use crate::testing::{Running, START, code_of};

    #[tokio::test]
    async fn every_standing_stays_in_the_history_with_who_set_it_and_why() {
        let coordinator = Running::start().await;
        let olga = coordinator.person("olga", "operator").await;
        let alice = coordinator.person("alice", "supporter").await;
        for (token, standing, reason) in
            [(&coordinator.operator, "staked", "deposit 17"), (&olga, "newcomer", "deposit returned")]
        {
            let body = json!({"standing": standing, "reason": reason});
            let answer = coordinator.post("/v1/accounts/alice/standings", Some(token), &body).await;
            assert_eq!(answer.status(), 204);
            coordinator.clock.advance_s(60);
        }
        let path = "/v1/accounts/alice/standings";
        let history: Standings = coordinator.get_as(path, Some(&olga)).await.json().await.unwrap();
        let [newer, older] = &history.standings[..] else { panic!("{history:?}") };
        assert_eq!((newer.standing, newer.reason.as_str()), (Standing::Newcomer, "deposit returned"));
        assert_eq!((newer.set_by.as_deref(), newer.set_at), (Some("olga"), UnixMs(START + 60_000)));
        assert_eq!((older.standing, older.set_by.as_deref()), (Standing::Staked, None));
        assert_eq!(code_of(coordinator.get_as(path, Some(&alice)).await).await, ErrorCode::Forbidden);
    }
}
