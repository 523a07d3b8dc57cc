//! Who is there: going live and off, and forgetting those not heard of.
//!
//! Nothing runs in the background. Whoever lapsed is taken out by the next request that would have seen
//! them, so what is seen depends on the clock alone.

mod lapses;

use streamr_coordinator_api::{GoLive, HeartbeatRequest, Membership};
use streamr_model::{BitsPerSecond, StreamId, UnixMs};

use crate::hour::spread;
use crate::storage::{Live, StorageError, Tx};

pub(crate) use lapses::Lapses;

/// A signer must have been heard of after this to be live at `now`.
pub(crate) fn live_after(now: UnixMs) -> UnixMs {
    UnixMs(now.0.saturating_sub(GoLive::LAPSE_MS))
}

/// A node must have been heard of after this to be a member at `now`.
pub(crate) fn member_after(now: UnixMs) -> UnixMs {
    UnixMs(now.0.saturating_sub(HeartbeatRequest::LAPSE_MS))
}

/// Whether the signer's word has become too old at `now`.
pub(crate) fn has_fallen_silent(live: Option<&Live>, now: UnixMs) -> bool {
    live.is_some_and(|live| live.is_live && live.last_at <= live_after(now))
}

/// Takes out whoever lapsed; whether there was anybody. Most of the time there is not, and nothing is locked.
pub(crate) async fn sweep(tx: &mut Tx, stream: &StreamId, now: UnixMs) -> Result<bool, StorageError> {
    let (live_after, member_after) = (live_after(now), member_after(now));
    let live = tx.live(stream).await?;
    let oldest = tx.longest_silent(stream).await?;
    if !has_fallen_silent(live.as_ref(), now) && oldest.is_none_or(|oldest| oldest > member_after) {
        return Ok(false);
    }
    tx.lock_streams(&[stream]).await?;
    let has_dropped = tx.drop_lapsed(stream, live_after, member_after).await?;
    if has_dropped {
        tx.membership_changed(stream).await?;
    }
    Ok(has_dropped)
}

/// The stream's signer says that it is live. The time since it last said so counts as live.
pub(crate) async fn go_live(
    tx: &mut Tx,
    stream: &StreamId,
    said: &GoLive,
    now: UnixMs,
) -> Result<(), StorageError> {
    tx.lock_streams(&[stream]).await?;
    sweep(tx, stream, now).await?;
    let before = count_live_time(tx, stream, now).await?;
    let after = Live {
        is_live: true,
        seed: said.seed,
        addresses: said.addresses.clone(),
        // The streamer's clock names the epoch, but no live began in the future.
        live_since: said.live_since.min(now),
        bitrate_bps: BitsPerSecond(said.bitrate_bps.0.min(Membership::MAX_UPLINK.0)),
        last_at: now,
        live_total_ms: before.as_ref().map_or(0, |before| before.live_total_ms),
    };
    tx.save_live(stream, &after).await?;
    let as_before = before.is_some_and(|before| {
        before.is_live && before.seed == after.seed && before.addresses == after.addresses
    });
    if !as_before {
        tx.membership_changed(stream).await?;
    }
    Ok(())
}

/// The stream's signer says that the live is over.
pub(crate) async fn end_live(tx: &mut Tx, stream: &StreamId, now: UnixMs) -> Result<(), StorageError> {
    tx.lock_streams(&[stream]).await?;
    sweep(tx, stream, now).await?;
    if let Some(live) = count_live_time(tx, stream, now).await?.filter(|live| live.is_live) {
        tx.save_live(stream, &Live { is_live: false, last_at: now, ..live }).await?;
        tx.membership_changed(stream).await?;
    }
    Ok(())
}

/// Books the time since the signer was last heard of, if the stream is live; what is known of it, with the
/// new total.
async fn count_live_time(tx: &mut Tx, stream: &StreamId, now: UnixMs) -> Result<Option<Live>, StorageError> {
    let Some(live) = tx.live(stream).await? else { return Ok(None) };
    if !live.is_live {
        return Ok(Some(live));
    }
    let gained_ms = now.0.saturating_sub(live.last_at.0);
    for (hour, live_ms) in spread(gained_ms, live.last_at, now) {
        tx.add_live_time(stream, hour, live_ms).await?;
        tx.note_bitrate(stream, hour, live.bitrate_bps).await?;
    }
    Ok(Some(Live { live_total_ms: live.live_total_ms.saturating_add(gained_ms), ..live }))
}
