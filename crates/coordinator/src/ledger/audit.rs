//! Checks a book from its first entry to its last.

use std::collections::{BTreeMap, BTreeSet};

use streamr_model::{MicroUnits, NodeId, StreamId, UnixMs};

use super::{Account, Currency, Draft, Entry, EntryHash, Occasion, PayoutId, Posting, Verdict};
use crate::epoch::{InputHash, Measured, settle};
use crate::fund::{Purse, window};
use crate::hour::Hour;
use crate::rewards::Parts;

/// A closed epoch as it is recorded beside the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEpoch {
    /// The stream.
    pub stream: StreamId,
    /// The hour.
    pub hour: Hour,
    /// The number of the entry that closed it.
    pub entry: u64,
    /// The hash of its input.
    pub input_hash: InputHash,
    /// Its input, in canonical bytes.
    pub input: Vec<u8>,
    /// What is shown to each node that was paid.
    pub shares: BTreeMap<NodeId, Parts>,
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// A number is missing, or there twice.
    #[error("it should have number {expected}: an entry was taken out or put in")]
    Number {
        /// The number that should stand there.
        expected: u64,
    },
    /// It does not follow the entry before.
    #[error("it names {named} as the hash of the entry before, which is {actual}")]
    Previous {
        /// What it names.
        named: EntryHash,
        /// What it is.
        actual: EntryHash,
    },
    /// Its content is not what was hashed.
    #[error("its content has the hash {computed}, recorded is {recorded}: it was changed")]
    Hash {
        /// Of what it holds now.
        computed: EntryHash,
        /// As recorded.
        recorded: EntryHash,
    },
    /// Its postings do not sum to zero, or are not in their order, or one is zero.
    #[error("its postings are not a balanced list in canonical order")]
    Postings,
    /// An account is on the wrong side of zero, or beyond 64 bits.
    #[error("it leaves {account} with {balance} {currency}")]
    Balance {
        /// Which.
        account: Account,
        /// In which currency.
        currency: Currency,
        /// With what.
        balance: i128,
    },
    /// It closes an epoch that is not recorded, closed before, or recorded with something else.
    #[error("it closes hour {} of {stream}, {what}", hour.0)]
    Epoch {
        /// The stream.
        stream: StreamId,
        /// The hour.
        hour: Hour,
        /// What is wrong.
        what: EpochFault,
    },
    /// It corrects an entry that is not before it, or does not undo exactly that.
    #[error("it does not undo entry {0}")]
    Correction(u64),
    /// It decides about an amount that the hour does not hold, or not about just that.
    #[error("it does not decide about what hour {} of {stream} holds for {node}", hour.0)]
    Review {
        /// The stream.
        stream: StreamId,
        /// The hour.
        hour: Hour,
        /// For whom.
        node: NodeId,
    },
    /// It moves a payout from a state in which the payout is not, or by another amount.
    #[error("payout {0} cannot make this move here")]
    Payout(PayoutId),
    /// The book ends before or after the recorded head.
    #[error(
        "the book ends with entry {number} and hash {hash}, recorded is {recorded_number} and {recorded_hash}"
    )]
    Head {
        /// The last entry.
        number: u64,
        /// Its hash.
        hash: EntryHash,
        /// What is recorded as the last entry.
        recorded_number: u64,
        /// What is recorded as its hash.
        recorded_hash: EntryHash,
    },
    /// A recorded balance is not the sum of the postings.
    #[error("{account} is recorded with {recorded} {currency}; its postings sum to {sum}")]
    Recorded {
        /// The account as recorded.
        account: String,
        /// The currency as recorded.
        currency: String,
        /// The balance as recorded.
        recorded: i64,
        /// What it should be.
        sum: i64,
    },
    /// Epochs are recorded as closed that no entry closes.
    #[error("{recorded} epochs are recorded as closed; entries close {closed}")]
    Epochs {
        /// Recorded.
        recorded: u64,
        /// In the book.
        closed: u64,
    },
}

