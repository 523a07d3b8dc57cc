//! A generated book, and what becomes of it when a byte changes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use streamr_model::{MicroUnits, NodeId, StreamId, UnixMs};

use super::*;
use crate::epoch::{InputHash, Measured, Promise, Purse, Standing, Supporter, settle};
use crate::fund::window;
use crate::hour::Hour;
use crate::rewards::Score;

const FIRST_HOUR: u64 = 500_000;

/// A book with everything that is recorded beside it.
#[derive(Debug, Clone)]
struct Book {
    entries: Vec<Entry>,
    epochs: Vec<RecordedEpoch>,
    balances: BTreeMap<(Account, Currency), i64>,
}

/// What happens in a generated hour.
#[derive(Debug, Clone)]
struct Happening {
    deposit: i64,
    bytes: [u64; 3],
    pays_out: bool,
    arrives: bool,
}

fn alice() -> StreamId {
    "alice".parse().unwrap()
}

fn eur() -> Currency {
    "EUR".parse().unwrap()
}

impl Book {
    fn of(happenings: &[Happening]) -> Self {
        let mut book = Self { entries: vec![], epochs: vec![], balances: BTreeMap::new() };
        for (n, happening) in (0..).zip(happenings) {
            let hour = Hour(FIRST_HOUR + n);
            book.deposit(hour, happening.deposit);
            book.close(hour, happening.bytes);
            if happening.pays_out {
                book.pay_out(n, happening.arrives);
            }
        }
        let wrong = book.entries[0].clone();
        if book.balance(&Account::Pool(alice())) >= happenings[0].deposit && happenings[0].deposit > 0 {
            book.write(Draft::correcting(&wrong), UnixMs(0));
        }
        book
    }

    fn head(&self) -> (u64, EntryHash) {
        self.entries.last().map_or((0, EntryHash::GENESIS), |entry| (entry.number, entry.hash))
    }

    fn balance(&self, account: &Account) -> i64 {
        self.balances.get(&(account.clone(), eur())).copied().unwrap_or_default()
    }

    fn write(&mut self, draft: Draft, at: UnixMs) {
        let entry = draft.seal(self.head(), at).unwrap();
        for posting in &entry.postings {
            *self.balances.entry((posting.account.clone(), posting.currency)).or_default() +=
                posting.amount.0;
        }
        self.entries.push(entry);
    }

    fn deposit(&mut self, hour: Hour, amount: i64) {
        let key = format!("d{}", hour.0).parse().unwrap();
        let mut draft = Draft::new(Occasion::Deposit { stream: alice(), key });
        draft.transfer(eur(), Account::Deposits(alice()), Account::Pool(alice()), MicroUnits(amount));
        self.write(draft, hour.start());
    }

    fn close(&mut self, hour: Hour, bytes: [u64; 3]) {
        let supporters = (1..).zip(bytes).map(|(id, bytes)| {
            let score =
                Score { uptime_ms: bytes % 1000, bytes, blocks: bytes, on_time: bytes, bad: 0, beside: 0 };
            let standing = if id == 1 { Standing::Established } else { Standing::Newcomer };
            (NodeId([id; 32]), Supporter { score, undisputed: None, standing })
        });
        let measured = Measured {
            stream: alice(),
            hour,
            live_ms: Hour::MS,
            promise: Some(Promise { per_hour: MicroUnits(1_000), currency: eur() }),
            supporters: supporters.collect(),
        };
        let (from, to) = window(hour);
        let inflow = self.entries.iter().filter(|entry| (from..to).contains(&entry.at)).flat_map(|entry| {
            entry.postings.iter().filter(|posting| posting.account == Account::Deposits(alice()))
        });
        let purse = Purse {
            pool: MicroUnits(self.balance(&Account::Pool(alice()))),
            fund: MicroUnits(self.balance(&Account::Fund(alice()))),
            inflow: MicroUnits(inflow.map(|posting| -posting.amount.0).sum()),
        };
        let settlement = settle(&measured, &purse);
        self.write(settlement.draft(&measured), hour.end());
        let input = measured.to_bytes();
        self.epochs.push(RecordedEpoch {
            stream: alice(),
            hour,
            entry: self.head().0,
            input_hash: InputHash::of(&input),
            input,
            shares: settlement.shares,
        });
    }

    fn pay_out(&mut self, n: u64, arrives: bool) {
        let node = NodeId([1; 32]);
        let amount = MicroUnits(self.balance(&Account::Payable(node)));
        if amount.0 == 0 {
            return;
        }
        let id = PayoutId(u128::from(n).to_be_bytes());
        let mut begun = Draft::new(Occasion::PayoutBegun(id));
        begun.transfer(eur(), Account::Payable(node), Account::Pending(node), amount);
        self.write(begun, UnixMs(n));
        let (occasion, to) = if arrives {
            (Occasion::PayoutPosted(id), Account::Paid(node))
        } else {
            (Occasion::PayoutVoid(id), Account::Payable(node))
        };
        let mut done = Draft::new(occasion);
        done.transfer(eur(), Account::Pending(node), to, amount);
        self.write(done, UnixMs(n));
    }

