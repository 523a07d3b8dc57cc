//! `POST /v1/accounts/me/passkeys`

use axum::extract::State;
use axum::http::StatusCode;
use streamr_coordinator_api::{AddPasskey, ErrorCode, PasskeyView};

use super::view;
use crate::accounts::MAX_PASSKEYS;
use crate::extract::{Json, OwnUrl, Person};
use crate::handlers::openapi::ProblemResponse;
use crate::passkeys::{self, RelyingParty};
use crate::problem::Refused;
use crate::state::AppState;
use crate::storage::StoredPasskey;
use crate::validate;

/// Add a passkey: what the authenticator made of the challenge, which is used up whatever becomes of it.
#[utoipa::path(post, path = "/accounts/me/passkeys", tag = "passkeys",
    security(("session" = []), ("cookie" = [])), request_body = AddPasskey,
    responses((status = 201, description = "Added", body = PasskeyView), (status = "default", response = ProblemResponse)))]
pub(crate) async fn add(
    Person { account, .. }: Person,
    OwnUrl(own_url): OwnUrl,
    State(app): State<AppState>,
    Json(request): Json<AddPasskey>,
) -> Result<(StatusCode, Json<PasskeyView>), Refused> {
    validate::line("name", &request.name, 100)?;
    let party = RelyingParty::of(&own_url)?;
    let state = passkeys::take(&app, &request.credential, Some(account.id)).await?;
    let new = party.finish_adding(&state, &request.credential)?;
    let passkey = StoredPasskey {
        credential: new.credential,
        account: account.id,
        name: request.name,
        static_state: new.static_state,
        dynamic_state: new.dynamic_state,
        added_at: app.now(),
        used_at: None,
    };
    let mut tx = app.storage.write().await?;
    tx.lock_account(&account.id).await?;
    if tx.count_passkeys(&account.id).await? >= u64::from(MAX_PASSKEYS) {
        let detail = format!("An account has at most {MAX_PASSKEYS} passkeys. Remove one first.");
        return Err(Refused::new(ErrorCode::LimitReached, detail));
    }
    if !tx.add_passkey(&passkey).await? {
        return Err(Refused::new(ErrorCode::PasskeyRefused, "This passkey was added before."));
    }
    tx.commit().await?;
    tracing::info!(account = %account.handle, "passkey added");
    Ok((StatusCode::CREATED, Json(view(&passkey))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, PasskeyView};

    use crate::testing::authenticator::{ADD, Site, SoftKey};
    use crate::testing::code_of;

    #[tokio::test]
    async fn a_passkey_is_added_under_the_name_its_person_gives_it() {
        let site = Site::start().await;
        let alice = site.coordinator.person("alice", "supporter").await;
        let (_, credential) = site.made(&alice).await;
        let body = json!({"name": "Alice's phone", "credential": credential});
        let answer = site.coordinator.post(ADD, Some(&alice), &body).await;
        assert_eq!(answer.status(), 201);
        let added: PasskeyView = answer.json().await.unwrap();
        assert_eq!((added.name.as_str(), added.used_at), ("Alice's phone", None));
    }

    #[tokio::test]
    async fn a_challenge_adds_once_for_five_minutes_and_for_its_own_account() {
        let site = Site::start().await;
        let alice = site.coordinator.person("alice", "supporter").await;
        let mallory = site.coordinator.person("mallory", "supporter").await;
        let add = async |token: &str, credential: &serde_json::Value| {
            let body = json!({"name": "key", "credential": credential});
            site.coordinator.post(ADD, Some(token), &body).await
        };
        let (_, for_alice) = site.made(&alice).await;
        let stolen = add(&mallory, &for_alice).await;
        assert_eq!(code_of(stolen).await, ErrorCode::PasskeyRefused);
        let (_, good) = site.made(&alice).await;
        assert_eq!(add(&alice, &good).await.status(), 201);
        assert_eq!(code_of(add(&alice, &good).await).await, ErrorCode::PasskeyRefused);
        let (_, late) = site.made(&alice).await;
        site.coordinator.clock.advance_s(300);
        assert_eq!(code_of(add(&alice, &late).await).await, ErrorCode::PasskeyRefused);
    }

    #[tokio::test]
    async fn an_answer_from_another_page_or_without_its_person_is_refused() {
        let site = Site::start().await;
        let alice = site.coordinator.person("alice", "supporter").await;
        let spoil: [fn(&mut SoftKey); 4] = [
            |key| key.origin = "https://evil.example".into(),
            |key| key.rp_id = "evil.example".into(),
            |key| key.user_is_verified = false,
            |key| key.kind_of_creation = "webauthn.get",
        ];
        for spoil in spoil {
            let mut key = SoftKey::new(1);
            spoil(&mut key);
            let credential = key.create(&site.begin(&alice).await);
            let body = json!({"name": "key", "credential": credential});
            let answer = site.coordinator.post(ADD, Some(&alice), &body).await;
            assert_eq!(code_of(answer).await, ErrorCode::PasskeyRefused);
        }
    }

    #[tokio::test]
    async fn nonsense_is_refused_and_costs_nothing() {
        let site = Site::start().await;
        let alice = site.coordinator.person("alice", "supporter").await;
        for credential in [json!(null), json!({}), json!({"id": "a", "response": {"clientDataJSON": "@@"}})] {
            let body = json!({"name": "key", "credential": credential});
            let answer = site.coordinator.post(ADD, Some(&alice), &body).await;
            assert_eq!(code_of(answer).await, ErrorCode::PasskeyRefused, "{credential}");
        }
    }

    #[tokio::test]
    async fn an_account_has_a_bounded_number_of_passkeys() {
        let site = Site::start().await;
        let alice = site.coordinator.person("alice", "supporter").await;
        for n in 1..=11 {
            let credential = SoftKey::new(n).create(&site.begin(&alice).await);
            let body = json!({"name": "key", "credential": credential});
            let answer = site.coordinator.post(ADD, Some(&alice), &body).await;
            if n <= 10 {
                assert_eq!(answer.status(), 201);
            } else {
                assert_eq!(code_of(answer).await, ErrorCode::LimitReached);
            }
        }
    }
}
