//! `POST /v1/sessions`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use streamr_coordinator_api::{SignIn, SignedIn};

use crate::accounts::Handle;
use crate::extract::{ClientAddress, Json, OwnUrl};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::sign_in;
use crate::state::AppState;

/// Sign in with a password.
#[utoipa::path(post, path = "/sessions", tag = "sessions", security(()), request_body = SignIn,
    responses((status = 200, description = "Signed in", body = SignedIn), (status = "default", response = ProblemResponse)))]
pub(crate) async fn sign_in(
    OwnUrl(own_url): OwnUrl,
    from: ClientAddress,
    headers: HeaderMap,
    State(app): State<AppState>,
    Json(request): Json<SignIn>,
) -> Result<Response, Refused> {
    sign_in::check_carry(request.carry, &headers, &own_url)?;
    let handle: Option<Handle> = request.handle.parse().ok();
    let (account, stored) = match &handle {
        None => (None, None),
        Some(handle) => {
            let mut tx = app.storage.read().await?;
            let account = tx.account_of_handle(handle).await?;
            let stored = match &account {
                Some(account) => tx.password(&account.id).await?,
                None => None,
            };
            (account, stored)
        }
    };
    sign_in::check_password(&app, handle.as_ref(), stored.as_ref(), &request.password, from).await?;
    let account = account.ok_or_else(sign_in::failed)?;
    sign_in::begin(&app, &account, request.carry, &own_url).await
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, Role, SignedIn};
    use streamr_model::UnixMs;

    use crate::testing::people::PASSWORD;
    use crate::testing::{Running, START, code_of, stream};

    #[tokio::test]
    async fn the_right_password_signs_in_and_every_session_is_another() {
        let coordinator = Running::start().await;
        let first = coordinator.person("alice", "streamer").await;
        let answer = coordinator.try_sign_in(" Alice ", PASSWORD).await;
        let signed_in: SignedIn = answer.json().await.unwrap();
        assert_eq!((signed_in.account.handle.as_str(), signed_in.account.role), ("alice", Role::Streamer));
        assert_eq!(signed_in.ends_at, UnixMs(START + 30 * 24 * 3_600_000));
        let second = signed_in.token.unwrap();
        assert_eq!((first.len(), second.len()), (64, 64));
        assert_ne!(first, second);
        assert!(coordinator.knows(&first).await && coordinator.knows(&second).await);
    }

    #[tokio::test]
    async fn a_wrong_password_and_a_handle_of_nobody_are_told_alike() {
        let coordinator = Running::start().await;
        coordinator.person("alice", "supporter").await;
        let mut told = Vec::new();
        for (handle, password) in [
            ("alice", "a guess at the roof"),
            ("nobody", PASSWORD),
            ("' OR '1'='1' --", PASSWORD),
            ("alice\r\nX-Admin: 1", PASSWORD),
        ] {
            let answer = coordinator.try_sign_in(handle, password).await;
            assert_eq!(answer.status(), 401, "{handle:?}");
            told.push(answer.text().await.unwrap());
        }
        assert!(told.iter().all(|text| *text == told[0] && text.contains("sign_in_failed")), "{told:?}");
    }

    #[tokio::test]
    async fn who_guesses_waits_longer_each_time_and_is_told_how_long() {
        let coordinator = Running::start().await;
        coordinator.person("alice", "supporter").await;
        for _ in 0..5 {
            let answer = coordinator.try_sign_in("alice", "a guess at the roof").await;
            assert_eq!(code_of(answer).await, ErrorCode::SignInFailed);
        }
        for wait_s in [1, 2, 4] {
            let answer = coordinator.try_sign_in("alice", PASSWORD).await;
            assert_eq!(answer.headers()["retry-after"], wait_s.to_string());
            assert_eq!(code_of(answer).await, ErrorCode::RateLimited);
            coordinator.clock.advance_s(wait_s);
            coordinator.try_sign_in("alice", "a guess at the roof").await;
        }
        coordinator.clock.advance_s(8);
        assert_eq!(coordinator.try_sign_in("alice", PASSWORD).await.status(), 200);
        assert_eq!(coordinator.try_sign_in("alice", PASSWORD).await.status(), 200, "and all is forgotten");
    }

    #[tokio::test]
    async fn strangers_who_guess_do_not_lock_a_person_out() {
        let coordinator = Running::start_with(|config| config.behind_proxy = true).await;
        coordinator.person("alice", "supporter").await;
        let from = async |address: String, password: &str| {
            let body = json!({"handle": "alice", "password": password, "carry": "bearer"});
            let headers = [("x-forwarded-for", address.as_str())];
            coordinator.browse(Method::POST, "/v1/sessions", &headers, Some(&body)).await.status().as_u16()
        };
        for stranger in 0..20 {
            for _ in 0..6 {
                from(format!("192.0.2.{stranger}"), "a guess at the roof").await;
            }
        }
        assert_eq!(from("192.0.2.1".to_owned(), PASSWORD).await, 429);
        assert_eq!(from("198.51.100.7".to_owned(), PASSWORD).await, 200);
    }

    #[tokio::test]
    async fn an_account_has_a_bounded_number_of_sessions() {
        let coordinator = Running::start().await;
        let first = coordinator.person("alice", "supporter").await;
        let second = coordinator.sign_in("alice").await;
        coordinator.clock.advance_s(61);
        assert!(coordinator.knows(&first).await, "used since");
        for _ in 0..19 {
            coordinator.sign_in("alice").await;
        }
        assert!(coordinator.knows(&first).await && !coordinator.knows(&second).await);
    }

    #[tokio::test]
    async fn a_browser_gets_a_cookie_that_only_our_own_pages_can_use() {
        let coordinator = Running::start().await;
        coordinator.person("alice", "streamer").await;
        let cookie = coordinator.browser_cookie("alice").await;
        let own_origin = coordinator.url.trim_end_matches('/').to_owned();
        let register = async |headers: &[(&str, &str)], id: &str| {
            let headers = [&[("cookie", cookie.as_str())], headers].concat();
            coordinator.browse(Method::POST, "/v1/streams", &headers, Some(&stream(id))).await
        };
        for stolen in [
            &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] as &[_],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("sec-fetch-site", "same-site")],
            &[],
        ] {
            assert_eq!(code_of(register(stolen, "alice").await).await, ErrorCode::Forbidden, "{stolen:?}");
        }
        let own = [("origin", own_origin.as_str()), ("sec-fetch-site", "same-origin")];
        assert_eq!(register(&own, "alice").await.status(), 201);
        assert_eq!(register(&[("origin", &own_origin)], "alice-2").await.status(), 201);
        let read = coordinator.browse(Method::GET, "/v1/accounts/me", &[("cookie", &cookie)], None).await;
        assert_eq!(read.status(), 200, "what only reads cannot be read by another site either way");
    }

    #[tokio::test]
    async fn another_site_cannot_sign_a_browser_in() {
        let coordinator = Running::start().await;
        coordinator.person("mallory", "supporter").await;
        let body = json!({"handle": "mallory", "password": PASSWORD, "carry": "cookie"});
        for headers in [&[("sec-fetch-site", "cross-site")] as &[_], &[]] {
            let answer = coordinator.browse(Method::POST, "/v1/sessions", headers, Some(&body)).await;
            assert!(answer.headers().get("set-cookie").is_none());
            assert_eq!(code_of(answer).await, ErrorCode::Forbidden);
        }
    }

    #[tokio::test]
    async fn over_https_the_cookie_is_bound_to_the_host() {
        let url = "https://coordinator.example/".parse().unwrap();
        let coordinator = Running::start_with(|config| config.public_url = Some(url)).await;
        coordinator.person("alice", "supporter").await;
        let body = json!({"handle": "alice", "password": PASSWORD, "carry": "cookie"});
        let headers = [("origin", "https://coordinator.example")];
        let answer = coordinator.browse(Method::POST, "/v1/sessions", &headers, Some(&body)).await;
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with("__Host-streamr-session="), "{cookie}");
        for attribute in ["; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/;"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
    }
}
