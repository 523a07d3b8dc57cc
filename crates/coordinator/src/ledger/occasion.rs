//! What an entry was made for. Each occasion happens once: its text is unique in the book.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use streamr_model::{NodeId, StreamId};

use crate::epoch::InputHash;
use crate::hour::Hour;

/// What an entry was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// `deposit:STREAM:KEY`: money came into a stream's pool.
    Deposit {
        /// Whose pool.
        stream: StreamId,
        /// The depositor's own name for it.
        key: IdempotencyKey,
    },
    /// `epoch:STREAM:HOUR:INPUT`: an hour of a stream closed. The hash binds what it was closed with.
    EpochClosed {
        /// The stream.
        stream: StreamId,
        /// The hour.
        hour: Hour,
        /// The hash of its input.
        input: InputHash,
    },
    /// `reviewed:STREAM:HOUR:NODE`: what an hour holds for a node is its own now, or the fund's.
    Reviewed {
        /// The stream.
        stream: StreamId,
        /// The hour.
        hour: Hour,
        /// Whose share was held.
        node: NodeId,
    },
    /// `payout-begun:PAYOUT`: earned money is on its way.
    PayoutBegun(PayoutId),
    /// `payout-posted:PAYOUT`: it arrived.
    PayoutPosted(PayoutId),
    /// `payout-void:PAYOUT`: it did not, and is owed again.
    PayoutVoid(PayoutId),
    /// `correction:NUMBER`: an entry's movements are undone.
    Correction(u64),
}

impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deposit { stream, key } => write!(f, "deposit:{stream}:{key}"),
            Self::EpochClosed { stream, hour, input } => write!(f, "epoch:{stream}:{}:{input}", hour.0),
            Self::Reviewed { stream, hour, node } => write!(f, "reviewed:{stream}:{}:{node}", hour.0),
            Self::PayoutBegun(payout) => write!(f, "payout-begun:{payout}"),
            Self::PayoutPosted(payout) => write!(f, "payout-posted:{payout}"),
            Self::PayoutVoid(payout) => write!(f, "payout-void:{payout}"),
            Self::Correction(number) => write!(f, "correction:{number}"),
        }
    }
}

/// A text that is no occasion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no entry is made for this")]
pub struct UnknownOccasion;

impl FromStr for Occasion {
    type Err = UnknownOccasion;

    fn from_str(text: &str) -> Result<Self, UnknownOccasion> {
        fn of<T: FromStr>(part: Option<&str>) -> Result<T, UnknownOccasion> {
            part.and_then(|part| part.parse().ok()).ok_or(UnknownOccasion)
        }
        let mut parts = text.split(':');
        let occasion = match parts.next() {
            Some("deposit") => Self::Deposit { stream: of(parts.next())?, key: of(parts.next())? },
            Some("epoch") => Self::EpochClosed {
                stream: of(parts.next())?,
                hour: Hour(of(parts.next())?),
                input: of(parts.next())?,
            },
            Some("reviewed") => Self::Reviewed {
                stream: of(parts.next())?,
                hour: Hour(of(parts.next())?),
                node: of(parts.next())?,
            },
            Some("payout-begun") => Self::PayoutBegun(of(parts.next())?),
            Some("payout-posted") => Self::PayoutPosted(of(parts.next())?),
            Some("payout-void") => Self::PayoutVoid(of(parts.next())?),
            Some("correction") => Self::Correction(of(parts.next())?),
            _ => return Err(UnknownOccasion),
        };
        // One text for one occasion: no “+7”, no “007”, nothing behind.
        if occasion.to_string() == text { Ok(occasion) } else { Err(UnknownOccasion) }
    }
}

/// The asker's own name for something that must happen once: 1 to 64 of letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdempotencyKey(Box<str>);

/// A text that is not an [`IdempotencyKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to 64 letters, digits, - and _")]
pub struct InvalidKey;

impl IdempotencyKey {
    /// The longest key, in bytes.
    pub const MAX_LEN: usize = 64;

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = (1..=Self::MAX_LEN).contains(&text.len());
        if fits && text.bytes().all(plain) { Ok(Self(text.into())) } else { Err(InvalidKey) }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One payment to one node: 16 bytes, in hex. It goes with the payment as its end-to-end id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayoutId(pub [u8; 16]);

impl fmt::Display for PayoutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for PayoutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayoutId({self})")
    }
}

impl FromStr for PayoutId {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(InvalidKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occasion_survives_its_text_form() {
        let stream = || "alice".parse().unwrap();
        let payout = PayoutId([0xcd; 16]);
        let occasions = [
            Occasion::Deposit { stream: stream(), key: "March_1".parse().unwrap() },
            Occasion::EpochClosed { stream: stream(), hour: Hour(497_000), input: InputHash([7; 32]) },
            Occasion::PayoutBegun(payout),
            Occasion::PayoutPosted(payout),
            Occasion::PayoutVoid(payout),
            Occasion::Correction(12),
        ];
        for occasion in occasions {
            assert_eq!(occasion.to_string().parse(), Ok(occasion));
        }
    }

    #[test]
    fn an_occasion_has_one_text_only() {
        for bad in
            ["", "correction:+7", "correction:007", "correction:7:", "deposit:alice", "deposit:alice:a b"]
        {
            assert_eq!(bad.parse::<Occasion>(), Err(UnknownOccasion), "{bad:?}");
        }
    }

    #[test]
    fn a_key_that_would_need_escaping_is_refused() {
        for bad in ["", "a b", "a:b", "ä", "=1", &"x".repeat(65)] {
            assert_eq!(bad.parse::<IdempotencyKey>(), Err(InvalidKey), "{bad:?}");
        }
    }
}
