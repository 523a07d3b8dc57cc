//! `GET /v1/accounts/{handle}`

use axum::extract::State;
use streamr_coordinator_api::AccountView;

use super::named;
use crate::extract::{Json, Operator, Path};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Somebody's account, for operators.
#[utoipa::path(get, path = "/accounts/{handle}", tag = "accounts",
    security(("operator" = []), ("session" = []), ("cookie" = [])),
    params(("handle" = String, Path, description = "The account's handle")),
    responses((status = 200, description = "The account", body = AccountView), (status = "default", response = ProblemResponse)))]
pub(crate) async fn look_up(
    _: Operator,
    Path(handle): Path<String>,
    State(app): State<AppState>,
) -> Result<Json<AccountView>, Refused> {
    let account = named(&mut app.storage.read().await?, &handle).await?;
    Ok(Json(account.view()))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{AccountView, ErrorCode};

    use crate::testing::{Running, code_of};

    #[tokio::test]
    async fn only_an_operator_looks_people_up() {
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "streamer").await;
        let olga = coordinator.person("olga", "operator").await;
        let look = async |handle: &str, token: &str| {
            coordinator.get_as(&format!("/v1/accounts/{handle}"), Some(token)).await
        };
        let seen: AccountView = look("ALICE", &olga).await.json().await.unwrap();
        assert_eq!(seen.handle, "alice");
        assert_eq!(code_of(look("olga", &alice).await).await, ErrorCode::Forbidden);
        assert_eq!(code_of(look("nobody", &olga).await).await, ErrorCode::AccountUnknown);
    }
}
