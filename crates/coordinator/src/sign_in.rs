//! Signing in: a password or a passkey becomes a session, whose token travels in a cookie or as a bearer token.

pub(crate) mod cookie;
pub(crate) mod passwords;

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use passwords::StoredPassword;
use streamr_coordinator_api::{Carry, ErrorCode, SignedIn};
use url::Url;

use crate::accounts::lifetime::Lifetime;
use crate::accounts::{Account, Handle, MAX_SESSIONS, password};
use crate::extract::{ClientAddress, Json};
use crate::problem::Refused;
use crate::secret::{SecretHash, draw_token};
use crate::state::{AppState, lock};

/// Whether `password` is the stored one, as often as the throttle allows it to be tried.
///
/// Who names nobody waits and is refused as long, and in the same words, as who has a wrong password.
pub(crate) async fn check_password(
    app: &AppState,
    handle: Option<&Handle>,
    stored: Option<&StoredPassword>,
    password: &str,
    ClientAddress(from): ClientAddress,
) -> Result<(), Refused> {
    lock(&app.throttle).begin(handle, from, app.now()).map_err(too_fast)?;
    let tried = app.passwords.matches(password::normal(password), stored).await;
    match (handle, tried) {
        (Some(handle), Ok(true)) => {
            lock(&app.throttle).succeeded(handle, from, app.now());
            Ok(())
        }
        (_, Ok(_)) => Err(failed()),
        (handle, Err(error)) => {
            lock(&app.throttle).undecided(handle, from, app.now());
            Err(error.into())
        }
    }
}

/// A browser may be given a cookie only by our own pages: another site could sign somebody in as itself, and
/// read what they do then.
pub(crate) fn check_carry(carry: Carry, headers: &HeaderMap, own_url: &Url) -> Result<(), Refused> {
    if carry == Carry::Bearer || cookie::is_from_own_page(headers, own_url) {
        return Ok(());
    }
    let detail = "A cookie is given only to this coordinator's own pages. Programs ask for `bearer`.";
    Err(Refused::new(ErrorCode::Forbidden, detail))
}

/// Begins a session of `account`, whose person has proved to be it, and says so.
pub(crate) async fn begin(
    app: &AppState,
    account: &Account,
    carry: Carry,
    own_url: &Url,
) -> Result<Response, Refused> {
    let (token, now) = (draw_token(), app.now());
    let lifetime = Lifetime::of(account.role);
    let mut tx = app.storage.write().await?;
    tx.lock_account(&account.id).await?;
    tx.begin_sign_in(SecretHash::of(&token), &account.id, now, lifetime.ends_at(now), MAX_SESSIONS).await?;
    tx.commit().await?;
    tracing::info!(account = %account.handle, "signed in");
    let answer = |token| Json(SignedIn { account: account.view(), ends_at: lifetime.ends_at(now), token });
    Ok(match carry {
        Carry::Bearer => answer(Some(token)).into_response(),
        Carry::Cookie => {
            let cookie = cookie::set(&token, lifetime.total_ms / 1000, own_url);
            ([(header::SET_COOKIE, cookie)], answer(None)).into_response()
        }
    })
}

/// The one answer to a handle that does not exist, a wrong password and a passkey of nobody.
pub(crate) fn failed() -> Refused {
    Refused::new(
        ErrorCode::SignInFailed,
        "No account has this handle and password. Check both; which of them is wrong is not said.",
    )
}

/// What somebody hears who guesses too fast.
fn too_fast(wait_s: u32) -> Refused {
    let detail = format!("Too many attempts to sign in from this address. Try again in {wait_s} s.");
    Refused::new(ErrorCode::RateLimited, detail).retry_after(wait_s)
}
