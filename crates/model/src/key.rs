//! Ed25519 keys (RFC 8032) under the names of what they are for.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use ed25519_dalek::{Signer, SigningKey};
use serde::{Deserialize, Serialize};

use crate::id::{NodeId, hex32};

/// A text or byte string that is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key: expected 64 lower-case hex digits")]
pub struct InvalidKey;

hex32! {
    /// The Ed25519 public key that signs a stream's manifests.
    StreamKey
}

/// An Ed25519 secret key. Never printed, never serialised; wiped from memory when dropped.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// From 32 bytes of a cryptographically secure source.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The 32 bytes to keep in a keyring or a file that only its owner can read.
    pub fn to_seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half, as a node's identity.
    pub fn node_id(&self) -> NodeId {
        NodeId(self.0.verifying_key().to_bytes())
    }

    /// The public half, as a stream's key.
    pub fn stream_key(&self) -> StreamKey {
        StreamKey(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}
