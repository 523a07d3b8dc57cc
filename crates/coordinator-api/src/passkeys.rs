//! Passkeys: signing in with a key that an authenticator keeps (Web Authentication Level 3).
//!
//! What browsers and authenticators say travels as the JSON of section 5.1: `options` is for
//! `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`, `credential` is what
//! `toJSON()` of the browser's answer gives.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use streamr_model::UnixMs;
use utoipa::ToSchema;

use crate::accounts::Carry;

/// `POST /accounts/me/passkeys/challenge`. With the password, because whoever has only stolen a session must not
/// be able to make it last.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BeginPasskey {
    /// The account's password.
    pub password: String,
}

impl fmt::Debug for BeginPasskey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeginPasskey(…)")
    }
}

/// Answer to [`BeginPasskey`] and to `POST /sessions/passkey/challenge`: what the browser is to ask its
/// authenticator. Good once, for five minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasskeyChallenge {
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`.
    #[schema(value_type = Object)]
    pub options: Value,
}

/// `POST /accounts/me/passkeys`: what the authenticator made of the challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddPasskey {
    /// What its person calls it: 1 to 100 characters.
    pub name: String,
    /// `RegistrationResponseJSON`.
    #[schema(value_type = Object)]
    pub credential: Value,
}

/// `GET /accounts/me/passkeys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Passkeys {
    /// The asker's passkeys, those added first before the others.
    pub passkeys: Vec<PasskeyView>,
}

/// A passkey as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasskeyView {
    /// The credential's id in base64url, for removing it.
    pub passkey: String,
    /// What its person calls it.
    pub name: String,
    /// When it was added.
    #[schema(value_type = u64)]
    pub added_at: UnixMs,
    /// When somebody last signed in with it.
    #[schema(value_type = Option<u64>)]
    pub used_at: Option<UnixMs>,
}

/// `POST /sessions/passkey`: sign in with what the authenticator made of the challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInWithPasskey {
    /// `AuthenticationResponseJSON`.
    #[schema(value_type = Object)]
    pub credential: Value,
    /// How the session's token is to travel.
    pub carry: Carry,
}
