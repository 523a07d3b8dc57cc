//! The end of an hour in the old house: what polls showed becomes what nodes earned, once and for good.
//!
//! Hours are closed by whoever needs them closed, before it reads: the poller's rounds and the endpoints that
//! tell of earnings. What an hour pays depends on the clock and on what was heard and seen, not on who closed it.

use streamr_model::{MicroUnits, UnixMs};

use super::active_after;
use super::pay::{draw, pay};
use crate::hour::Hour;
use crate::storage::locks::Whole;
use crate::storage::{OldStream, Storage, StorageError, Tx};

/// Hours before this one are closed at `now`: those that were over when the last heartbeat that can still tell
/// of them was due.
pub(crate) fn closed_until(now: UnixMs) -> Hour {
    Hour::of(active_after(now))
}

/// How long what polls showed is kept, in hours: five weeks.
const KEEP_SHOWN_HOURS: u64 = 35 * 24;

/// Closes the hours that are over at `now`. Closing again does nothing.
pub(crate) async fn close_due(storage: &Storage, now: UnixMs) -> Result<(), StorageError> {
    let hour = closed_until(now);
    if storage.read().await?.old_streams_open_before(hour).await?.is_empty() {
        return Ok(());
    }
    let mut tx = storage.write().await?;
    tx.lock_whole(Whole::OldHouse).await?;
    // Read again: somebody else may have closed them since.
    for stream in tx.old_streams_open_before(hour).await? {
        close_stream(&mut tx, &stream, hour).await?;
    }
    tx.commit().await
}

/// Closes a stream's hours before `until`.
pub(super) async fn close_stream(tx: &mut Tx, stream: &OldStream, until: Hour) -> Result<(), StorageError> {
    let mut left = stream.pool_left;
    for hour in tx.old_hours_shown(&stream.stream, stream.open_since, until).await? {
        let shown = tx.old_shown(&stream.stream, hour).await?;
        for (node, amount) in pay(draw(stream.balance, left), &shown) {
            tx.add_old_earning(&stream.stream, hour, &node, amount).await?;
            left = MicroUnits(left.0 - amount.0);
        }
    }
    let open_since = stream.open_since.max(until);
    tx.save_old_stream(&OldStream { pool_left: left, open_since, ..stream.clone() }).await?;
    tx.forget_old_shown(&stream.stream, Hour(until.0.saturating_sub(KEEP_SHOWN_HOURS))).await
}
