//! What a node's support has done and might earn: read from storage, worked out by [`crate::rewards`].

use streamr_coordinator_api::{Impact, Provisional, ScoreParts};
use streamr_model::{NodeId, UnixMs};

use crate::closing::CloseError;
use crate::hour::Hour;
use crate::rewards::share_ppm;
use crate::scoring::OpenHour;
use crate::state::App;
use crate::storage::Stream;

/// The impact of `node` as far as others have signed for it.
pub(crate) async fn of_node(app: &App, node: &NodeId, now: UnixMs) -> Result<Impact, CloseError> {
    let mut tx = app.storage.read().await?;
    let delivered = tx.delivered(node, Hour::of_midnight(now)).await?;
    let supporting_s = tx.supporting_ever(node).await? / 1000;
    let mut streams = Vec::new();
    for stream in tx.streams_of_hour(node, Hour::of(now)).await? {
        streams.extend(tx.stream(&stream).await?);
    }
    drop(tx);
    let mut provisional = Vec::new();
    for stream in streams {
        let board = app.boards.current(&app.storage, &stream, now).await?;
        provisional.push(of_stream(board.now(), stream, node));
    }
    Ok(Impact {
        node: *node,
        as_of: now,
        bytes_served_today: delivered.bytes_since,
        bytes_served_ever: delivered.bytes_ever,
        peers_helped_ever: delivered.consumers_ever,
        supporting_s,
        provisional,
    })
}

fn of_stream(hour: &OpenHour, stream: Stream, node: &NodeId) -> Provisional {
    let scores = hour.measured.supporters.values().map(|supporter| supporter.score);
    let all_bytes = scores.map(|score| score.bytes).fold(0, u64::saturating_add);
    let own = hour.measured.supporters.get(node).map(|supporter| supporter.score).unwrap_or_default();
    let parts = ScoreParts {
        uptime_ppm: ppm(own.uptime_ppm(hour.measured.live_ms)),
        quality_ppm: ppm(own.quality_ppm()),
        bandwidth_ppm: ppm(share_ppm(own.bytes, all_bytes)),
    };
    let amount = stream.pool_per_hour.map(|_| hour.pays(node));
    Provisional { stream: stream.stream, amount, currency: stream.currency, parts }
}

/// Parts per million fit 32 bits: there are at most a million.
fn ppm(parts: u64) -> u32 {
    u32::try_from(parts).unwrap_or(1_000_000)
}