/// What is wrong with a closed epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EpochFault {
    /// There is no record of it under this entry.
    #[error("which is not recorded under this entry")]
    NotRecorded,
    /// An entry before closed it as well.
    #[error("which was closed before")]
    Twice,
    /// The input does not have the hash that the entry names.
    #[error("whose recorded input does not have the hash that the entry names")]
    Input,
    /// The input cannot be read, or is that of another epoch.
    #[error("whose recorded input is not of this epoch")]
    Unreadable,
    /// The input pays something else.
    #[error("whose input pays something else than the entry does")]
    Pays,
    /// The shares shown are not what the input pays.
    #[error("whose recorded shares are not what its input pays")]
    Shares,
}

/// What lies beneath an entry, as far as it is needed to check it.
#[derive(Debug, Clone, Copy)]
pub enum Beneath<'a> {
    /// Nothing, or nothing was found.
    Nothing,
    /// The epoch it closes.
    Epoch(&'a RecordedEpoch),
    /// The entry it corrects.
    Corrected(&'a Entry),
}

/// What a book without faults holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Entries.
    pub entries: u64,
    /// Of these, closed epochs.
    pub epochs: u64,
    /// The hash of the last entry: whoever notes it down notices any other book later.
    pub head: EntryHash,
    /// Every account that ever held anything.
    pub balances: BTreeMap<(Account, Currency), MicroUnits>,
    /// Payouts that are on their way, with what was taken for them.
    pub pending_payouts: BTreeMap<PayoutId, MicroUnits>,
}

/// An audit under way. Entries are given in their order, the recorded balances at the end.
#[derive(Debug)]
pub struct Audit {
    number: u64,
    head: EntryHash,
    balances: BTreeMap<(Account, Currency), i64>,
    /// What came into each pool, and when.
    deposits: BTreeMap<(StreamId, Currency), Vec<(UnixMs, i64)>>,
    epochs: BTreeSet<(StreamId, Hour)>,
    /// Payouts on their way, with what was taken for them.
    payouts: BTreeMap<PayoutId, Vec<Posting>>,
    /// What closed hours hold for review, by the entry that closed them.
    held: BTreeMap<(StreamId, Hour, NodeId), (u64, Currency, MicroUnits)>,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            number: 0,
            head: EntryHash::GENESIS,
            balances: BTreeMap::new(),
            deposits: BTreeMap::new(),
            epochs: BTreeSet::new(),
            payouts: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }
}

impl Audit {
    /// Number and hash of the last entry that was found right.
    pub fn head(&self) -> (u64, EntryHash) {
        (self.number, self.head)
    }

    /// Checks the next entry. Gives the input of the epoch that it closes, for whoever can prove that in turn.
    pub fn entry(&mut self, entry: &Entry, beneath: Beneath<'_>) -> Result<Option<Measured>, Finding> {
        self.check_chain(entry)?;
        check_postings(&entry.postings)?;
        // Before the entry moves anything: an epoch is settled with what was there.
        let measured = self.check_occasion(entry, beneath)?;
        for posting in &entry.postings {
            self.book(posting, entry.at)?;
        }
        (self.number, self.head) = (entry.number, entry.hash);
        Ok(measured)
    }

