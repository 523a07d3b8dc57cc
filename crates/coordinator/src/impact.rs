//! What a node's support has done and might earn: read from storage, worked out by [`crate::rewards`].

use std::collections::BTreeMap;

use streamr_coordinator_api::{Impact, Provisional, ScoreParts};
use streamr_model::{NodeId, StreamId, UnixMs};

use crate::hour::Hour;
use crate::rewards::{Score, accrued, pay, share_ppm};
use crate::storage::{StorageError, Tx};

/// The impact of `node` as far as others have signed for it.
pub(crate) async fn of_node(tx: &mut Tx, node: &NodeId, now: UnixMs) -> Result<Impact, StorageError> {
    let delivered = tx.delivered(node, Hour::of_midnight(now)).await?;
    let mut provisional = Vec::new();
    for stream in tx.streams_of_hour(node, Hour::of(now)).await? {
        provisional.extend(of_stream(tx, &stream, node, Hour::of(now)).await?);
    }
    Ok(Impact {
        node: *node,
        as_of: now,
        bytes_served_today: delivered.bytes_since,
        bytes_served_ever: delivered.bytes_ever,
        peers_helped_ever: delivered.consumers_ever,
        supporting_s: tx.supporting_ever(node).await? / 1000,
        provisional,
    })
}

async fn of_stream(
    tx: &mut Tx,
    stream: &StreamId,
    node: &NodeId,
    hour: Hour,
) -> Result<Option<Provisional>, StorageError> {
    let Some(registered) = tx.stream(stream).await? else { return Ok(None) };
    let live_ms = tx.live_time(stream, hour).await?;
    let scores = scores(tx, stream, hour).await?;
    let all_bytes = scores.values().map(|score| score.bytes).fold(0, u64::saturating_add);
    let own = scores.get(node).copied().unwrap_or_default();
    let parts = ScoreParts {
        uptime_ppm: ppm(own.uptime_ppm(live_ms)),
        quality_ppm: ppm(own.quality_ppm()),
        bandwidth_ppm: ppm(share_ppm(own.bytes, all_bytes)),
    };
    let amount = registered.pool_per_hour.map(|per_hour| {
        let paid = pay(accrued(per_hour, live_ms), scores);
        paid.get(node).copied().unwrap_or_default()
    });
    Ok(Some(Provisional { stream: stream.clone(), amount, currency: registered.currency, parts }))
}

/// What every node did in an hour of a stream.
pub(crate) async fn scores(
    tx: &mut Tx,
    stream: &StreamId,
    hour: Hour,
) -> Result<BTreeMap<NodeId, Score>, StorageError> {
    let mut scores: BTreeMap<NodeId, Score> = BTreeMap::new();
    for (node, uptime_ms) in tx.live_uptimes(stream, hour).await? {
        scores.entry(node).or_default().uptime_ms = uptime_ms;
    }
    for credits in tx.credits_of_hour(stream, hour).await? {
        let score = scores.entry(credits.node).or_default();
        score.bytes = credits.counts.bytes;
        score.blocks = credits.counts.blocks;
        score.on_time = credits.counts.on_time;
        score.bad = credits.counts.bad;
    }
    Ok(scores)
}

/// Parts per million fit 32 bits: there are at most a million.
fn ppm(parts: u64) -> u32 {
    u32::try_from(parts).unwrap_or(1_000_000)
}
