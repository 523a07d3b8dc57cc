//! `POST /v1/accounts/invites`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{AccountInvited, CreateInvite, ErrorCode, InviteAccount};
use streamr_model::UnixMs;

use crate::extract::{Json, Operator};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::secret::{SecretHash, draw_invite_code};
use crate::state::AppState;
use crate::storage::locks::Whole;

/// Invite somebody to make an account of a role, a streamer for instance, with a password that the operator never
/// sees. The code works once and appears only in the answer.
#[utoipa::path(post, path = "/accounts/invites", tag = "accounts",
    security(("operator" = []), ("session" = []), ("cookie" = [])), request_body = InviteAccount,
    responses((status = 201, description = "Made", body = AccountInvited), (status = "default", response = ProblemResponse)))]
pub(crate) async fn invite(
    _: Operator,
    State(app): State<AppState>,
    Json(request): Json<InviteAccount>,
) -> Result<(StatusCode, Json<AccountInvited>), Refused> {
    if !CreateInvite::VALID_S.contains(&request.valid_s) {
        let (least, most) = CreateInvite::VALID_S.into_inner();
        let detail = format!("`valid_s` must be {least} to {most} seconds.");
        return Err(Refused::new(ErrorCode::BadRequest, detail));
    }
    let (code, now) = (draw_invite_code(), app.now());
    let expires_at = UnixMs(now.0 + request.valid_s * 1000);
    let mut tx = app.storage.write().await?;
    tx.lock_whole(Whole::AccountInvites).await?;
    if tx.count_account_invites(now).await? >= AccountInvited::MAX_OPEN {
        let detail =
            format!("{} account invites are open. Wait until some expire.", AccountInvited::MAX_OPEN);
        return Err(Refused::new(ErrorCode::LimitReached, detail));
    }
    tx.create_account_invite(SecretHash::of_invite_code(&code), request.role, now, expires_at).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(AccountInvited { code, expires_at })))
}

#[cfg(test)]
mod tests {
    use reqwest::Response;
    use serde_json::json;
    use streamr_coordinator_api::{AccountInvited, AccountView, ErrorCode, Role};

    use crate::testing::people::PASSWORD;
    use crate::testing::{Running, at_once, code_of};

    async fn invited(coordinator: &Running, role: &str) -> String {
        let body = json!({"role": role, "valid_s": 3600});
        let answer = coordinator.post("/v1/accounts/invites", Some(&coordinator.operator), &body).await;
        assert_eq!(answer.status(), 201);
        answer.json::<AccountInvited>().await.unwrap().code
    }

    async fn accept(coordinator: &Running, handle: &str, code: &str) -> Response {
        let body = json!({"handle": handle, "password": PASSWORD, "invite": code});
        coordinator.post("/v1/accounts", None, &body).await
    }

    #[tokio::test]
    async fn an_invited_streamer_makes_their_own_account() {
        let coordinator = Running::start().await;
        let code = invited(&coordinator, "streamer").await;
        coordinator.person("taken", "supporter").await;
        assert_eq!(code_of(accept(&coordinator, "taken", &code).await).await, ErrorCode::HandleTaken);
        let made: AccountView = accept(&coordinator, "sara", &code).await.json().await.unwrap();
        assert_eq!(made.role, Role::Streamer, "a refused attempt uses nothing up");
        let again = accept(&coordinator, "mallory", &code).await;
        assert_eq!(code_of(again).await, ErrorCode::InviteUnknown);
    }

    #[tokio::test]
    async fn of_many_who_stole_the_invite_one_uses_it() {
        let coordinator = Running::start().await;
        let code = invited(&coordinator, "operator").await;
        let n = std::sync::atomic::AtomicUsize::new(0);
        let answers = at_once(4, || async {
            let n = n.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            accept(&coordinator, &format!("person-{n}"), &code).await.status().as_u16()
        });
        let mut statuses = answers.await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 404, 404, 404]);
    }

    #[tokio::test]
    async fn an_account_invite_expires_and_only_operators_make_one() {
        let coordinator = Running::start().await;
        let code = invited(&coordinator, "streamer").await;
        coordinator.clock.advance_s(3600);
        let late = accept(&coordinator, "late", &code).await;
        assert_eq!(code_of(late).await, ErrorCode::InviteUnknown);
        let sara = coordinator.person("sara", "streamer").await;
        let body = json!({"role": "streamer", "valid_s": 3600});
        let refused = coordinator.post("/v1/accounts/invites", Some(&sara), &body).await;
        assert_eq!(code_of(refused).await, ErrorCode::Forbidden);
        let body = json!({"role": "streamer", "valid_s": 1});
        let refused = coordinator.post("/v1/accounts/invites", Some(&coordinator.operator), &body).await;
        assert_eq!(code_of(refused).await, ErrorCode::BadRequest);
    }
}
