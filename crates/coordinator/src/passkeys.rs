//! Passkeys (Web Authentication Level 3): the two ceremonies, adding one and signing in with one.
//!
//! What is checked is [`RelyingParty`]'s, which asks the library `webauthn_rp`; here each ceremony is remembered
//! under its challenge when it begins and taken once when it ends, whatever becomes of it.

mod party;

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::Value;
use streamr_coordinator_api::ErrorCode;
use streamr_model::{AccountId, UnixMs};

pub(crate) use party::{Begun, RelyingParty};

use crate::problem::Refused;
use crate::state::AppState;
use crate::storage::Ceremony;

/// How long a ceremony may take: as long as the browser is told.
const VALID_MS: u64 = 5 * 60_000;

/// The one answer to whatever does not hold: which check failed helps nobody but an attacker.
pub(crate) fn refused() -> Refused {
    let detail = "What the authenticator said does not hold here, or comes too late. Begin again.";
    Refused::new(ErrorCode::PasskeyRefused, detail)
}

/// Remembers a ceremony that begins; the options for the browser.
pub(crate) async fn remember(
    app: &AppState,
    begun: Begun,
    account: Option<AccountId>,
) -> Result<Value, Refused> {
    let challenge = challenge_in(&begun.options["challenge"]).ok_or_else(refused)?;
    let now = app.now();
    let mut tx = app.storage.write().await?;
    let ceremony = Ceremony { account, state: begun.state };
    tx.begin_ceremony(&challenge, &ceremony, now, UnixMs(now.0 + VALID_MS)).await?;
    tx.commit().await?;
    Ok(begun.options)
}

/// Takes the ceremony that `credential` answers, if it is one of `account`'s (of nobody known, if `None`). It is
/// gone then, even if the answer turns out to be wrong.
pub(crate) async fn take(
    app: &AppState,
    credential: &Value,
    account: Option<AccountId>,
) -> Result<Vec<u8>, Refused> {
    let challenge = challenge_of(credential).ok_or_else(refused)?;
    let mut tx = app.storage.write().await?;
    let ceremony = tx.take_ceremony(&challenge, app.now()).await?;
    tx.commit().await?;
    match ceremony {
        Some(ceremony) if ceremony.account == account => Ok(ceremony.state),
        _ => Err(refused()),
    }
}

/// Which challenge a browser's answer is to. Not yet believed: the library checks it against the ceremony's.
fn challenge_of(credential: &Value) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct ClientData {
        challenge: Value,
    }
    let client_data = credential["response"]["clientDataJSON"].as_str()?;
    let client_data = BASE64URL_NOPAD.decode(client_data.as_bytes()).ok()?;
    challenge_in(&serde_json::from_slice::<ClientData>(&client_data).ok()?.challenge)
}

fn challenge_in(text: &Value) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_str()?.as_bytes()).ok()
}
