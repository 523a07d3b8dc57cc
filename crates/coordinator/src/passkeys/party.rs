//! The relying party: this coordinator, as authenticators know it. All that the library is asked is asked here.

use serde::Serialize;
use serde_json::Value;
use streamr_coordinator_api::ErrorCode;
use url::{Host, Url};
use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    CredProtect, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle, Username,
};
use webauthn_rp::request::{AsciiDomain, PublicKeyCredentialDescriptor, RpId};
use webauthn_rp::response::auth::DiscoverableAuthentication;
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthenticationServerState, DiscoverableCredentialRequestOptions,
    PublicKeyCredentialCreationOptions, Registration, RegistrationServerState,
};

use super::refused;
use crate::accounts::Account;
use crate::problem::Refused;
use crate::storage::StoredPasskey;

/// An account's id is its user handle: random, and nothing about the person (section 14.6.1).
const HANDLE_LEN: usize = 32;

/// A public key as it comes back from storage.
type StoredKey = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

/// The coordinator as authenticators know it: by its host, from pages of its origin.
pub(crate) struct RelyingParty {
    id: RpId,
    origin: String,
}

/// A ceremony that begins.
pub(crate) struct Begun {
    /// To be remembered.
    pub(crate) state: Vec<u8>,
    /// For the browser.
    pub(crate) options: Value,
}

/// A passkey that was made.
pub(crate) struct NewPasskey {
    pub(crate) credential: Vec<u8>,
    pub(crate) static_state: Vec<u8>,
    pub(crate) dynamic_state: Vec<u8>,
}

/// An answer to sign in with, read and not yet believed.
pub(crate) struct Answer(DiscoverableAuthentication<HANDLE_LEN>);

impl Answer {
    /// Which passkey it says it is.
    pub(crate) fn credential(&self) -> &[u8] {
        self.0.raw_id().into_inner()
    }
}

impl RelyingParty {
    /// Of this address, whose host must be a name: passkeys are bound to one.
    pub(crate) fn of(own_url: &Url) -> Result<Self, Refused> {
        let Some(Host::Domain(domain)) = own_url.host() else {
            let detail = format!(
                "Passkeys are bound to a name, and {own_url} has none. The operator sets --public-url."
            );
            return Err(Refused::new(ErrorCode::PasskeyRefused, detail));
        };
        let domain = AsciiDomain::try_from(domain.to_owned()).map_err(|_| refused())?;
        Ok(Self { id: RpId::Domain(domain), origin: own_url.origin().ascii_serialization() })
    }

    /// Begins to add a passkey to those that the account has. The authenticator must know its person.
    pub(crate) fn begin_adding(
        &self,
        account: &Account,
        passkeys: &[StoredPasskey],
    ) -> Result<Begun, Refused> {
        let handle = UserHandle::<HANDLE_LEN>::from(account.id.0);
        let user = PublicKeyCredentialUserEntity {
            name: Username::try_from(account.handle.as_str()).map_err(|_| refused())?,
            id: &handle,
            display_name: None,
        };
        let known = passkeys.iter().map(|passkey| {
            let id = CredentialId::try_from(passkey.credential.clone()).map_err(|_| refused())?;
            Ok(PublicKeyCredentialDescriptor { id, transports: AuthTransports::NONE })
        });
        let known = known.collect::<Result<Vec<_>, Refused>>()?;
        let mut options = PublicKeyCredentialCreationOptions::passkey(&self.id, user, known);
        // The library asks authenticators to enforce this themselves, and browsers then refuse all that cannot.
        // Whether the person was verified is checked at every use anyway.
        options.extensions.cred_protect = CredProtect::None;
        let (server, client) = options.start_ceremony().map_err(|_| refused())?;
        begun(server.encode(), &client)
    }

    /// Checks what the authenticator made (section 7.1).
    pub(crate) fn finish_adding(&self, state: &[u8], credential: &Value) -> Result<NewPasskey, Refused> {
        let state = RegistrationServerState::<HANDLE_LEN>::decode(state).map_err(|_| refused())?;
        let made = Registration::from_json_relaxed(&json(credential)).map_err(|_| refused())?;
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &[self.origin.as_str()],
            error_on_unsolicited_extensions: false,
            ..RegistrationVerificationOptions::default()
        };
        let registered = state.verify(&self.id, &made, &options).map_err(|error| {
            tracing::debug!(%error, "a passkey is refused");
            refused()
        })?;
        let encoded = (registered.static_state().encode(), registered.dynamic_state().encode());
        let (Ok(static_state), Ok(dynamic_state)) = encoded;
        Ok(NewPasskey {
            credential: registered.id().into_inner().to_vec(),
            static_state,
            dynamic_state: dynamic_state.to_vec(),
        })
    }

    /// Begins to sign somebody in. The authenticator must know its person.
    pub(crate) fn begin_signing_in(&self) -> Result<Begun, Refused> {
        let options = DiscoverableCredentialRequestOptions::passkey(&self.id);
        let (server, client) = options.start_ceremony().map_err(|_| refused())?;
        begun(server.encode(), &client)
    }

    /// Reads an answer.
    pub(crate) fn read_answer(&self, credential: &Value) -> Result<Answer, Refused> {
        DiscoverableAuthentication::from_json_relaxed(&json(credential)).map(Answer).map_err(|_| refused())
    }

    /// Checks an answer against the passkey that it names (section 7.2), its counter too; what every use changes,
    /// after this one.
    pub(crate) fn finish_signing_in(
        &self,
        state: &[u8],
        answer: &Answer,
        stored: &StoredPasskey,
    ) -> Result<Vec<u8>, Refused> {
        let state = DiscoverableAuthenticationServerState::decode(state).map_err(|_| refused())?;
        let static_state = StaticState::<StoredKey>::decode(&stored.static_state).map_err(|_| refused())?;
        let dynamic_state = stored.dynamic_state.as_slice().try_into().map_err(|_| refused())?;
        let dynamic_state = DynamicState::decode(dynamic_state).map_err(|_| refused())?;
        let handle = UserHandle::<HANDLE_LEN>::from(stored.account.0);
        let id = CredentialId::try_from(stored.credential.as_slice()).map_err(|_| refused())?;
        let mut known =
            AuthenticatedCredential::new(id, &handle, static_state, dynamic_state).map_err(|_| refused())?;
        let options = AuthenticationVerificationOptions::<&str, &str> {
            allowed_origins: &[self.origin.as_str()],
            error_on_unsolicited_extensions: false,
            ..AuthenticationVerificationOptions::default()
        };
        state.verify(&self.id, &answer.0, &mut known, &options).map_err(|error| {
            tracing::debug!(%error, "a passkey's answer is refused");
            refused()
        })?;
        let Ok(dynamic_state) = known.dynamic_state().encode();
        Ok(dynamic_state.to_vec())
    }
}

/// `encoded` is the library's own form of what it must be asked with again.
fn begun<E>(encoded: Result<Vec<u8>, E>, client: &impl Serialize) -> Result<Begun, Refused> {
    let options = serde_json::to_value(client).map_err(|_| refused())?;
    Ok(Begun { state: encoded.map_err(|_| refused())?, options })
}

fn json(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("a JSON value is always JSON")
}