    /// Checks what is recorded beside the entries.
    pub fn finish<'a>(
        self,
        recorded_head: (u64, EntryHash),
        recorded_epochs: u64,
        recorded_balances: impl IntoIterator<Item = (&'a str, &'a str, MicroUnits)>,
    ) -> Result<Summary, Finding> {
        if recorded_head != self.head() {
            let (recorded_number, recorded_hash) = recorded_head;
            return Err(Finding::Head {
                number: self.number,
                hash: self.head,
                recorded_number,
                recorded_hash,
            });
        }
        let closed = u64::try_from(self.epochs.len()).unwrap_or(u64::MAX);
        if recorded_epochs != closed {
            return Err(Finding::Epochs { recorded: recorded_epochs, closed });
        }
        let mut unseen: BTreeMap<(String, String), i64> = self
            .balances
            .iter()
            .map(|((account, currency), sum)| ((account.to_string(), currency.to_string()), *sum))
            .collect();
        for (account, currency, recorded) in recorded_balances {
            let (account, currency) = (account.to_owned(), currency.to_owned());
            let sum = unseen.remove(&(account.clone(), currency.clone())).unwrap_or(0);
            if sum != recorded.0 {
                return Err(Finding::Recorded { account, currency, recorded: recorded.0, sum });
            }
        }
        if let Some(((account, currency), sum)) = unseen.into_iter().find(|(_, sum)| *sum != 0) {
            return Err(Finding::Recorded { account, currency, recorded: 0, sum });
        }
        let balances = self.balances.into_iter().map(|(at, sum)| (at, MicroUnits(sum))).collect();
        let pending_payouts = self.payouts.iter().map(|(id, begun)| (*id, taken(begun))).collect();
        Ok(Summary { entries: self.number, epochs: closed, head: self.head, balances, pending_payouts })
    }

    fn check_chain(&self, entry: &Entry) -> Result<(), Finding> {
        if entry.number != self.number + 1 {
            return Err(Finding::Number { expected: self.number + 1 });
        }
        if entry.previous != self.head {
            return Err(Finding::Previous { named: entry.previous, actual: self.head });
        }
        let computed = entry.computed_hash();
        if computed != entry.hash {
            return Err(Finding::Hash { computed, recorded: entry.hash });
        }
        Ok(())
    }

    fn check_occasion(&mut self, entry: &Entry, beneath: Beneath<'_>) -> Result<Option<Measured>, Finding> {
        match &entry.occasion {
            Occasion::Deposit { .. } => Ok(None),
            Occasion::EpochClosed { stream, hour, input } => {
                let fault = |what| Finding::Epoch { stream: stream.clone(), hour: *hour, what };
                let Beneath::Epoch(recorded) = beneath else { return Err(fault(EpochFault::NotRecorded)) };
                if !self.epochs.insert((stream.clone(), *hour)) {
                    return Err(fault(EpochFault::Twice));
                }
                if (&recorded.stream, recorded.hour, recorded.entry) != (stream, *hour, entry.number) {
                    return Err(fault(EpochFault::NotRecorded));
                }
                if recorded.input_hash != *input || InputHash::of(&recorded.input) != *input {
                    return Err(fault(EpochFault::Input));
                }
                let measured = self.check_settlement(entry, recorded).map_err(fault)?;
                self.hold(entry, stream, *hour);
                Ok(Some(measured))
            }
            Occasion::Correction(number) => match beneath {
                Beneath::Corrected(wrong) if *number < entry.number && undoes(entry, wrong, *number) => {
                    self.held.retain(|_, (closed_by, ..)| closed_by != number);
                    Ok(None)
                }
                _ => Err(Finding::Correction(*number)),
            },
            Occasion::Reviewed { stream, hour, node } => {
                let held = self.held.remove(&(stream.clone(), *hour, *node));
                let decided = held.is_some_and(|(_, currency, amount)| {
                    [Verdict::Release, Verdict::Void].iter().any(|verdict| {
                        let draft = Draft::reviewing(stream, *hour, node, *verdict, (amount, currency));
                        draft.postings().as_ref() == Ok(&entry.postings)
                    })
                });
                let (stream, hour, node) = (stream.clone(), *hour, *node);
                if decided { Ok(None) } else { Err(Finding::Review { stream, hour, node }) }
            }
            Occasion::PayoutBegun(payout) => {
                let begun = self.payouts.insert(*payout, entry.postings.clone());
                if begun.is_some() { Err(Finding::Payout(*payout)) } else { Ok(None) }
            }
            Occasion::PayoutPosted(payout) | Occasion::PayoutVoid(payout) => {
                let begun = self.payouts.remove(payout);
                let ended = begun.is_some_and(|begun| ends(&begun, &entry.postings));
                if ended { Ok(None) } else { Err(Finding::Payout(*payout)) }
            }
        }
    }

    /// Remembers what an epoch that closes holds for review.
    fn hold(&mut self, entry: &Entry, stream: &StreamId, hour: Hour) {
        for Posting { account, currency, amount } in &entry.postings {
            if let Account::Held(node) = account {
                self.held.insert((stream.clone(), hour, *node), (entry.number, *currency, *amount));
            }
        }
    }

    fn check_settlement(&self, entry: &Entry, recorded: &RecordedEpoch) -> Result<Measured, EpochFault> {
        let measured = Measured::from_bytes(&recorded.input).map_err(|_| EpochFault::Unreadable)?;
        if (&measured.stream, measured.hour) != (&recorded.stream, recorded.hour) {
            return Err(EpochFault::Unreadable);
        }
        let settlement = settle(&measured, &self.purse(&measured));
        if settlement.draft(&measured).postings().as_ref() != Ok(&entry.postings) {
            return Err(EpochFault::Pays);
        }
        if settlement.shares != recorded.shares {
            return Err(EpochFault::Shares);
        }
        Ok(measured)
    }

    /// What the stream had before the entry that is looked at.
    fn purse(&self, measured: &Measured) -> Purse {
        let Some(promise) = measured.promise else { return Purse::default() };
        let currency = promise.currency;
        let balance =
            |account| MicroUnits(self.balances.get(&(account, currency)).copied().unwrap_or_default());
        let (from, to) = window(measured.hour);
        let deposits = self.deposits.get(&(measured.stream.clone(), currency)).into_iter().flatten();
        let inflow = deposits.filter(|(at, _)| (from..to).contains(at));
        Purse {
            pool: balance(Account::Pool(measured.stream.clone())),
            fund: balance(Account::Fund(measured.stream.clone())),
            inflow: MicroUnits(inflow.fold(0, |sum, (_, amount)| amount.saturating_add(sum))),
        }
    }

    fn book(&mut self, posting: &Posting, at: UnixMs) -> Result<(), Finding> {
        let Posting { account, currency, amount } = posting;
        let held = self.balances.entry((account.clone(), *currency)).or_default();
        let balance = i128::from(*held) + i128::from(amount.0);
        match i64::try_from(balance) {
            Ok(fits) if account.sign().holds(fits) => *held = fits,
            _ => return Err(Finding::Balance { account: account.clone(), currency: *currency, balance }),
        }
        if let Account::Deposits(stream) = account {
            let deposits = self.deposits.entry((stream.clone(), *currency)).or_default();
            deposits.push((at, amount.0.saturating_neg()));
        }
        Ok(())
    }
}