    fn audit(&self) -> Result<Summary, Finding> {
        let mut audit = Audit::default();
        for entry in &self.entries {
            let beneath = match &entry.occasion {
                Occasion::EpochClosed { .. } => {
                    let recorded = self.epochs.iter().find(|epoch| epoch.entry == entry.number);
                    recorded.map_or(Beneath::Nothing, Beneath::Epoch)
                }
                Occasion::Correction(number) => {
                    let wrong = self.entries.iter().find(|entry| entry.number == *number);
                    wrong.map_or(Beneath::Nothing, Beneath::Corrected)
                }
                _ => Beneath::Nothing,
            };
            audit.entry(entry, beneath)?;
        }
        let balances: Vec<_> = self
            .balances
            .iter()
            .map(|((account, currency), sum)| (account.to_string(), currency.to_string(), *sum))
            .collect();
        let recorded = balances.iter().map(|(a, c, sum)| (a.as_str(), c.as_str(), MicroUnits(*sum)));
        audit.finish(self.head(), u64::try_from(self.epochs.len()).unwrap(), recorded)
    }
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let happening = (0_i64..5_000, any::<[u16; 3]>(), any::<bool>(), any::<bool>()).prop_map(
        |(deposit, bytes, pays_out, arrives)| Happening {
            deposit,
            bytes: bytes.map(u64::from),
            pays_out,
            arrives,
        },
    );
    proptest::collection::vec(happening, 1..6)
}

/// Changes one thing in one entry.
fn spoil_entry(entry: &mut Entry, what: u8, flip: u8) {
    let byte = usize::from(flip) % 32;
    match what % 8 {
        0 => entry.number ^= u64::from(flip),
        1 => entry.at.0 ^= u64::from(flip),
        2 => entry.occasion = Occasion::Correction(u64::from(flip)),
        3 => entry.previous.0[byte] ^= flip,
        4 => entry.hash.0[byte] ^= flip,
        _ if entry.postings.is_empty() => entry.at.0 += 1,
        5 => entry.postings[0].amount.0 ^= i64::from(flip),
        6 => entry.postings[0].currency = "USD".parse().unwrap(),
        _ => entry.postings[0].account = Account::Payable(NodeId([flip; 32])),
    }
}

#[test]
fn an_entry_that_was_taken_out_is_missed() {
    let happening = Happening { deposit: 3_000, bytes: [5, 6, 7], pays_out: true, arrives: true };
    let book = Book::of(&[happening.clone(), happening]);
    assert!(book.audit().is_ok());
    for at in 0..book.entries.len() - 1 {
        let mut spoilt = book.clone();
        spoilt.entries.remove(at);
        assert!(spoilt.audit().is_err(), "entry {at}");
    }
    let mut shortened = book;
    shortened.entries.pop();
    assert!(shortened.audit().is_err(), "the last one");
}

#[test]
fn a_payout_that_is_posted_twice_is_found() {
    let happening = Happening { deposit: 3_000, bytes: [5, 6, 7], pays_out: true, arrives: true };
    let mut book = Book::of(&[happening]);
    let posted = book.entries.iter().find(|e| matches!(e.occasion, Occasion::PayoutPosted(_))).unwrap();
    let Occasion::PayoutPosted(id) = posted.occasion else { unreachable!() };
    book.write(Draft::new(Occasion::PayoutPosted(id)), UnixMs(0));
    assert_eq!(book.audit(), Err(Finding::Payout(id)));
}

#[test]
fn an_account_on_the_wrong_side_of_zero_is_found() {
    let mut book = Book::of(&[Happening { deposit: 0, bytes: [0; 3], pays_out: false, arrives: false }]);
    let mut draft = Draft::new(Occasion::Deposit { stream: alice(), key: "x".parse().unwrap() });
    draft.transfer(eur(), Account::Pool(alice()), Account::Payable(NodeId([1; 32])), MicroUnits(1));
    book.write(draft, UnixMs(0));
    assert!(matches!(book.audit(), Err(Finding::Balance { balance: -1, .. })));
}

proptest! {
    #[test]
    fn a_book_that_was_kept_properly_is_found_right(happenings in happenings()) {
        let book = Book::of(&happenings);
        let summary = book.audit().expect("nothing is wrong");
        prop_assert_eq!(summary.entries, u64::try_from(book.entries.len()).unwrap());
        let sum: i64 = summary.balances.values().map(|balance| balance.0).sum();
        prop_assert_eq!(sum, 0);
    }

    #[test]
    fn any_change_of_an_entry_is_noticed(
        happenings in happenings(), at: prop::sample::Index, what: u8, flip in 1_u8..,
    ) {
        let mut book = Book::of(&happenings);
        let at = at.index(book.entries.len());
        let before = book.entries[at].clone();
        spoil_entry(&mut book.entries[at], what, flip);
        prop_assume!(book.entries[at] != before);
        prop_assert!(book.audit().is_err(), "{:?} instead of {:?}", book.entries[at], before);
    }

    #[test]
    fn any_change_of_what_an_epoch_was_closed_with_is_noticed(
        happenings in happenings(), at: prop::sample::Index, byte: prop::sample::Index, flip in 1_u8..,
    ) {
        let book = Book::of(&happenings);
        let at = at.index(book.epochs.len());
        let mut spoilt = book.clone();
        let input = &mut spoilt.epochs[at].input;
        let byte = byte.index(input.len());
        input[byte] ^= flip;
        prop_assert!(spoilt.audit().is_err(), "the input");
        spoilt.epochs[at].input_hash = InputHash::of(&spoilt.epochs[at].input);
        prop_assert!(spoilt.audit().is_err(), "the input and its hash");
        let mut spoilt = book;
        let stranger = spoilt.epochs[at].shares.entry(NodeId([byte.to_le_bytes()[0]; 32])).or_default();
        stranger.uptime.0 += 1;
        prop_assert!(spoilt.audit().is_err(), "a share");
    }

    #[test]
    fn any_change_of_a_balance_is_noticed(happenings in happenings(), at: prop::sample::Index, by in 1_i64..100) {
        let mut book = Book::of(&happenings);
        prop_assume!(!book.balances.is_empty());
        let at = at.index(book.balances.len());
        *book.balances.values_mut().nth(at).unwrap() += by;
        prop_assert!(book.audit().is_err());
    }
}
