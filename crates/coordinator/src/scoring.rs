//! What every node did in an hour of a stream, worked out from heartbeats and receipts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use streamr_coordinator_api::Membership;
use streamr_model::{MicroUnits, NodeId, StreamId, UnixMs, Window};

use crate::capacity::RECENT_WINDOWS;
use crate::closing::{CloseError, measure, purse};
use crate::credit::{Credits, Evidence, USUAL_HOURS, USUAL_WINDOWS, allowance, cut, of_hour, of_party};
use crate::downtime::counted;
use crate::epoch::{Measured, Settlement, settle};
use crate::hour::Hour;
use crate::parties::{Parties, parties};
use crate::review::{Skew, is_mixed, skew};
use crate::rewards::Score;
use crate::slots::Slots;
use crate::storage::{Storage, StorageError, Stream, Tx};

/// A score board is shown for so long, and for a millisecond longer for each node on it.
const SHOWN_MS: u64 = 5_000;

/// The windows of an hour.
pub(crate) fn windows(hour: Hour) -> Range<Window> {
    let per_hour = Hour::MS / Window::MS;
    Window(hour.0 * per_hour)..Window((hour.0 + 1) * per_hour)
}

/// The credits of an hour, from what was signed in it and what was usual before.
#[derive(Debug)]
pub(crate) struct OfHour {
    /// Of all that was signed.
    pub(crate) all: Credits,
    /// The same without those consumers; `None` where there are none.
    pub(crate) undisputed: Option<Credits>,
    /// Who signs against assignment.
    pub(crate) suspects: BTreeMap<NodeId, Skew>,
}

/// Works them out.
pub(crate) async fn credits(
    tx: &mut Tx,
    stream: &StreamId,
    hour: Hour,
    parties: &Parties,
) -> Result<OfHour, StorageError> {
    let bitrate = tx.bitrate_of_hour(stream, hour).await?;
    let (first, after) = (windows(hour).start, windows(hour).end);
    let recent = Window(after.0.saturating_sub(RECENT_WINDOWS))..first;
    let mut evidence = Evidence {
        deliveries: tx.deliveries(stream, windows(hour)).await?,
        present: tx.consumers_present(stream, windows(hour)).await?,
        usual: tx.usual(stream, Hour(hour.0.saturating_sub(USUAL_HOURS))..hour).await?,
        allowance_bytes: allowance(bitrate, Membership::MAX_UPLINK, Duration::from_millis(Window::MS)),
        probes: tx.probes(stream, windows(hour)).await?,
        earlier_probes: tx.probes(stream, recent).await?,
        parties: parties.clone(),
    };
    let all = of_hour(&evidence);
    let suspects = suspects(tx, stream, hour, &evidence.usual, &all.sums).await?;
    let undisputed = (!suspects.is_empty()).then(|| {
        evidence.deliveries.retain(|delivery| !suspects.contains_key(&delivery.consumer));
        of_hour(&evidence)
    });
    Ok(OfHour { all, undisputed, suspects })
}

/// The consumers of an hour that sign against assignment, by the day before its end.
pub(crate) async fn suspects(
    tx: &mut Tx,
    stream: &StreamId,
    hour: Hour,
    usual: &BTreeMap<NodeId, Vec<u64>>,
    present: &BTreeMap<NodeId, Vec<u64>>,
) -> Result<BTreeMap<NodeId, Skew>, StorageError> {
    let after = windows(hour).end;
    let day = Window(after.0.saturating_sub(USUAL_WINDOWS as u64))..after;
    let mut suspects = BTreeMap::new();
    for (consumer, sums) in present {
        let before = usual.get(consumer).map_or(&[][..], Vec::as_slice);
        if is_mixed(before.iter().chain(sums).copied()) {
            let grants = tx.under_grants(stream, consumer, day.clone()).await?;
            suspects.extend(skew(&grants).map(|skew| (*consumer, skew)));
        }
    }
    Ok(suspects)
}

/// What every node did in an hour.
#[derive(Debug)]
pub(crate) struct Scores {
    /// By all that was signed.
    pub(crate) all: BTreeMap<NodeId, Score>,
    /// By what nobody is suspected for; `None` where that is all.
    pub(crate) undisputed: Option<BTreeMap<NodeId, Score>>,
}

/// What is kept of an hour that closes, beside its input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remains {
    /// What is usual for each consumer: [`Credits::sums`].
    usual: BTreeMap<NodeId, Vec<u64>>,
    /// Who was one party with whom.
    parties: Parties,
}

/// Who is one party with whom in an hour: what was kept when it closed, or what ties them now.
async fn parties_of(tx: &mut Tx, stream: &StreamId, hour: Hour) -> Result<Parties, StorageError> {
    if tx.closed_epoch(stream, hour).await?.is_some() {
        return tx.parties(stream, hour).await;
    }
    Ok(parties(&tx.ties(stream, hour).await?))
}

/// What every node did in an hour, and what is to be kept of it. Time counts as far as heartbeats *and* deliveries show
/// it: a node to which nobody signs for anything in a window was not at work in it. What it declared as downtime is
/// taken out of the hour ([`crate::downtime`]). A party was there for no longer than the stream was live.
pub(crate) async fn scores(
    tx: &mut Tx,
    stream: &StreamId,
    hour: Hour,
) -> Result<(Scores, Remains), StorageError> {
    let parties = parties_of(tx, stream, hour).await?;
    let credits = credits(tx, stream, hour, &parties).await?;
    let times = tx.live_uptimes(stream, hour).await?;
    let declared = tx.declared_in(hour).await?;
    let live_ms = tx.live_time(stream, hour).await?;
    let scores = |credits: &Credits| scores_of(credits, &times, &declared, &parties, live_ms);
    let all = scores(&credits.all);
    let undisputed = credits.undisputed.as_ref().map(scores);
    Ok((Scores { all, undisputed }, Remains { usual: credits.all.sums, parties }))
}

