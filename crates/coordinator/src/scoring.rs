//! What every node did in an hour of a stream, worked out from heartbeats and receipts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use streamr_coordinator_api::Membership;
use streamr_model::{NodeId, StreamId, UnixMs, Window};

use crate::credit::{Credits, Evidence, USUAL_HOURS, allowance, of_hour};
use crate::hour::Hour;
use crate::rewards::Score;
use crate::slots::Slots;
use crate::storage::{Storage, StorageError, Tx};

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

/// What every node did in an hour. Time counts as far as heartbeats *and* deliveries show it: a node to which
/// nobody signs for anything in a window was not at work in it.
pub(crate) async fn scores(
    tx: &mut Tx,
    stream: &StreamId,
    hour: Hour,
) -> Result<BTreeMap<NodeId, Score>, StorageError> {
    let credits = credits(tx, stream, hour).await?;
    let mut scores: BTreeMap<NodeId, Score> = BTreeMap::new();
    for (node, live_ms) in tx.live_uptimes(stream, hour).await? {
        let at_work = credits.providers.get(&node).map_or(0, |credit| credit.at_work.len() as u64);
        scores.entry(node).or_default().uptime_ms = live_ms.min(at_work * Window::MS);
    }
    for (node, credit) in &credits.providers {
        let score = scores.entry(*node).or_default();
        score.bytes = credit.counts.bytes;
        score.blocks = credit.counts.blocks;
        score.on_time = credit.counts.on_time;
        score.bad = credit.counts.bad;
    }
    Ok(scores)
}

/// Keeps what was usual for each consumer in an hour that is over, for the hours after it.
pub(crate) async fn keep_usual(tx: &mut Tx, stream: &StreamId, hour: Hour) -> Result<(), StorageError> {
    for (consumer, sums) in credits(tx, stream, hour).await?.sums {
        tx.keep_usual(stream, hour, &consumer, &sums).await?;
    }
    Ok(())
}

/// The scores of the hour under way, as all who ask are shown them.
#[derive(Debug)]
pub(crate) struct ScoreBoard {
    pub(crate) hour: Hour,
    /// How long the stream was live in it.
    pub(crate) live_ms: u64,
    pub(crate) scores: BTreeMap<NodeId, Score>,
    made_at: UnixMs,
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
        stream: &StreamId,
        now: UnixMs,
    ) -> Result<Arc<ScoreBoard>, StorageError> {
        let slot = self.slots.of(stream, now);
        let mut held = slot.lock().await;
        if let Some(board) = held.as_ref().filter(|board| board.will_do(now)) {
            return Ok(board.clone());
        }
        let hour = Hour::of(now);
        let mut tx = storage.read().await?;
        let board = Arc::new(ScoreBoard {
            hour,
            live_ms: tx.live_time(stream, hour).await?,
            scores: scores(&mut tx, stream, hour).await?,
            made_at: now,
        });
        *held = Some(board.clone());
        Ok(board)
    }
}

impl ScoreBoard {
    fn will_do(&self, now: UnixMs) -> bool {
        let shown_ms = SHOWN_MS + self.scores.len() as u64;
        self.hour == Hour::of(now) && now.0.saturating_sub(self.made_at.0) < shown_ms
    }
}
