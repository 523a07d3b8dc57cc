//! Names of things on the wire.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// A stream's name: 1 to 64 of `a-z`, `0-9` and `-`, neither first nor last a `-`.
///
/// It appears in URLs and file names, so nothing that would need escaping is ever accepted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId(Box<str>);

/// Why a text is not a [`StreamId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not a stream id: use 1 to 64 of a-z, 0-9 and -, neither first nor last a -")]
pub struct InvalidStreamId(pub String);

impl StreamId {
    /// The longest id, in bytes.
    pub const MAX_LEN: usize = 64;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StreamId {
    type Err = InvalidStreamId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let valid = !text.is_empty()
            && text.len() <= Self::MAX_LEN
            && text.bytes().all(plain)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if valid { Ok(Self(text.into())) } else { Err(InvalidStreamId(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for StreamId {
    type Error = InvalidStreamId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<StreamId> for String {
    fn from(id: StreamId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({})", self.0)
    }
}

/// 32 bytes that read and print as lower-case hex, in text formats and to people.
macro_rules! hex32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({}…)"), &HEXLOWER.encode(&self.0[..6]))
            }
        }

        impl FromStr for $name {
            type Err = $crate::key::InvalidKey;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|b| b.try_into().ok());
                bytes.map(Self).ok_or($crate::key::InvalidKey)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    Ok(Self(<[u8; 32]>::deserialize(deserializer)?))
                }
            }
        }
    };
}
pub(crate) use hex32;

hex32! {
    /// A node: its Ed25519 public key, which is also its libp2p identity.
    NodeId
}

hex32! {
    /// A segment, named by the BLAKE3 hash of its manifest's payload.
    ///
    /// So it stands for (stream, epoch, rendition, sequence, bytes) at once, and never for a URL.
    SegmentRef
}

impl NodeId {
    /// The first eight hex digits: enough for a person to tell nodes apart.
    pub fn short(&self) -> String {
        HEXLOWER.encode(&self.0[..4])
    }
}

/// One incarnation of an origin's live: its start in Unix milliseconds.
///
/// A later epoch has a larger number. An origin that restarts and counts from 0 again begins a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamEpoch(pub u64);

/// A rendition of a stream (RFC 8216 section 2), counted from 0 in the multivariant playlist's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct RenditionId(pub u16);

/// A segment's number within its epoch (RFC 8216 section 4.3.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MediaSequence(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_id_that_would_need_escaping_is_refused() {
        for bad in ["", "-a", "a-", "A", "a/b", "a b", "ä", &"x".repeat(65)] {
            assert!(bad.parse::<StreamId>().is_err(), "{bad:?} was accepted");
        }
        assert_eq!("alice-live-2".parse::<StreamId>().unwrap().as_str(), "alice-live-2");
    }

    #[test]
    fn a_node_id_survives_its_hex_form() {
        let id = NodeId([0xab; 32]);
        assert_eq!(id.to_string().parse::<NodeId>().unwrap(), id);
        assert_eq!(id.short(), "abababab");
    }
}