fn scores_of(
    credits: &Credits,
    times: &[(NodeId, u64)],
    declared: &BTreeMap<NodeId, u64>,
    parties: &Parties,
    live_ms: u64,
) -> BTreeMap<NodeId, Score> {
    let mut scores: BTreeMap<NodeId, Score> = BTreeMap::new();
    for (node, there_ms) in times {
        let at_work = credits.providers.get(node).map_or(0, |credit| credit.at_work.len() as u64);
        let proven_ms = (*there_ms).min(at_work * Window::MS);
        let declared_ms = declared.get(node).copied().unwrap_or(0);
        scores.entry(*node).or_default().uptime_ms = counted(proven_ms, declared_ms, live_ms);
    }
    share_time(&mut scores, parties, live_ms);
    for (node, credit) in &credits.providers {
        let score = scores.entry(*node).or_default();
        *score = Score { uptime_ms: score.uptime_ms, ..credit.score() };
    }
    scores
}

/// Cuts the time of each party to what the stream was live.
pub(crate) fn share_time(scores: &mut BTreeMap<NodeId, Score>, parties: &Parties, live_ms: u64) {
    for members in of_party(parties).values() {
        let mut times: Vec<(NodeId, u64)> =
            members.iter().filter_map(|node| Some((*node, scores.get(node)?.uptime_ms))).collect();
        cut(&mut times, live_ms);
        for (node, uptime_ms) in times {
            scores.entry(node).or_default().uptime_ms = uptime_ms;
        }
    }
}

/// Keeps what is left of an hour that closed: what was usual, for the hours after it, and the parties, for whoever
/// works it out again.
pub(crate) async fn keep(
    tx: &mut Tx,
    stream: &StreamId,
    hour: Hour,
    remains: &Remains,
) -> Result<(), StorageError> {
    for (consumer, sums) in &remains.usual {
        tx.keep_usual(stream, hour, consumer, sums).await?;
    }
    tx.keep_parties(stream, hour, &remains.parties).await
}

/// An hour that is not closed, settled as if it closed now.
#[derive(Debug)]
pub(crate) struct OpenHour {
    pub(crate) measured: Measured,
    pub(crate) settlement: Settlement,
}

impl OpenHour {
    /// What the hour would pay `node`.
    pub(crate) fn pays(&self, node: &NodeId) -> MicroUnits {
        self.settlement.shares.get(node).copied().unwrap_or_default().total()
    }
}

/// The open hours of a stream, as all who ask are shown them.
#[derive(Debug)]
pub(crate) struct ScoreBoard {
    /// The hour under way.
    now: OpenHour,
    /// The hour before it, as long as it is not closed.
    before: Option<OpenHour>,
    made_at: UnixMs,
}

impl ScoreBoard {
    /// The hour under way.
    pub(crate) fn now(&self) -> &OpenHour {
        &self.now
    }

    /// All hours that are open, oldest first.
    pub(crate) fn open(&self) -> impl Iterator<Item = &OpenHour> {
        self.before.iter().chain([&self.now])
    }

    fn will_do(&self, now: UnixMs) -> bool {
        let shown_ms = SHOWN_MS + self.now.measured.supporters.len() as u64;
        self.now.measured.hour == Hour::of(now) && now.0.saturating_sub(self.made_at.0) < shown_ms
    }
}

/// The score boards of all streams.
#[derive(Debug, Default)]
pub(crate) struct ScoreBoards {
    slots: Slots<ScoreBoard>,
}

impl ScoreBoards {
    /// The board to show at `now`. The caller must hold no transaction: one is needed to make a board.
    pub(crate) async fn current(
        &self,
        storage: &Storage,
        stream: &Stream,
        now: UnixMs,
    ) -> Result<Arc<ScoreBoard>, CloseError> {
        let slot = self.slots.of(&stream.stream, now);
        let mut held = slot.lock().await;
        if let Some(board) = held.as_ref().filter(|board| board.will_do(now)) {
            return Ok(board.clone());
        }
        let board = Arc::new(make(&mut storage.read().await?, stream, now).await?);
        *held = Some(board.clone());
        Ok(board)
    }
}

async fn make(tx: &mut Tx, stream: &Stream, now: UnixMs) -> Result<ScoreBoard, CloseError> {
    let hour = Hour::of(now);
    let last = Hour(hour.0.saturating_sub(1));
    let (measured, _) = measure(tx, stream, hour).await?;
    let mut left = purse(tx, &measured).await?;
    let mut before = None;
    if tx.closed_epoch(&stream.stream, last).await?.is_none() {
        // It is paid first, so that what it takes is not there for the hour under way.
        let (measured, _) = measure(tx, stream, last).await?;
        let settlement = settle(&measured, &left);
        left = settlement.leaves(&left);
        before = Some(OpenHour { measured, settlement });
    }
    let settlement = settle(&measured, &left);
    Ok(ScoreBoard { now: OpenHour { measured, settlement }, before, made_at: now })
}
