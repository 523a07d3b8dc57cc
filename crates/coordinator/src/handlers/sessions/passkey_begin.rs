//! `POST /v1/sessions/passkey/challenge`

use axum::extract::State;
use streamr_coordinator_api::PasskeyChallenge;

use crate::extract::{Json, OwnUrl};
use crate::handlers::openapi::ProblemResponse;
use crate::passkeys::{self, RelyingParty};
use crate::problem::Refused;
use crate::state::AppState;

/// Begin to sign in with a passkey. Nobody is named: the authenticator knows whose passkeys it has.
#[utoipa::path(post, path = "/sessions/passkey/challenge", tag = "sessions", security(()),
    responses((status = 200, description = "For the authenticator", body = PasskeyChallenge), (status = "default", response = ProblemResponse)))]
pub(crate) async fn passkey_begin(
    OwnUrl(own_url): OwnUrl,
    State(app): State<AppState>,
) -> Result<Json<PasskeyChallenge>, Refused> {
    let begun = RelyingParty::of(&own_url)?.begin_signing_in()?;
    let options = passkeys::remember(&app, begun, None).await?;
    Ok(Json(PasskeyChallenge { options }))
}

#[cfg(test)]
mod tests {
    use crate::testing::authenticator::Site;

    #[tokio::test]
    async fn whoever_asks_learns_nothing_about_anybody() {
        let site = Site::start().await;
        site.person_with_key("alice").await;
        let options = site.begin_sign_in().await;
        assert_eq!(options["rpId"], "coordinator.example");
        assert_eq!(options["userVerification"], "required");
        let named = options.get("allowCredentials").and_then(|list| list.as_array()).map_or(0, Vec::len);
        assert_eq!(named, 0);
    }
}
