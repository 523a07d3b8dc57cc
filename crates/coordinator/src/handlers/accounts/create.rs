//! `POST /v1/accounts`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{AccountView, CreateAccount, ErrorCode, Role, Standing};
use streamr_model::AccountId;

use crate::accounts::{Account, Deed, Handle, is_email, password};
use crate::extract::{Asker, Json};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::secret::{SecretHash, random};
use crate::state::AppState;

/// Make an account. Anybody makes one for a supporter; an operator makes one of any role, and who has an account
/// invite makes one of its role.
#[utoipa::path(post, path = "/accounts", tag = "accounts", security((), ("operator" = []), ("session" = [])),
    request_body = CreateAccount,
    responses((status = 201, description = "Made", body = AccountView), (status = "default", response = ProblemResponse)))]
pub(crate) async fn create(
    asker: Option<Asker>,
    State(app): State<AppState>,
    Json(request): Json<CreateAccount>,
) -> Result<(StatusCode, Json<AccountView>), Refused> {
    if request.role != Role::Supporter {
        let nobody =
            || Refused::new(ErrorCode::Unauthorised, "Only an operator makes an account of this role.");
        asker.ok_or_else(nobody)?.must(Deed::Administer)?;
    }
    let bad = |detail: String| Refused::new(ErrorCode::BadRequest, detail);
    let handle: Handle =
        request.handle.parse().map_err(|error| bad(format!("`handle` is refused: {error}.")))?;
    let email = request.email.as_deref().map(str::trim).filter(|email| !email.is_empty());
    if !email.is_none_or(is_email) {
        return Err(bad("`email` is no e-mail address. It can be left out.".to_owned()));
    }
    let password = password::normal(&request.password);
    password::check(&password, &handle, email)
        .map_err(|error| Refused::new(ErrorCode::PasswordUnsuitable, error.to_string()))?;
    let password = app.passwords.hash(password).await?;

    let now = app.now();
    let mut account = Account {
        id: AccountId(random()),
        handle,
        email: email.map(str::to_owned),
        role: request.role,
        standing: Standing::Newcomer,
        created_at: now,
    };
    let mut tx = app.storage.write().await?;
    if let Some(code) = &request.invite {
        let role = tx.take_account_invite(SecretHash::of_invite_code(code), now).await?;
        account.role = role.ok_or_else(no_invite)?;
    }
    if !tx.create_account(&account).await? {
        let detail = format!("Another account is called “{}”. Choose another handle.", account.handle);
        return Err(Refused::new(ErrorCode::HandleTaken, detail));
    }
    tx.set_password(&account.id, &password, now).await?;
    tx.commit().await?;
    tracing::info!(account = %account.handle, role = ?account.role, "account made");
    Ok((StatusCode::CREATED, Json(account.view())))
}

