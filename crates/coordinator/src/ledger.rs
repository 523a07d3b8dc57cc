//! The ledger: who has what, and how it came to be so. Pure.
//!
//! Double entry in integer micro-units. An [`Entry`] moves money between [`Account`]s and its postings sum to
//! zero in each [`Currency`]; an entry that only states something (an hour that paid nothing) has none. Nothing
//! is ever changed or taken out: what was wrong is put right by another entry ([`Draft::correcting`]).
//!
//! Entries are numbered from 1 and chained. The hash of one is BLAKE3 with the key derived from the context
//! [`Entry::DOMAIN`], over these bytes in the form of [`crate::canonical`]:
//!
//! | bytes | |
//! |---|---|
//! | hash | of the entry before; 32 zeros before the first |
//! | unsigned | number |
//! | unsigned | Unix milliseconds |
//! | text | [`Occasion`] |
//! | count | postings, in the order of their texts: account, then currency |
//! | text, text, signed | each posting's account, currency, amount |
//!
//! [`Audit`] checks a book that says so of itself, down to what each closed epoch was given as input.

mod account;
mod audit;
mod entry;
mod occasion;

pub use account::{Account, Currency, InvalidCurrency, Sign, UnknownAccount};
pub use audit::{Audit, Beneath, EpochFault, Finding, RecordedEpoch, Summary};
pub use entry::{BookError, Draft, Entry, EntryHash, Posting, Verdict};
pub use occasion::{IdempotencyKey, InvalidKey, Occasion, PayoutId, UnknownOccasion};

#[cfg(test)]
mod tests;
