//! What every node did in an hour of a stream, worked out from heartbeats and receipts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use streamr_coordinator_api::Membership;
use streamr_model::{MicroUnits, NodeId, StreamId, UnixMs, Window};

use crate::closing::{CloseError, measure, purse};
use crate::credit::{Credits, Evidence, USUAL_HOURS, allowance, of_hour};
use crate::downtime::counted;
use crate::epoch::{Measured, Settlement, settle};
use crate::hour::Hour;
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
pub(crate) async fn credits(tx: &mut Tx, stream: &StreamId, hour: Hour) -> Result<Credits, StorageError> {
    let bitrate = tx.bitrate_of_hour(stream, hour).await?;
    let evidence = Evidence {
        deliveries: tx.deliveries(stream, windows(hour)).await?,
        present: tx.consumers_present(stream, windows(hour)).await?,
        usual: tx.usual(stream, Hour(hour.0.saturating_sub(USUAL_HOURS))..hour).await?,
        allowance_bytes: allowance(bitrate, Membership::MAX_UPLINK, Duration::from_millis(Window::MS)),
    };
    Ok(of_hour(&evidence))
}

/// What is usual for each consumer in an hour: [`Credits::sums`].
pub(crate) type Usual = BTreeMap<NodeId, Vec<u64>>;

/// What every node did in an hour, and what was usual in it. Time counts as far as heartbeats *and* deliveries show
/// it: a node to which nobody signs for anything in a window was not at work in it. What it declared as downtime is
/// taken out of the hour ([`crate::downtime`]).
pub(crate) async fn scores(
    tx: &mut Tx,
    stream: &StreamId,
    hour: Hour,
) -> Result<(BTreeMap<NodeId, Score>, Usual), StorageError> {
    let credits = credits(tx, stream, hour).await?;
    let declared = tx.declared_in(hour).await?;
    let hour_live_ms = tx.live_time(stream, hour).await?;
    let mut scores: BTreeMap<NodeId, Score> = BTreeMap::new();
    for (node, live_ms) in tx.live_uptimes(stream, hour).await? {
        let at_work = credits.providers.get(&node).map_or(0, |credit| credit.at_work.len() as u64);
        let proven_ms = live_ms.min(at_work * Window::MS);
        let declared_ms = declared.get(&node).copied().unwrap_or(0);
        scores.entry(node).or_default().uptime_ms = counted(proven_ms, declared_ms, hour_live_ms);
    }
    for (node, credit) in &credits.providers {
        let score = scores.entry(*node).or_default();
        score.bytes = credit.counts.bytes;
        score.blocks = credit.counts.blocks;
        score.on_time = credit.counts.on_time;
        score.bad = credit.counts.bad;
    }
    Ok((scores, credits.sums))
}

/// Keeps what was usual for each consumer in an hour that is over, for the hours after it.
pub(crate) async fn keep_usual(
    tx: &mut Tx,
    stream: &StreamId,
    hour: Hour,
    usual: Usual,
) -> Result<(), StorageError> {
    for (consumer, sums) in usual {
        tx.keep_usual(stream, hour, &consumer, &sums).await?;
    }
    Ok(())
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
