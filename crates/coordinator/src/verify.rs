//! Proves the whole book: from what each epoch was closed with, over its settlement and postings, to balances.
//!
//! Only reads, in one consistent view. The first thing that is wrong ends it and is named with its entry.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::str::FromStr;

use streamr_model::MicroUnits;

use crate::epoch::Measured;
use crate::ledger::{
    Account, Audit, Beneath, Currency, Entry, EntryHash, Finding, Occasion, PayoutId, Summary,
};
use crate::storage::{RecordedBalance, Storage, StorageError, Tx};

/// Entries read at once: one may have a posting for each of ten thousand nodes.
const PAGE: u32 = 16;
/// Balances and payments read at once.
const BALANCES: u32 = 1_000;

/// Why a book is not proven.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is wrong.
    #[error("entry {entry}: {finding}")]
    Entry {
        /// The first wrong entry.
        entry: u64,
        /// What is wrong.
        finding: Finding,
    },
    /// All entries are right and what is recorded beside them is not.
    #[error("{0}")]
    Records(Finding),
    /// An entry holds something that no version of this program writes.
    #[error("entry {entry}: it holds a {what} that cannot be read")]
    Unreadable {
        /// The entry.
        entry: u64,
        /// What.
        what: &'static str,
    },
    /// It is not the book that was noted down.
    #[error("entry {entry} does not have the hash that was noted down: this is another book")]
    OtherBook {
        /// The entry that was noted down.
        entry: u64,
    },
    /// Shares are recorded for epochs that are not closed.
    #[error("{0} shares are recorded for epochs that are not closed")]
    Orphans(u64),
    /// Other payments are recorded as pending than the entries leave pending.
    #[error("payments are recorded as pending that the entries do not leave so, or the other way round")]
    Payouts,
    /// An epoch's input does not follow from what was signed.
    #[error("entry {entry}: what the epoch was closed with does not follow from what was signed: {reason}")]
    Unproven {
        /// The entry that closed the epoch.
        entry: u64,
        /// Why not.
        reason: EvidenceFault,
    },
    /// The database cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why an epoch's input does not follow from what lies beneath it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceFault {
    /// A kept receipt is not what its two ends signed.
    #[error("the receipt of consumer {consumer} for provider {provider} is not what both signed")]
    Receipt {
        /// Who gave.
        provider: streamr_model::NodeId,
        /// Who received.
        consumer: streamr_model::NodeId,
    },
    /// What is kept of a measurer is not what it signed.
    #[error("what is kept of measurer {measurer} about provider {provider} is not what it signed")]
    Sample {
        /// At whom it looked.
        provider: streamr_model::NodeId,
        /// Who it is.
        measurer: streamr_model::NodeId,
    },
    /// What was signed gives a node other credit than the input says.
    #[error("node {0} is credited with something else")]
    Credit(streamr_model::NodeId),
    /// Booked time, windows at work and declared downtime give a node another uptime than the input says.
    #[error("node {0} has the uptime of something else")]
    Uptime(streamr_model::NodeId),
}

/// What lies beneath an epoch's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Every credit in it follows from this many signed documents.
    Signed(u64),
    /// The signed documents are not kept, so that nothing was proven or refuted.
    NotKept,
}

/// Proves what an epoch was closed with: the seam between the book and the receipts.
pub trait Evidence {
    /// Whether the credits in `measured` follow from what consumers signed, read through `tx`.
    fn prove(
        &self,
        tx: &mut Tx,
        measured: &Measured,
    ) -> impl Future<Output = Result<Result<Proof, EvidenceFault>, StorageError>> + Send;
}

/// For as long as no signed documents are kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoReceipts;

impl Evidence for NoReceipts {
    async fn prove(&self, _: &mut Tx, _: &Measured) -> Result<Result<Proof, EvidenceFault>, StorageError> {
        Ok(Ok(Proof::NotKept))
    }
}

/// An entry that somebody noted down: `NUMBER:HASH`. Whoever changes the book up to there and makes all hashes
/// anew is found by it, and whoever cuts its end off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The entry's number.
    pub number: u64,
    /// Its hash.
    pub hash: EntryHash,
}

/// A text that is not an [`Anchor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected NUMBER:HASH as verify-ledger prints it")]
pub struct InvalidAnchor;

impl FromStr for Anchor {
    type Err = InvalidAnchor;

    fn from_str(text: &str) -> Result<Self, InvalidAnchor> {
        let (number, hash) = text.split_once(':').ok_or(InvalidAnchor)?;
        let hash = data_encoding::HEXLOWER.decode(hash.as_bytes()).map_err(|_| InvalidAnchor)?;
        Ok(Self {
            number: number.parse().map_err(|_| InvalidAnchor)?,
            hash: EntryHash(hash.try_into().map_err(|_| InvalidAnchor)?),
        })
    }
}

/// What was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The book.
    pub summary: Summary,
    /// Epochs whose credits follow from signed documents.
    pub proven_epochs: u64,
    /// Signed documents behind them.
    pub documents: u64,
}

/// Verifies the book in `storage`, which is only read.
pub async fn verify(
    storage: &Storage,
    evidence: &impl Evidence,
    anchor: Option<Anchor>,
) -> Result<Report, VerifyError> {
    verify_in(&mut storage.read().await?, evidence, anchor).await
}

