//! `POST /v1/sessions/passkey`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use streamr_coordinator_api::{SignInWithPasskey, SignedIn};

use crate::extract::{Json, OwnUrl};
use crate::handlers::openapi::ProblemResponse;
use crate::passkeys::{self, RelyingParty};
use crate::problem::Refused;
use crate::sign_in;
use crate::state::AppState;

/// Sign in with a passkey: what the authenticator made of the challenge, which is used up whatever becomes of
/// it. A counter that did not grow means that the key was copied, and is refused.
#[utoipa::path(post, path = "/sessions/passkey", tag = "sessions", security(()), request_body = SignInWithPasskey,
    responses((status = 200, description = "Signed in", body = SignedIn), (status = "default", response = ProblemResponse)))]
pub(crate) async fn passkey(
    OwnUrl(own_url): OwnUrl,
    headers: HeaderMap,
    State(app): State<AppState>,
    Json(request): Json<SignInWithPasskey>,
) -> Result<Response, Refused> {
    sign_in::check_carry(request.carry, &headers, &own_url)?;
    let party = RelyingParty::of(&own_url)?;
    let state = passkeys::take(&app, &request.credential, None).await?;
    let answer = party.read_answer(&request.credential)?;

    let mut tx = app.storage.write().await?;
    let stored = tx.passkey(answer.credential()).await?.ok_or_else(sign_in::failed)?;
    let account = tx.account(&stored.account).await?.ok_or_else(sign_in::failed)?;
    let dynamic_state = party.finish_signing_in(&state, &answer, &stored)?;
    if !tx.use_passkey(&stored, &dynamic_state, app.now()).await? {
        return Err(passkeys::refused());
    }
    tx.commit().await?;
    sign_in::begin(&app, &account, request.carry, &own_url).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, SignedIn};

    use crate::testing::authenticator::{SIGN_IN, Site, SoftKey};
    use crate::testing::code_of;

    #[tokio::test]
    async fn a_passkey_signs_its_person_in_again_and_again() {
        let site = Site::start().await;
        let (_, mut key) = site.person_with_key("alice").await;
        for _ in 0..3 {
            let signed_in: SignedIn = site.sign_in(&mut key).await.json().await.unwrap();
            assert_eq!(signed_in.account.handle, "alice");
            assert!(site.coordinator.knows(&signed_in.token.unwrap()).await);
        }
    }

    #[tokio::test]
    async fn a_recorded_answer_signs_nobody_in_again() {
        let site = Site::start().await;
        let (_, mut key) = site.person_with_key("alice").await;
        let answer = key.get(&site.begin_sign_in().await);
        let body = json!({"credential": answer, "carry": "bearer"});
        assert_eq!(site.coordinator.post(SIGN_IN, None, &body).await.status(), 200);
        let replayed = site.coordinator.post(SIGN_IN, None, &body).await;
        assert_eq!(code_of(replayed).await, ErrorCode::PasskeyRefused);
    }

    #[tokio::test]
    async fn a_challenge_is_good_for_five_minutes() {
        let site = Site::start().await;
        let (_, mut key) = site.person_with_key("alice").await;
        let answer = key.get(&site.begin_sign_in().await);
        site.coordinator.clock.advance_s(300);
        let body = json!({"credential": answer, "carry": "bearer"});
        let late = site.coordinator.post(SIGN_IN, None, &body).await;
        assert_eq!(code_of(late).await, ErrorCode::PasskeyRefused);
    }

    #[tokio::test]
    async fn a_copied_key_is_noticed_by_its_counter() {
        let site = Site::start().await;
        let (_, mut key) = site.person_with_key("alice").await;
        let mut copy = key.clone();
        assert_eq!(site.sign_in(&mut key).await.status(), 200);
        assert_eq!(site.sign_in(&mut key).await.status(), 200);
        assert_eq!(code_of(site.sign_in(&mut copy).await).await, ErrorCode::PasskeyRefused);
        assert_eq!(site.sign_in(&mut key).await.status(), 200, "the person is not shut out");
    }

    #[tokio::test]
    async fn an_answer_that_was_made_for_somebody_else_is_refused() {
        let site = Site::start().await;
        let (_, key) = site.person_with_key("alice").await;
        let spoil: [fn(&mut SoftKey); 5] = [
            |key| key.origin = "https://evil.example".into(),
            |key| key.rp_id = "evil.example".into(),
            |key| key.user_is_verified = false,
            |key| key.kind_of_use = "webauthn.create",
            |key| key.forge_signature(),
        ];
        for (n, spoil) in spoil.into_iter().enumerate() {
            let mut key = key.clone();
            spoil(&mut key);
            assert_eq!(code_of(site.sign_in(&mut key).await).await, ErrorCode::PasskeyRefused, "{n}");
        }
    }

    #[tokio::test]
    async fn a_passkey_of_nobody_is_told_like_a_wrong_password() {
        let site = Site::start().await;
        let alice = site.coordinator.person("alice", "supporter").await;
        let mut stranger = SoftKey::new(7);
        stranger.create(&site.begin(&alice).await);
        assert_eq!(code_of(site.sign_in(&mut stranger).await).await, ErrorCode::SignInFailed);
    }
}