fn no_invite() -> Refused {
    let detail =
        "No account invite has this code, or it was used or is too old. Ask the operator for another.";
    Refused::new(ErrorCode::InviteUnknown, detail)
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use serde_json::json;
    use streamr_coordinator_api::{AccountView, ErrorCode, Role, Standing};

    use crate::config::RateLimit;
    use crate::testing::people::PASSWORD;
    use crate::testing::{Running, at_once, code_of};

    #[tokio::test]
    async fn anybody_becomes_a_supporter_and_a_newcomer() {
        let coordinator = Running::start().await;
        let body = json!({"handle": "Alice", "password": PASSWORD, "email": "alice@example.org"});
        let answer = coordinator.post("/v1/accounts", None, &body).await;
        assert_eq!(answer.status(), 201);
        let made: AccountView = answer.json().await.unwrap();
        assert_eq!((made.handle.as_str(), made.role), ("alice", Role::Supporter));
        assert_eq!((made.standing, made.email.as_deref()), (Standing::Newcomer, Some("alice@example.org")));
    }

    #[tokio::test]
    async fn only_an_operator_makes_streamers_and_operators() {
        let coordinator = Running::start().await;
        let body = |handle, role| json!({"handle": handle, "password": PASSWORD, "role": role});
        let streamer = coordinator.person("sara", "streamer").await;
        for (token, expected) in [
            (None, ErrorCode::Unauthorised),
            (Some("guess"), ErrorCode::Unauthorised),
            (Some(streamer.as_str()), ErrorCode::Forbidden),
        ] {
            let answer = coordinator.post("/v1/accounts", token, &body("mallory", "operator")).await;
            assert_eq!(code_of(answer).await, expected);
        }
        let operator = coordinator.person("olga", "operator").await;
        let made = coordinator.post("/v1/accounts", Some(&operator), &body("bob", "streamer")).await;
        assert_eq!(made.json::<AccountView>().await.unwrap().role, Role::Streamer);
    }

    #[tokio::test]
    async fn a_cookie_that_is_over_keeps_nobody_from_making_an_account() {
        let coordinator = Running::start().await;
        coordinator.person("alice", "supporter").await;
        let cookie = coordinator.browser_cookie("alice").await;
        coordinator.clock.advance_s(40 * 24 * 3600);
        let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
        let body = json!({"handle": "bob", "password": PASSWORD});
        let made = coordinator.browse(Method::POST, "/v1/accounts", &headers, Some(&body)).await;
        assert_eq!(made.status(), 201);
    }

    #[tokio::test]
    async fn another_site_cannot_make_an_operator_with_an_operators_cookie() {
        let coordinator = Running::start().await;
        coordinator.person("olga", "operator").await;
        let cookie = coordinator.browser_cookie("olga").await;
        let body = json!({"handle": "mallory", "password": PASSWORD, "role": "operator"});
        let make = async |site: &str| {
            let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", site)];
            coordinator.browse(Method::POST, "/v1/accounts", &headers, Some(&body)).await
        };
        assert_eq!(code_of(make("cross-site").await).await, ErrorCode::Unauthorised);
        assert_eq!(make("same-origin").await.status(), 201);
    }

    #[tokio::test]
    async fn of_many_who_want_a_handle_at_once_one_gets_it() {
        let coordinator = Running::start().await;
        let body = json!({"handle": "alice", "password": PASSWORD});
        let answers = at_once(4, || coordinator.post("/v1/accounts", None, &body)).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409]);
        let body = json!({"handle": "ALICE", "password": PASSWORD});
        let again = coordinator.post("/v1/accounts", None, &body).await;
        assert_eq!(code_of(again).await, ErrorCode::HandleTaken);
    }

    #[tokio::test]
    async fn nonsense_is_refused_before_anything_is_hashed() {
        let coordinator = Running::start().await;
        for (body, expected) in [
            (json!({"handle": "a'; DROP TABLE people;--", "password": PASSWORD}), ErrorCode::BadRequest),
            (json!({"handle": "al\r\nSet-Cookie: a=b", "password": PASSWORD}), ErrorCode::BadRequest),
            (
                json!({"handle": "alice", "password": PASSWORD, "email": "a@b\r\nBcc: c@d"}),
                ErrorCode::BadRequest,
            ),
            (json!({"handle": "alice", "password": "short"}), ErrorCode::PasswordUnsuitable),
            (json!({"handle": "alicealice12", "password": "alicealice12"}), ErrorCode::PasswordUnsuitable),
            (json!({"handle": "alice", "password": "a b".repeat(100)}), ErrorCode::PasswordUnsuitable),
            (json!({"handle": "alice", "password": PASSWORD, "role": "king"}), ErrorCode::BadRequest),
        ] {
            let answer = coordinator.post("/v1/accounts", Some(&coordinator.operator), &body).await;
            assert_eq!(code_of(answer).await, expected, "{body}");
        }
        coordinator.person("alice", "supporter").await;
    }

    #[tokio::test]
    async fn an_address_makes_only_a_few_accounts() {
        let coordinator = Running::start_with(|config| config.rate_limit = RateLimit::On).await;
        let mut last = None;
        for n in 0..11 {
            let body = json!({"handle": format!("person-{n}"), "password": PASSWORD});
            last = Some(coordinator.post("/v1/accounts", None, &body).await);
        }
        assert_eq!(code_of(last.unwrap()).await, ErrorCode::RateLimited);
    }
}