/// The same of what a transaction sees.
pub(crate) async fn verify_in(
    tx: &mut Tx,
    evidence: &impl Evidence,
    anchor: Option<Anchor>,
) -> Result<Report, VerifyError> {
    let mut audit = Audit::default();
    let (mut proven_epochs, mut documents) = (0, 0);
    loop {
        let page = entries(tx, audit.head().0 + 1).await?;
        for entry in &page {
            if anchor.is_some_and(|anchor| anchor.number == entry.number && anchor.hash != entry.hash) {
                return Err(VerifyError::OtherBook { entry: entry.number });
            }
            let Some(measured) = check(tx, &mut audit, entry).await? else { continue };
            match evidence.prove(tx, &measured).await? {
                Ok(Proof::Signed(count)) => {
                    (proven_epochs, documents) = (proven_epochs + 1, documents + count);
                }
                Ok(Proof::NotKept) => {}
                Err(reason) => return Err(VerifyError::Unproven { entry: entry.number, reason }),
            }
        }
        if page.is_empty() {
            break;
        }
    }
    if let Some(anchor) = anchor.filter(|anchor| anchor.number > audit.head().0) {
        return Err(VerifyError::OtherBook { entry: anchor.number });
    }
    let summary = check_records(tx, audit).await?;
    Ok(Report { summary, proven_epochs, documents })
}

/// The entries from `from` on. If one of them cannot be read, those before it; if it is the first, an error.
async fn entries(tx: &mut Tx, from: u64) -> Result<Vec<Entry>, VerifyError> {
    match tx.entries(from, PAGE).await {
        Err(StorageError::Unreadable { .. }) => {}
        page => return Ok(page?),
    }
    match tx.entries(from, 1).await {
        Err(StorageError::Unreadable { what }) => Err(VerifyError::Unreadable { entry: from, what }),
        page => Ok(page?),
    }
}

async fn check(tx: &mut Tx, audit: &mut Audit, entry: &Entry) -> Result<Option<Measured>, VerifyError> {
    let unreadable = |error| match error {
        StorageError::Unreadable { what } => VerifyError::Unreadable { entry: entry.number, what },
        error => error.into(),
    };
    let wrong = |finding| VerifyError::Entry { entry: entry.number, finding };
    match &entry.occasion {
        Occasion::EpochClosed { .. } => {
            let recorded = tx.recorded_epoch(entry.number).await.map_err(unreadable)?;
            let beneath = recorded.as_ref().map_or(Beneath::Nothing, Beneath::Epoch);
            audit.entry(entry, beneath).map_err(wrong)
        }
        Occasion::Correction(number) => {
            let corrected = tx.entry(*number).await.map_err(unreadable)?;
            let beneath = corrected.as_ref().map_or(Beneath::Nothing, Beneath::Corrected);
            audit.entry(entry, beneath).map_err(wrong)
        }
        _ => audit.entry(entry, Beneath::Nothing).map_err(wrong),
    }
}

/// What is recorded beside the entries: the head, the number of closed epochs, the balances.
async fn check_records(tx: &mut Tx, audit: Audit) -> Result<Summary, VerifyError> {
    let head = match tx.ledger_head().await {
        Err(StorageError::Unreadable { what }) => {
            return Err(VerifyError::Unreadable { entry: audit.head().0, what });
        }
        head => head?,
    };
    let (epochs, orphans) = tx.count_epochs().await?;
    if orphans > 0 {
        return Err(VerifyError::Orphans(orphans));
    }
    let mut recorded: Vec<RecordedBalance> = Vec::new();
    loop {
        let page = tx.recorded_balances(recorded.last(), BALANCES).await?;
        if page.is_empty() {
            break;
        }
        recorded.extend(page);
    }
    let balances = recorded.iter().map(|row| (&*row.account, &*row.currency, MicroUnits(row.balance)));
    let summary = audit.finish(head, epochs, balances).map_err(VerifyError::Records)?;
    let mut pending: BTreeMap<PayoutId, MicroUnits> = BTreeMap::new();
    loop {
        let after = pending.last_key_value().map(|(id, _)| *id);
        let page = tx.pending_payouts(after, BALANCES).await?;
        if page.is_empty() {
            break;
        }
        pending.extend(page);
    }
    if pending == summary.pending_payouts { Ok(summary) } else { Err(VerifyError::Payouts) }
}

/// What accounts of one kind hold together.
fn holdings(summary: &Summary) -> BTreeMap<Currency, [i128; 8]> {
    let mut sums: BTreeMap<Currency, [i128; 8]> = BTreeMap::new();
    for ((account, currency), balance) in &summary.balances {
        let kind = match account {
            Account::Deposits(_) => 0,
            Account::Pool(_) => 1,
            Account::Fund(_) => 2,
            Account::Payable(_) => 3,
            Account::Pending(_) => 4,
            Account::Paid(_) => 5,
            Account::Fees => 6,
            Account::Held(_) => 7,
        };
        sums.entry(*currency).or_default()[kind] += i128::from(balance.0);
    }
    sums
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { entries, epochs, head, .. } = &self.summary;
        writeln!(f, "{entries} entries follow each other; the last is {entries}:{head}")?;
        writeln!(f, "in each the postings sum to zero, and every balance is the sum of its postings")?;
        writeln!(f, "{epochs} closed epochs pay exactly what their input gives")?;
        if self.proven_epochs > 0 {
            let (proven, documents) = (self.proven_epochs, self.documents);
            writeln!(f, "of {proven} of them the input follows from {documents} signed documents")?;
        }
        let unproven = epochs - self.proven_epochs;
        if unproven > 0 {
            writeln!(
                f,
                "of {unproven} of them no signed documents are kept: their input is taken as recorded"
            )?;
        }
        for (currency, [deposited, pools, funds, owed, pending, paid, fees, held]) in holdings(&self.summary)
        {
            let deposited = -deposited;
            writeln!(
                f,
                "{currency} (millionths): deposited {deposited} = pools {pools} + funds {funds} + held {held} \
                 + owed {owed} + on its way {pending} + paid {paid} + fees {fees}"
            )?;
        }
        Ok(())
    }
}
