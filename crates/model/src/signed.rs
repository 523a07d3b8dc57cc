//! A document, the bytes that stand for it, and a signature over those bytes.
//!
//! The bytes are kept as they came, so there is no second encoding to disagree with: what was signed is
//! what is checked, stored and passed on. A document's content can be read only after its signature held.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::id::NodeId;
use crate::key::{SecretKey, StreamKey};
use crate::verification::Claim;

/// A kind of document that can be signed.
pub trait Document: Serialize + DeserializeOwned {
    /// Separates this kind's signatures from every other's. Never reused for a changed layout.
    const DOMAIN: &'static str;
    /// The longest encoding that is read, in bytes.
    const MAX_LEN: usize;
}

/// Why a signed document was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Longer than the kind allows.
    #[error("the document has {len} bytes, more than the {max} its kind allows")]
    TooLong {
        /// Length found, in bytes.
        len: usize,
        /// Length allowed, in bytes.
        max: usize,
    },
    /// Another key signed it, or the bytes changed on the way.
    #[error("the signature does not hold")]
    BadSignature,
    /// The signature holds but the content is not this kind of document.
    #[error("the document is signed but its content cannot be read")]
    Unreadable,
}

/// A document of kind `T` as received: bytes and a signature, not yet believed.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Signed<T> {
    payload: Payload,
    signature: Sig,
    #[serde(skip)]
    kind: PhantomData<fn() -> T>,
}

impl<T: Document> Signed<T> {
    /// Encodes and signs `document`.
    pub fn new(document: &T, key: &SecretKey) -> Self {
        let payload = encode(document);
        let signature = key.sign(&message::<T>(&payload));
        Self { payload: Payload(payload.into()), signature: Sig(signature), kind: PhantomData }
    }

    /// The content, if `key` signed it.
    pub fn verify_stream(&self, key: &StreamKey) -> Result<T, VerifyError> {
        self.verify(&key.0)
    }

    /// The content, if the node `id` signed it.
    pub fn verify_node(&self, id: &NodeId) -> Result<T, VerifyError> {
        self.verify(&id.0)
    }

    fn verify(&self, public: &[u8; 32]) -> Result<T, VerifyError> {
        if !self.claim(public)?.holds() {
            return Err(VerifyError::BadSignature);
        }
        self.content()
    }

    /// What there is to be verified: that `public` signed it.
    pub(crate) fn claim<'a>(&'a self, public: &'a [u8; 32]) -> Result<Claim<'a>, VerifyError> {
        let len = self.payload.0.len();
        if len > T::MAX_LEN {
            return Err(VerifyError::TooLong { len, max: T::MAX_LEN });
        }
        Ok(Claim { public, message: message::<T>(&self.payload.0), signature: &self.signature.0 })
    }

    /// The content, of which the claim was seen to hold.
    pub(crate) fn content(&self) -> Result<T, VerifyError> {
        match postcard::take_from_bytes(&self.payload.0) {
            Ok((document, [])) => Ok(document),
            _ => Err(VerifyError::Unreadable),
        }
    }

    /// BLAKE3 of the payload, under the kind's domain: a name for this very document.
    pub fn digest(&self) -> [u8; 32] {
        digest::<T>(&self.payload.0)
    }

    /// What [`Signed::digest`] gives for `document`, whoever signs it.
    pub fn digest_of(document: &T) -> [u8; 32] {
        digest::<T>(&encode(document))
    }

    /// The bytes that stand for it between peers: postcard's.
    pub fn to_wire(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("two byte strings are plain data: encoding them cannot fail")
    }

    /// What [`Signed::to_wire`] wrote, not yet believed; `None` where the bytes are something else.
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        postcard::take_from_bytes(bytes).ok().filter(|(_, rest)| rest.is_empty()).map(|(signed, _)| signed)
    }

    /// Bytes of payload and signature together.
    pub fn wire_len(&self) -> usize {
        self.payload.0.len() + self.signature.0.len()
    }
}

