//! One entry: its postings, its place in the chain, its hash.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::HEXLOWER;
use streamr_model::{MicroUnits, NodeId, StreamId, UnixMs};

use super::{Account, Currency, Occasion};
use crate::canonical::Writer;
use crate::hour::Hour;

/// The hash of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EntryHash(pub [u8; 32]);

impl EntryHash {
    /// What the first entry has before it.
    pub const GENESIS: Self = Self([0; 32]);
}

impl fmt::Display for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryHash({self})")
    }
}

/// What an entry adds to one account in one currency. Never zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Where.
    pub account: Account,
    /// In which currency.
    pub currency: Currency,
    /// How much; negative where it is taken away.
    pub amount: MicroUnits,
}

/// Why a movement cannot be booked. Nothing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// The postings of a currency do not sum to zero: a mistake in the program that made them.
    #[error("the postings in {currency} sum to {sum} and not to zero")]
    Unbalanced {
        /// In which.
        currency: Currency,
        /// To what.
        sum: i128,
    },
    /// More money than 64 bits of micro-units hold.
    #[error("the amount is larger than an account can hold")]
    TooLarge,
}

/// What becomes of an amount that was held for review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the node's: the signing was honest.
    Release,
    /// It goes into the stream's stability fund.
    Void,
}

/// Movements that are to become an [`Entry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    occasion: Occasion,
    movements: BTreeMap<(Account, Currency), i128>,
}

impl Draft {
    /// With no movement yet.
    pub fn new(occasion: Occasion) -> Self {
        Self { occasion, movements: BTreeMap::new() }
    }

    /// Takes `amount` from one account and gives it to another. Several between the same two add up.
    pub fn transfer(&mut self, currency: Currency, from: Account, to: Account, amount: MicroUnits) {
        *self.movements.entry((from, currency)).or_default() -= i128::from(amount.0);
        *self.movements.entry((to, currency)).or_default() += i128::from(amount.0);
    }

    /// Undoes `wrong`: every posting with the other sign.
    pub fn correcting(wrong: &Entry) -> Self {
        let opposite =
            |posting: &Posting| ((posting.account.clone(), posting.currency), -i128::from(posting.amount.0));
        let movements = wrong.postings.iter().map(opposite).collect();
        Self { occasion: Occasion::Correction(wrong.number), movements }
    }

    /// Decides about an amount that an hour of `stream` holds for `node`.
    pub fn reviewing(
        stream: &StreamId,
        hour: Hour,
        node: &NodeId,
        verdict: Verdict,
        (amount, currency): (MicroUnits, Currency),
    ) -> Self {
        let mut draft = Self::new(Occasion::Reviewed { stream: stream.clone(), hour, node: *node });
        let to = match verdict {
            Verdict::Release => Account::Payable(*node),
            Verdict::Void => Account::Fund(stream.clone()),
        };
        draft.transfer(currency, Account::Held(*node), to, amount);
        draft
    }

    /// What it is for.
    pub fn occasion(&self) -> &Occasion {
        &self.occasion
    }

    /// What is left of the movements, in the order in which they are hashed.
    pub fn postings(&self) -> Result<Vec<Posting>, BookError> {
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        let mut postings = Vec::with_capacity(self.movements.len());
        for ((account, currency), amount) in self.movements.iter().filter(|(_, amount)| **amount != 0) {
            *sums.entry(*currency).or_default() += *amount;
            let amount = MicroUnits(i64::try_from(*amount).map_err(|_| BookError::TooLarge)?);
            postings.push(Posting { account: account.clone(), currency: *currency, amount });
        }
        if let Some((currency, sum)) = sums.into_iter().find(|(_, sum)| *sum != 0) {
            return Err(BookError::Unbalanced { currency, sum });
        }
        postings.sort_by_cached_key(|posting| (posting.account.to_string(), posting.currency));
        Ok(postings)
    }

    /// Makes it the entry after the one numbered `after.0` with the hash `after.1`.
    pub fn seal(self, after: (u64, EntryHash), at: UnixMs) -> Result<Entry, BookError> {
        let postings = self.postings()?;
        let (number, previous) = (after.0 + 1, after.1);
        let unsealed =
            Entry { number, at, occasion: self.occasion, postings, previous, hash: EntryHash::GENESIS };
        Ok(Entry { hash: unsealed.computed_hash(), ..unsealed })
    }
}

