//! `POST /v1/accounts/me/passkeys/challenge`

use axum::extract::State;
use streamr_coordinator_api::{BeginPasskey, PasskeyChallenge};

use crate::extract::{ClientAddress, Json, OwnUrl, Person};
use crate::handlers::openapi::ProblemResponse;
use crate::passkeys::{self, RelyingParty};
use crate::problem::Refused;
use crate::sign_in::check_password;
use crate::state::AppState;

/// Begin to add a passkey: what the browser is to ask its authenticator.
#[utoipa::path(post, path = "/accounts/me/passkeys/challenge", tag = "passkeys",
    security(("session" = []), ("cookie" = [])), request_body = BeginPasskey,
    responses((status = 200, description = "For the authenticator", body = PasskeyChallenge), (status = "default", response = ProblemResponse)))]
pub(crate) async fn begin(
    Person { account, .. }: Person,
    OwnUrl(own_url): OwnUrl,
    from: ClientAddress,
    State(app): State<AppState>,
    Json(request): Json<BeginPasskey>,
) -> Result<Json<PasskeyChallenge>, Refused> {
    let party = RelyingParty::of(&own_url)?;
    let mut tx = app.storage.read().await?;
    let (stored, passkeys) = (tx.password(&account.id).await?, tx.passkeys_of_account(&account.id).await?);
    drop(tx);
    check_password(&app, Some(&account.handle), stored.as_ref(), &request.password, from).await?;
    let begun = party.begin_adding(&account, &passkeys)?;
    let options = passkeys::remember(&app, begun, Some(account.id)).await?;
    Ok(Json(PasskeyChallenge { options }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streamr_coordinator_api::{ErrorCode, PasskeyChallenge};

    use crate::testing::authenticator::{BEGIN, Site};
    use crate::testing::people::PASSWORD;
    use crate::testing::{Running, code_of};

    #[tokio::test]
    async fn the_options_name_this_coordinator_and_every_challenge_is_another() {
        let site = Site::start().await;
        let alice = site.coordinator.person("alice", "supporter").await;
        let begin = async || -> PasskeyChallenge {
            let body = json!({"password": PASSWORD});
            site.coordinator.post(BEGIN, Some(&alice), &body).await.json().await.unwrap()
        };
        let (one, two) = (begin().await.options, begin().await.options);
        assert_eq!(one["rp"]["id"], "coordinator.example");
        assert_eq!(one["user"]["name"], "alice");
        assert_eq!(one["authenticatorSelection"]["userVerification"], "required");
        assert_ne!(one["challenge"], two["challenge"]);
        assert_eq!(one["extensions"], json!({}), "nothing that browsers would refuse authenticators for");
    }

    #[tokio::test]
    async fn whoever_only_has_the_session_cannot_add_a_passkey() {
        let site = Site::start().await;
        let stolen = site.coordinator.person("alice", "supporter").await;
        let body = json!({"password": "a guess at the roof"});
        let answer = site.coordinator.post(BEGIN, Some(&stolen), &body).await;
        assert_eq!(code_of(answer).await, ErrorCode::SignInFailed);
    }

    #[tokio::test]
    async fn a_coordinator_without_a_name_says_that_it_needs_one() {
        // Passkeys are bound to a domain; an address of numbers is none.
        let coordinator = Running::start().await;
        let alice = coordinator.person("alice", "supporter").await;
        let answer = coordinator.post(BEGIN, Some(&alice), &json!({"password": PASSWORD})).await;
        assert_eq!(code_of(answer).await, ErrorCode::PasskeyRefused);
    }
}