fn encode<T: Document>(document: &T) -> Vec<u8> {
    postcard::to_allocvec(document).expect("a document is plain data: encoding it into memory cannot fail")
}

fn digest<T: Document>(payload: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(T::DOMAIN);
    hasher.update(payload);
    hasher.finalize().into()
}

/// What is signed: the domain, a zero byte that no domain contains, the payload.
fn message<T: Document>(payload: &[u8]) -> Vec<u8> {
    [T::DOMAIN.as_bytes(), &[0], payload].concat()
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self { payload: self.payload.clone(), signature: self.signature, kind: PhantomData }
    }
}

impl<T> PartialEq for Signed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.payload.0 == other.payload.0 && self.signature.0 == other.signature.0
    }
}

impl<T> Eq for Signed<T> {}

impl<T> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({} bytes)", self.payload.0.len())
    }
}

/// Bytes in binary formats, base64 in text formats.
#[derive(Clone)]
struct Payload(Bytes);

/// A signature: the same two forms as [`Payload`].
#[derive(Clone, Copy)]
struct Sig([u8; 64]);

fn to_either<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.serialize_str(&data_encoding::BASE64.encode(bytes))
    } else {
        serializer.serialize_bytes(bytes)
    }
}

fn from_either<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    if deserializer.is_human_readable() {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        data_encoding::BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)
    } else {
        Bytes::deserialize(deserializer).map(Vec::from)
    }
}

impl Serialize for Payload {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        to_either(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_either(deserializer).map(|bytes| Self(bytes.into()))
    }
}

impl Serialize for Sig {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        to_either(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Sig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = from_either(deserializer)?;
        bytes.try_into().map(Self).map_err(|_| serde::de::Error::custom("a signature has 64 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note(String);
    impl Document for Note {
        const DOMAIN: &'static str = "test/note/1";
        const MAX_LEN: usize = 100;
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Cheque(String);
    impl Document for Cheque {
        const DOMAIN: &'static str = "test/cheque/1";
        const MAX_LEN: usize = 100;
    }

    fn key() -> SecretKey {
        SecretKey::from_seed([7; 32])
    }

    proptest! {
        #[test]
        fn a_document_survives_the_wire(text in "[ -~]{0,80}") {
            let signed = Signed::new(&Note(text.clone()), &key());
            let back: Signed<Note> = Signed::from_wire(&signed.to_wire()).unwrap();
            prop_assert_eq!(back.verify_node(&key().node_id()), Ok(Note(text)));
        }

        #[test]
        fn any_flipped_bit_is_noticed(text in "[ -~]{1,80}", at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let signed = Signed::new(&Note(text), &key());
            let mut wire = signed.to_wire();
            let at = at.index(wire.len());
            wire[at] ^= 1 << bit;
            if let Some(changed) = Signed::<Note>::from_wire(&wire) {
                prop_assert!(changed.verify_node(&key().node_id()).is_err());
            }
        }

        #[test]
        fn no_bytes_make_reading_panic(wire in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(signed) = Signed::<Note>::from_wire(&wire) {
                prop_assert!(signed.verify_node(&key().node_id()).is_err());
            }
        }
    }

    #[test]
    fn a_signature_for_one_kind_does_not_hold_for_another() {
        let note = Signed::new(&Note("pay bob".into()), &key());
        let cheque: Signed<Cheque> =
            Signed { payload: note.payload, signature: note.signature, kind: PhantomData };
        assert_eq!(cheque.verify_node(&key().node_id()), Err(VerifyError::BadSignature));
    }

    #[test]
    fn a_document_over_its_limit_is_refused_before_it_is_read() {
        let signed = Signed::new(&Note("x".repeat(200)), &key());
        assert!(matches!(signed.verify_node(&key().node_id()), Err(VerifyError::TooLong { .. })));
    }
}
