//! What becomes of receipts that a provider hands in: each is judged, kept in the place of the one before,
//! and what it adds is shown to people. What it is worth is worked out by [`crate::credit`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use streamr_coordinator_api::{Membership, ReceiptsRequest, RefusalReason};
use streamr_model::{NodeId, Receipt, SignedByBoth, StreamId, UnixMs, Window};

use crate::credit::{Counts, allowance};
use crate::hour::Hour;
use crate::storage::{Assigned, DeliveryKey, KeptReceipt, Live, StorageError, Tx};

/// When the receipts of a window are no longer taken.
pub(crate) fn taken_until(window: Window) -> UnixMs {
    UnixMs(window.ends_at().0.saturating_add(ReceiptsRequest::LATE_MS))
}

/// What a receipt is beside the one kept of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It comes after it, or is the first.
    Newer,
    /// It is that one, or an older one that came late.
    Known,
    /// It takes something back.
    GoesBack,
    /// Another was signed with its number.
    Equivocates,
}

fn place(kept: Option<&KeptReceipt>, receipt: &Receipt, signed: &SignedByBoth) -> Place {
    let Some(kept) = kept else { return Place::Newer };
    if receipt.sequence < kept.sequence {
        return Place::Known;
    }
    if receipt.sequence == kept.sequence {
        let is_same = signed.receipt.digest() == kept.signed.receipt.digest();
        return if is_same { Place::Known } else { Place::Equivocates };
    }
    let counts = Counts::of(receipt);
    if kept.counts.beyond(counts) == Counts::default() { Place::Newer } else { Place::GoesBack }
}

/// A receipt whose signatures held, as it was signed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Handed<'a> {
    pub(crate) receipt: &'a Receipt,
    pub(crate) signed: &'a SignedByBoth,
}

impl Handed<'_> {
    /// Whether its window is one whose receipts are taken at `now`.
    fn is_in_time(&self, now: UnixMs) -> bool {
        self.receipt.window <= Window::of(now) && now < taken_until(self.receipt.window)
    }

    fn of_window(&self) -> (StreamId, Window) {
        (self.receipt.stream.clone(), self.receipt.window)
    }

    fn session(&self) -> SessionKey {
        let Receipt { stream, window, consumer, session, .. } = self.receipt;
        (stream.clone(), *window, *consumer, *session)
    }
}

/// The session of a consumer in a stream's window: of it, one receipt is kept.
type SessionKey = (StreamId, Window, NodeId, u64);

/// Takes in `receipts`, handed in by `provider`, in their order, where of the nodes they name these are
/// `enrolled`. Why each is refused; `None`: it is kept, or was before. The nodes are to be locked.
pub(crate) async fn take_all(
    tx: &mut Tx,
    provider: &NodeId,
    enrolled: &BTreeSet<NodeId>,
    receipts: &[Handed<'_>],
    now: UnixMs,
) -> Result<Vec<Option<RefusalReason>>, StorageError> {
    let mut desk = look(tx, provider, receipts, now).await?;
    desk.enrolled.clone_from(enrolled);
    let reasons = receipts.iter().map(|handed| desk.take(*handed, now)).collect();
    for (one, other) in &desk.equivocations {
        tx.keep_equivocation(one, other, now).await?;
    }
    let kept: Vec<_> = desk.kept_now.values().map(|(new, cap)| (new.receipt, *cap, new.signed)).collect();
    tx.keep_receipts(&kept).await?;
    let shown: Vec<_> = desk.shown.iter().map(|(key, more)| (key, *more)).collect();
    tx.add_deliveries(&shown).await?;
    Ok(reasons)
}

/// Reads what decides about `receipts`.
async fn look<'a>(
    tx: &mut Tx,
    provider: &NodeId,
    receipts: &[Handed<'a>],
    now: UnixMs,
) -> Result<Desk<'a>, StorageError> {
    let named: BTreeSet<&StreamId> = receipts.iter().map(|handed| &handed.receipt.stream).collect();
    let mut lives = tx.lives(&named).await?;
    let streams = tx.streams(&named).await?.into_keys();
    let streams = streams.map(|id| {
        let live = lives.remove(&id);
        (id, live)
    });
    let mut desk = Desk { streams: streams.collect(), ..Desk::default() };
    let mut consumers: BTreeMap<(StreamId, Window), BTreeSet<NodeId>> = BTreeMap::new();
    for handed in receipts.iter().filter(|handed| handed.is_in_time(now)) {
        if desk.streams.contains_key(&handed.receipt.stream) {
            consumers.entry(handed.of_window()).or_default().insert(handed.receipt.consumer);
        }
    }
    for (key, consumers) in consumers {
        let (stream, window) = &key;
        for kept in tx.kept_receipts(stream, *window, provider, &consumers).await? {
            desk.kept.insert((stream.clone(), *window, kept.consumer, kept.session), kept.kept);
        }
        let others = tx.other_providers(stream, *window, provider, &consumers).await?;
        desk.other_providers.insert(key.clone(), others);
        desk.assigned.insert(key.clone(), tx.assigned_to(stream, *window, &consumers).await?);
    }
    Ok(desk)
}

