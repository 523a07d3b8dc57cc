//! What happened in an hour of a stream.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use streamr_model::{MicroUnits, NodeId, StreamId};

use crate::canonical::{NotCanonical, Reader, Writer};
use crate::hour::Hour;
use crate::ledger::Currency;
use crate::rewards::{Score, accrued};

/// What happened in an hour of a stream, as far as it decides what is paid.
///
/// Its bytes, in the form of [`crate::canonical`]: text stream, unsigned hour, unsigned `live_ms`; byte 0 where
/// nothing is promised, else byte 1, signed amount, text currency; count of nodes, and for each in the order of
/// their ids: id, byte standing (0 or 1, and 2 more where others share its quality, and 4 more where not all of it is
/// undisputed), then unsigned `uptime_ms`, bytes, blocks, on time, bad, and with those 2 the unsigned number of others,
/// never 0; with those 4 the same six numbers of what is undisputed, never all as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The stream.
    pub stream: StreamId,
    /// The hour.
    pub hour: Hour,
    /// How long the stream was live in it, in milliseconds.
    pub live_ms: u64,
    /// What an hour live is worth; `None` where the stream pays nothing.
    pub promise: Option<Promise>,
    /// Who took part.
    pub supporters: BTreeMap<NodeId, Supporter>,
}

/// What a stream pays for an hour live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// How much.
    pub per_hour: MicroUnits,
    /// Of what.
    pub currency: Currency,
}

/// One that took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Supporter {
    /// What it did.
    pub score: Score,
    /// The same without what consumers signed that are held for review; `None` where that is the same.
    pub undisputed: Option<Score>,
    /// Who it is.
    pub standing: Standing,
}

/// Whether somebody stands behind a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nobody yet: identities cost nothing, so newcomers share a cap.
    Newcomer,
    /// An account with a stake or a linked identity.
    Established,
}

/// The least that one takes.
const SUPPORTER_LEN: usize = 32 + 1 + 5 * 8;
/// In the byte of the standing: others share its quality.
const SHARES: u8 = 2;
/// The same: not all of what it did is undisputed.
const DISPUTED: u8 = 4;

fn numbers(score: &Score) -> [u64; 6] {
    [score.uptime_ms, score.bytes, score.blocks, score.on_time, score.bad, score.beside]
}

impl Measured {
    /// The most that the hour pays.
    pub fn promised(&self) -> MicroUnits {
        self.promise.map_or(MicroUnits(0), |promise| accrued(promise.per_hour, self.live_ms))
    }

    /// What is hashed and stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Writer::default();
        bytes.text(self.stream.as_str()).unsigned(self.hour.0).unsigned(self.live_ms);
        match self.promise {
            None => bytes.byte(0),
            Some(Promise { per_hour, currency }) => bytes.byte(1).signed(per_hour.0).text(currency.as_str()),
        };
        bytes.count(self.supporters.len());
        for (node, Supporter { score, undisputed, standing }) in &self.supporters {
            let shares = if score.beside > 0 { SHARES } else { 0 };
            let disputed = if undisputed.is_some() { DISPUTED } else { 0 };
            let standing = u8::from(*standing == Standing::Established);
            bytes.bytes(&node.0).byte(standing + shares + disputed);
            let [first @ .., beside] = numbers(score);
            first.into_iter().chain(Some(beside).filter(|beside| *beside > 0)).for_each(|number| {
                bytes.unsigned(number);
            });
            undisputed.iter().flat_map(numbers).for_each(|number| {
                bytes.unsigned(number);
            });
        }
        bytes.into_bytes()
    }

    /// From stored bytes; refused unless they are exactly what [`Self::to_bytes`] makes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotCanonical> {
        let mut reader = Reader::new(bytes);
        let stream = reader.text()?.parse().map_err(|_| NotCanonical)?;
        let (hour, live_ms) = (Hour(reader.unsigned()?), reader.unsigned()?);
        let promise = match reader.byte()? {
            0 => None,
            1 => Some(Promise {
                per_hour: MicroUnits(reader.signed()?),
                currency: reader.text()?.parse().map_err(|_| NotCanonical)?,
            }),
            _ => return Err(NotCanonical),
        };
        let mut supporters = BTreeMap::new();
        for _ in 0..reader.count(SUPPORTER_LEN)? {
            let (node, supporter) = read_supporter(&mut reader)?;
            if supporters.last_key_value().is_some_and(|(last, _)| *last >= node) {
                return Err(NotCanonical);
            }
            supporters.insert(node, supporter);
        }
        reader.end()?;
        Ok(Self { stream, hour, live_ms, promise, supporters })
    }
}

