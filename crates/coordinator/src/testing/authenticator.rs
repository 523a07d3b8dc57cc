//! An authenticator in software, written from the specification (Web Authentication Level 3) and not from the
//! library that checks it, and a coordinator with a name, which passkeys need.

use data_encoding::BASE64URL_NOPAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use reqwest::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use streamr_coordinator_api::PasskeyChallenge;

use super::Running;
use super::people::PASSWORD;

pub(crate) const BEGIN: &str = "/v1/accounts/me/passkeys/challenge";
pub(crate) const ADD: &str = "/v1/accounts/me/passkeys";
pub(crate) const SIGN_IN: &str = "/v1/sessions/passkey";

/// A coordinator that is known as `https://coordinator.example`.
pub(crate) struct Site {
    pub(crate) coordinator: Running,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let url = "https://coordinator.example/".parse().unwrap();
        Self { coordinator: Running::start_with(|config| config.public_url = Some(url)).await }
    }

    /// What the person's authenticator is to be asked for a new passkey.
    pub(crate) async fn begin(&self, token: &str) -> Value {
        let answer = self.coordinator.post(BEGIN, Some(token), &json!({"password": PASSWORD})).await;
        assert_eq!(answer.status(), 200);
        answer.json::<PasskeyChallenge>().await.unwrap().options
    }

    /// A new passkey, and what its authenticator says of it.
    pub(crate) async fn made(&self, token: &str) -> (SoftKey, Value) {
        let mut key = SoftKey::new(1);
        let credential = key.create(&self.begin(token).await);
        (key, credential)
    }

    /// A person who is signed in and has added a passkey.
    pub(crate) async fn person_with_key(&self, handle: &str) -> (String, SoftKey) {
        let token = self.coordinator.person(handle, "supporter").await;
        let (key, credential) = self.made(&token).await;
        let body = json!({"name": "key", "credential": credential});
        let added = self.coordinator.post(ADD, Some(&token), &body).await;
        assert_eq!(added.status(), 201, "{}", added.text().await.unwrap());
        (token, key)
    }

    /// What an authenticator is to be asked to sign somebody in.
    pub(crate) async fn begin_sign_in(&self) -> Value {
        let answer = self.coordinator.post("/v1/sessions/passkey/challenge", None, &()).await;
        assert_eq!(answer.status(), 200);
        answer.json::<PasskeyChallenge>().await.unwrap().options
    }

    /// Signs in with the key.
    pub(crate) async fn sign_in(&self, key: &mut SoftKey) -> Response {
        let credential = key.get(&self.begin_sign_in().await);
        let body = json!({"credential": credential, "carry": "bearer"});
        self.coordinator.post(SIGN_IN, None, &body).await
    }
}

/// A browser with an authenticator that holds one ES256 key.
#[derive(Clone)]
pub(crate) struct SoftKey {
    key: SigningKey,
    signing: SigningKey,
    credential: [u8; 32],
    user: Option<String>,
    counter: u32,
    /// The page that asks.
    pub(crate) origin: String,
    pub(crate) rp_id: String,
    pub(crate) user_is_verified: bool,
    pub(crate) kind_of_creation: &'static str,
    pub(crate) kind_of_use: &'static str,
}

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

impl SoftKey {
    pub(crate) fn new(n: u8) -> Self {
        let key = SigningKey::from_slice(&[n; 32]).unwrap();
        Self {
            signing: key.clone(),
            key,
            credential: [n; 32],
            user: None,
            counter: 0,
            origin: "https://coordinator.example".into(),
            rp_id: "coordinator.example".into(),
            user_is_verified: true,
            kind_of_creation: "webauthn.create",
            kind_of_use: "webauthn.get",
        }
    }

    /// The credential's id in base64url.
    pub(crate) fn id(&self) -> String {
        BASE64URL_NOPAD.encode(&self.credential)
    }

    /// From now on another key signs.
    pub(crate) fn forge_signature(&mut self) {
        self.signing = SigningKey::from_slice(&[0x77; 32]).unwrap();
    }

    /// Sections 6.3.2 and 7.1: a new credential with no attestation, as `RegistrationResponseJSON`.
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        self.user = options["user"]["id"].as_str().map(str::to_owned);
        let client_data = self.client_data(self.kind_of_creation, options);
        let mut data = self.authenticator_data(ATTESTED);
        data.extend([0; 16]);
        data.extend([0, 32]);
        data.extend(self.credential);
        let cose = self.cose_key();
        data.extend(&cose);
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(&data);
        json!({
            "id": self.id(), "rawId": self.id(), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(client_data.as_bytes()),
                "attestationObject": BASE64URL_NOPAD.encode(&object),
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "transports": ["internal"],
                "publicKeyAlgorithm": -7,
            },
        })
    }

    /// Sections 6.3.3 and 7.2: an assertion, as `AuthenticationResponseJSON`.
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        self.counter += 1;
        let client_data = self.client_data(self.kind_of_use, options);
        let data = self.authenticator_data(0);
        let signed = [data.as_slice(), &Sha256::digest(client_data.as_bytes())].concat();
        let signature: Signature = self.signing.sign(&signed);
        json!({
            "id": self.id(), "rawId": self.id(), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(client_data.as_bytes()),
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "signature": BASE64URL_NOPAD.encode(signature.to_der().as_bytes()),
                "userHandle": self.user,
            },
        })
    }

    /// Section 5.8.1.1.
    fn client_data(&self, kind: &str, options: &Value) -> String {
        let challenge = options["challenge"].as_str().unwrap();
        format!(
            r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{}","crossOrigin":false}}"#,
            self.origin
        )
    }

    /// Section 6.1.
    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let verified = if self.user_is_verified { USER_VERIFIED } else { 0 };
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(USER_PRESENT | verified | flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// RFC 9053 section 7.1.1: {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_encoded_point(false);
        let (x, y) = (point.x().unwrap(), point.y().unwrap());
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", x.as_slice(), b"\x22\x58\x20", y.as_slice()].concat()
    }
}