/// An entry of the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number; the first is 1.
    pub number: u64,
    /// When it was made, by the coordinator's clock.
    pub at: UnixMs,
    /// What it was made for.
    pub occasion: Occasion,
    /// What it moves, in the order in which it is hashed.
    pub postings: Vec<Posting>,
    /// The hash of the entry before.
    pub previous: EntryHash,
    /// Its own.
    pub hash: EntryHash,
}

impl Entry {
    /// The context of the hash: <https://docs.rs/blake3/latest/blake3/fn.derive_key.html>. Another one for
    /// another layout.
    pub const DOMAIN: &'static str = "streamrp2p coordinator ledger entry v1";

    /// The hash of what it holds.
    pub fn computed_hash(&self) -> EntryHash {
        let mut bytes = Writer::default();
        bytes.bytes(&self.previous.0).unsigned(self.number).unsigned(self.at.0);
        bytes.text(&self.occasion.to_string()).count(self.postings.len());
        for Posting { account, currency, amount } in &self.postings {
            bytes.text(&account.to_string()).text(currency.as_str()).signed(amount.0);
        }
        EntryHash(blake3::derive_key(Self::DOMAIN, &bytes.into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(amount: i64) -> Draft {
        let stream: streamr_model::StreamId = "alice".parse().unwrap();
        let occasion = Occasion::Deposit { stream: stream.clone(), key: "one".parse().unwrap() };
        let mut draft = Draft::new(occasion);
        let eur = "EUR".parse().unwrap();
        draft.transfer(eur, Account::Deposits(stream.clone()), Account::Pool(stream), MicroUnits(amount));
        draft
    }

    #[test]
    fn a_transfer_takes_from_one_and_gives_to_the_other() {
        let entry = draft(5).seal((0, EntryHash::GENESIS), UnixMs(1)).unwrap();
        let seen: Vec<_> =
            entry.postings.iter().map(|posting| (posting.account.to_string(), posting.amount.0)).collect();
        assert_eq!(seen, [("deposits:alice".to_owned(), -5), ("pool:alice".to_owned(), 5)]);
        assert_eq!((entry.number, entry.hash), (1, entry.computed_hash()));
    }

    #[test]
    fn a_movement_of_nothing_leaves_no_posting() {
        let mut draft = draft(0);
        let node = NodeId([1; 32]);
        draft.transfer("EUR".parse().unwrap(), Account::Payable(node), Account::Payable(node), MicroUnits(9));
        assert_eq!(draft.postings(), Ok(vec![]));
    }

    #[test]
    fn a_correction_is_the_same_with_the_other_sign() {
        let entry = draft(5).seal((0, EntryHash::GENESIS), UnixMs(1)).unwrap();
        let undone = Draft::correcting(&entry).seal((1, entry.hash), UnixMs(2)).unwrap();
        assert_eq!(undone.occasion.to_string(), "correction:1");
        assert_eq!(undone.postings.iter().map(|posting| posting.amount.0).collect::<Vec<_>>(), [5, -5]);
        assert_eq!(undone.previous, entry.hash);
    }

    #[test]
    fn more_than_64_bits_of_money_is_refused() {
        let mut draft = draft(i64::MAX);
        let stream: streamr_model::StreamId = "alice".parse().unwrap();
        let eur = "EUR".parse().unwrap();
        draft.transfer(eur, Account::Deposits(stream.clone()), Account::Pool(stream), MicroUnits(1));
        assert_eq!(draft.postings(), Err(BookError::TooLarge));
    }

    #[test]
    fn a_known_entry_has_a_known_hash() {
        let entry = draft(2_500_000).seal((0, EntryHash::GENESIS), UnixMs(1_795_000_000_000)).unwrap();
        let mut bytes = vec![0; 32];
        bytes.extend(1_u64.to_be_bytes());
        bytes.extend(1_795_000_000_000_u64.to_be_bytes());
        let mut text = |text: &str| {
            bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
            bytes.extend(text.as_bytes());
        };
        text("deposit:alice:one");
        bytes.extend(2_u32.to_be_bytes());
        for (account, amount) in [("deposits:alice", -2_500_000_i64), ("pool:alice", 2_500_000)] {
            for part in [account, "EUR"] {
                bytes.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
                bytes.extend(part.as_bytes());
            }
            bytes.extend(amount.to_be_bytes());
        }
        assert_eq!(entry.hash.0, blake3::derive_key("streamrp2p coordinator ledger entry v1", &bytes));
    }
}