fn read_supporter(reader: &mut Reader<'_>) -> Result<(NodeId, Supporter), NotCanonical> {
    let node = NodeId(reader.array()?);
    let flags = reader.byte()?;
    if flags > 1 + SHARES + DISPUTED {
        return Err(NotCanonical);
    }
    let standing = if flags & 1 == 0 { Standing::Newcomer } else { Standing::Established };
    let mut score = read_score(reader)?;
    if flags & SHARES != 0 {
        score.beside = Some(reader.unsigned()?).filter(|beside| *beside > 0).ok_or(NotCanonical)?;
    }
    let mut undisputed = None;
    if flags & DISPUTED != 0 {
        let less = read_score(reader)?;
        undisputed = Some(Score { beside: reader.unsigned()?, ..less });
    }
    if undisputed == Some(score) {
        return Err(NotCanonical);
    }
    Ok((node, Supporter { score, undisputed, standing }))
}

/// All but those beside it.
fn read_score(reader: &mut Reader<'_>) -> Result<Score, NotCanonical> {
    Ok(Score {
        uptime_ms: reader.unsigned()?,
        bytes: reader.unsigned()?,
        blocks: reader.unsigned()?,
        on_time: reader.unsigned()?,
        bad: reader.unsigned()?,
        beside: 0,
    })
}

/// The hash of an epoch's input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InputHash(pub [u8; 32]);

impl InputHash {
    /// The context of the hash: <https://docs.rs/blake3/latest/blake3/fn.derive_key.html>.
    pub const DOMAIN: &'static str = "streamrp2p coordinator epoch input v1";

    /// Of an input's bytes.
    pub fn of(input: &[u8]) -> Self {
        Self(blake3::derive_key(Self::DOMAIN, input))
    }
}

impl fmt::Display for InputHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for InputHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InputHash({self})")
    }
}

impl FromStr for InputHash {
    type Err = NotCanonical;

    fn from_str(text: &str) -> Result<Self, NotCanonical> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(NotCanonical)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn supporter()(
            uptime_ms in 0..=Hour::MS, bytes in 0_u64..1 << 45, blocks in 0_u64..1 << 30, late in 0_u64..100,
            bad in 0_u64..100, beside in 0_u64..3, established: bool, disputed: bool,
        ) -> Supporter {
            let score = Score { uptime_ms, bytes, blocks, on_time: blocks.saturating_sub(late), bad, beside };
            let standing = if established { Standing::Established } else { Standing::Newcomer };
            let less = Score { bytes: bytes / 2, blocks: blocks / 3, ..score };
            let undisputed = Some(less).filter(|less| disputed && *less != score);
            Supporter { score, undisputed, standing }
        }
    }

    prop_compose! {
        pub(crate) fn measured()(
            live_ms in 0..=Hour::MS,
            per_hour in proptest::option::of(0_i64..=i64::MAX),
            supporters in proptest::collection::btree_map(any::<u8>(), supporter(), 0..12),
        ) -> Measured {
            Measured {
                stream: "alice".parse().unwrap(),
                hour: Hour(500_000),
                live_ms,
                promise: per_hour.map(|per_hour| {
                    Promise { per_hour: MicroUnits(per_hour), currency: "EUR".parse().unwrap() }
                }),
                supporters: supporters.into_iter().map(|(id, it)| (NodeId([id; 32]), it)).collect(),
            }
        }
    }

    #[test]
    fn nodes_out_of_order_are_not_canonical() {
        let supporter = Supporter { score: Score::default(), undisputed: None, standing: Standing::Newcomer };
        let two = Measured {
            stream: "a".parse().unwrap(),
            hour: Hour(1),
            live_ms: 1,
            promise: None,
            supporters: [1, 2].map(|id| (NodeId([id; 32]), supporter)).into(),
        };
        let mut bytes = two.to_bytes();
        let at = bytes.len() - 2 * SUPPORTER_LEN;
        let (first, second) = bytes[at..].split_at_mut(SUPPORTER_LEN);
        first.swap_with_slice(second);
        assert_eq!(Measured::from_bytes(&bytes), Err(NotCanonical));
    }

    proptest! {
        #[test]
        fn what_was_measured_survives_its_bytes(measured in measured()) {
            prop_assert_eq!(Measured::from_bytes(&measured.to_bytes()), Ok(measured));
        }

        #[test]
        fn other_bytes_are_refused_or_are_another_input(measured in measured(), at: prop::sample::Index, flip in 1_u8..) {
            let mut bytes = measured.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            match Measured::from_bytes(&bytes) {
                Err(NotCanonical) => {}
                Ok(other) => {
                    prop_assert_ne!(&other, &measured);
                    prop_assert_eq!(other.to_bytes(), bytes);
                }
            }
        }
    }
}
