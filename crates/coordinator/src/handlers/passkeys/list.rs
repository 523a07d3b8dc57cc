//! `GET /v1/accounts/me/passkeys`

use axum::extract::State;
use streamr_coordinator_api::Passkeys;

use super::view;
use crate::extract::{Json, Person};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::state::AppState;

/// The asker's passkeys.
#[utoipa::path(get, path = "/accounts/me/passkeys", tag = "passkeys", security(("session" = []), ("cookie" = [])),
    responses((status = 200, description = "The passkeys", body = Passkeys), (status = "default", response = ProblemResponse)))]
pub(crate) async fn list(
    Person { account, .. }: Person,
    State(app): State<AppState>,
) -> Result<Json<Passkeys>, Refused> {
    let mut tx = app.storage.read().await?;
    let passkeys = tx.passkeys_of_account(&account.id).await?;
    Ok(Json(Passkeys { passkeys: passkeys.iter().map(view).collect() }))
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::Passkeys;
    use streamr_model::UnixMs;

    use crate::testing::START;
    use crate::testing::authenticator::{ADD, Site};

    #[tokio::test]
    async fn a_person_sees_their_own_passkeys_and_when_each_was_used() {
        let site = Site::start().await;
        let bob = site.coordinator.person("bob", "supporter").await;
        let (alice, mut key) = site.person_with_key("alice").await;
        site.coordinator.clock.advance_s(60);
        assert_eq!(site.sign_in(&mut key).await.status(), 200);
        let seen = async |token: &str| -> Passkeys {
            site.coordinator.get_as(ADD, Some(token)).await.json().await.unwrap()
        };
        let own = seen(&alice).await.passkeys;
        assert_eq!(own.len(), 1);
        assert_eq!(own[0].passkey, key.id());
        assert_eq!((own[0].added_at, own[0].used_at), (UnixMs(START), Some(UnixMs(START + 60_000))));
        assert_eq!(seen(&bob).await.passkeys, []);
    }
}
