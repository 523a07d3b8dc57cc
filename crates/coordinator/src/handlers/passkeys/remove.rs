//! `DELETE /v1/accounts/me/passkeys/{passkey}`

use axum::extract::State;
use axum::http::StatusCode;
use data_encoding::BASE64URL_NOPAD;
use streamr_coordinator_api::ErrorCode;

use crate::extract::{Path, Person};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// Remove a passkey: nobody signs in with it any more. Sessions that it began go on; sign out everywhere to end
/// them.
#[utoipa::path(delete, path = "/accounts/me/passkeys/{passkey}", tag = "passkeys",
    security(("session" = []), ("cookie" = [])),
    params(("passkey" = String, Path, description = "The credential's id in base64url")),
    responses((status = 204, description = "Removed"), (status = "default", response = ProblemResponse)))]
pub(crate) async fn remove(
    Person { account, .. }: Person,
    Path(passkey): Path<String>,
    State(app): State<AppState>,
) -> Result<StatusCode, Refused> {
    let unknown = || Refused::new(ErrorCode::PasskeyRefused, "This account has no such passkey.");
    let credential = BASE64URL_NOPAD.decode(passkey.as_bytes()).map_err(|_| unknown())?;
    let mut tx = app.storage.write().await?;
    if !tx.remove_passkey(&account.id, &credential).await? {
        return Err(unknown());
    }
    tx.commit().await?;
    tracing::info!(account = %account.handle, "passkey removed");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::authenticator::{ADD, Site};
    use crate::testing::code_of;

    #[tokio::test]
    async fn nobody_signs_in_with_a_passkey_that_its_person_removed() {
        let site = Site::start().await;
        let (alice, mut key) = site.person_with_key("alice").await;
        let bob = site.coordinator.person("bob", "supporter").await;
        let path = format!("{ADD}/{}", key.id());
        let others = site.coordinator.delete(&path, Some(&bob)).await;
        assert_eq!(code_of(others).await, ErrorCode::PasskeyRefused);
        assert_eq!(site.sign_in(&mut key).await.status(), 200);
        assert_eq!(site.coordinator.delete(&path, Some(&alice)).await.status(), 204);
        assert_eq!(code_of(site.sign_in(&mut key).await).await, ErrorCode::SignInFailed);
    }
}