/// What a payout's first entry put on its way.
fn taken(begun: &[Posting]) -> MicroUnits {
    let pending = begun.iter().filter(|posting| matches!(posting.account, Account::Pending(_)));
    MicroUnits(pending.fold(0, |sum, posting| posting.amount.0.saturating_add(sum)))
}

/// Whether `ended` takes back exactly what `begun` put on its way.
fn ends(begun: &[Posting], ended: &[Posting]) -> bool {
    let pending = |postings: &[Posting], sign: i64| -> Vec<(Account, Currency, i64)> {
        let pending = postings.iter().filter(|posting| matches!(posting.account, Account::Pending(_)));
        pending.map(|it| (it.account.clone(), it.currency, it.amount.0.saturating_mul(sign))).collect()
    };
    pending(begun, 1) == pending(ended, -1)
}

/// Whether the list is one that a [`Draft`] could have made.
fn check_postings(postings: &[Posting]) -> Result<(), Finding> {
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for posting in postings {
        *sums.entry(posting.currency).or_default() += i128::from(posting.amount.0);
    }
    let key = |posting: &Posting| (posting.account.to_string(), posting.currency);
    let in_order = postings.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]));
    let moving = postings.iter().all(|posting| posting.amount.0 != 0);
    if in_order && moving && sums.values().all(|sum| *sum == 0) { Ok(()) } else { Err(Finding::Postings) }
}

fn undoes(entry: &Entry, wrong: &Entry, number: u64) -> bool {
    let sound = wrong.number == number && wrong.computed_hash() == wrong.hash;
    sound && Draft::correcting(wrong).postings().as_ref() == Ok(&entry.postings)
}
