//! Passkeys of a person.

pub(crate) mod add;
pub(crate) mod begin;
pub(crate) mod list;
pub(crate) mod remove;

use data_encoding::BASE64URL_NOPAD;
use streamr_coordinator_api::PasskeyView;

use crate::storage::StoredPasskey;

/// As its person sees it.
fn view(passkey: &StoredPasskey) -> PasskeyView {
    PasskeyView {
        passkey: BASE64URL_NOPAD.encode(&passkey.credential),
        name: passkey.name.clone(),
        added_at: passkey.added_at,
        used_at: passkey.used_at,
    }
}