/// Whether two nodes can receive from each other at all: the signer is none of them, for what it gives is the origin's.
pub(crate) fn can_be_parties(receipt: &Receipt, live: Option<&Live>) -> bool {
    let seed = live.map(|live| live.seed);
    let is_signer = seed == Some(receipt.provider) || seed == Some(receipt.consumer);
    receipt.provider != receipt.consumer && !is_signer
}

/// What is known of what receipts are about, and what comes of them. They are all of one provider. Pure.
#[derive(Debug, Default)]
struct Desk<'a> {
    enrolled: BTreeSet<NodeId>,
    /// Those that are registered.
    streams: BTreeMap<StreamId, Option<Live>>,
    assigned: BTreeMap<(StreamId, Window), BTreeMap<NodeId, Vec<Assigned>>>,
    other_providers: BTreeMap<(StreamId, Window), BTreeMap<NodeId, usize>>,
    kept: BTreeMap<SessionKey, KeptReceipt>,

    /// To be kept, with the caps of their grants.
    kept_now: BTreeMap<SessionKey, (Handed<'a>, Option<u64>)>,
    /// To be kept as evidence.
    equivocations: Vec<(SignedByBoth, SignedByBoth)>,
    /// To be added to what people see.
    shown: BTreeMap<DeliveryKey, Counts>,
}

impl<'a> Desk<'a> {
    /// Takes in the next receipt.
    fn take(&mut self, handed: Handed<'a>, now: UnixMs) -> Option<RefusalReason> {
        let Handed { receipt, signed } = handed;
        if !handed.is_in_time(now) {
            return Some(RefusalReason::WindowOver);
        }
        if !self.are_parties(receipt) {
            return Some(RefusalReason::NotAParty);
        }
        let cap_bytes = match self.cap_bytes(&handed) {
            Ok(cap_bytes) => cap_bytes,
            Err(reason) => return Some(reason),
        };
        let session = handed.session();
        let kept = self.kept.get(&session);
        match (place(kept, receipt, signed), kept) {
            (Place::Known, _) => return None,
            (Place::GoesBack, _) => return Some(RefusalReason::GoesBack),
            (Place::Equivocates, kept) => {
                self.equivocations.extend(kept.map(|kept| (kept.signed.clone(), signed.clone())));
                return Some(RefusalReason::Equivocation);
            }
            (Place::Newer, None) if self.has_too_many_providers(&handed) => {
                return Some(RefusalReason::TooManyProviders);
            }
            (Place::Newer, _) => {}
        }
        let before = kept.map(|kept| kept.counts).unwrap_or_default();
        self.show(receipt, before);
        let (sequence, counts) = (receipt.sequence, Counts::of(receipt));
        self.kept.insert(session.clone(), KeptReceipt { sequence, counts, signed: signed.clone() });
        self.kept_now.insert(session, (handed, cap_bytes));
        None
    }

    /// Only enrolled nodes receive from each other.
    fn are_parties(&self, receipt: &Receipt) -> bool {
        let Some(live) = self.streams.get(&receipt.stream) else { return false };
        can_be_parties(receipt, live.as_ref()) && self.enrolled.contains(&receipt.consumer)
    }

    /// The cap of the grant it names.
    fn cap_bytes(&self, handed: &Handed<'_>) -> Result<Option<u64>, RefusalReason> {
        let Receipt { consumer, provider, grant, .. } = handed.receipt;
        let Some(grant) = grant else { return Ok(None) };
        let of_window = self.assigned.get(&handed.of_window());
        let assigned = of_window.and_then(|of_window| of_window.get(consumer)).into_iter().flatten();
        let mut own = assigned.filter(|one| one.provider == *provider && one.grant == *grant);
        own.next().map(|own| Some(own.cap_bytes)).ok_or(RefusalReason::GrantUnknown)
    }

    fn has_too_many_providers(&self, handed: &Handed<'_>) -> bool {
        let of_window = self.other_providers.get(&handed.of_window());
        let others = of_window.and_then(|of_window| of_window.get(&handed.receipt.consumer));
        others.is_some_and(|others| *others >= Receipt::MAX_PROVIDERS)
    }

    /// Adds what `receipt` says beyond `before`. No more is shown than the stream can have sent, grant or
    /// not.
    fn show(&mut self, receipt: &Receipt, before: Counts) {
        let live = self.streams.get(&receipt.stream).and_then(Option::as_ref);
        let bitrate = live.map(|live| live.bitrate_bps).unwrap_or_default();
        let most = allowance(bitrate, Membership::MAX_UPLINK, Duration::from_millis(Window::MS));
        let bounded = |counts: Counts| Counts { bytes: counts.bytes.min(most), ..counts };
        let more = bounded(Counts::of(receipt)).beyond(bounded(before));
        let hour = Hour::of(receipt.window.begins_at());
        let key = (receipt.stream.clone(), hour, receipt.provider, receipt.consumer);
        let shown = self.shown.entry(key).or_default();
        *shown = shown.plus(more);
    }
}
