//! What a heartbeat of the old house does, in one transaction.

use streamr_model::UnixMs;

use super::active_after;
use super::heartbeat::Heartbeat;
use crate::hour::spread;
use crate::storage::{OldNode, StorageError, Tx};

/// Nodes that are kept. At the bound the long silent are forgotten; then newcomers are refused.
const MAX_NODES: u64 = 2000;
/// Nodes whose `stats_url` names the same host: what they could make this coordinator ask of it.
const MAX_NODES_PER_HOST: u64 = 8;
/// Nodes ever heard of for one stream, and streams for one node, until they are forgotten.
const MAX_NODES_PER_STREAM: u64 = 256;
const MAX_STREAMS_PER_NODE: u64 = 8;
/// Other addresses kept of each node, as evidence. Beyond, they are only counted.
const MAX_FOREIGN: u32 = 8;
/// Silence after which a node makes room for another. A node that never earned and that no poll bears out makes
/// room as soon as it is not active: so whoever invents nodes must keep reporting for them all.
const FORGET_AFTER_MS: u64 = 7 * 24 * 3_600_000;
/// Nodes forgotten for one newcomer at most.
const FORGET_AT_ONCE: u32 = 64;

/// How a heartbeat was heard. Who sent it is told the same in either case: an old node would not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It shows the node as active.
    Counted,
    /// It names another address than the node's first. It counts for nothing and is kept as evidence.
    Foreign,
}

/// Why a heartbeat is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("Stream not found")]
    StreamUnknown,
    #[error("{0}")]
    Full(&'static str),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Takes in `heartbeat`. `next_poll_at` was drawn for it, in case that the node's next poll must be planned.
pub(crate) async fn hear(
    tx: &mut Tx,
    heartbeat: &Heartbeat,
    next_poll_at: UnixMs,
    now: UnixMs,
) -> Result<Heard, Refusal> {
    let stream = tx.old_stream(&heartbeat.stream).await?;
    if !stream.is_some_and(|stream| stream.is_active) {
        return Err(Refusal::StreamUnknown);
    }
    match tx.old_node(&heartbeat.node).await? {
        Some(known) if known.stats_url != heartbeat.stats_url => {
            tx.note_foreign_heartbeat(&heartbeat.node, &heartbeat.stats_url, MAX_FOREIGN, now).await?;
            return Ok(Heard::Foreign);
        }
        Some(known) => {
            let next_poll_at = poll_after_heartbeat(&known, next_poll_at, now);
            tx.heard_old_node(&heartbeat.node, next_poll_at, now).await?;
        }
        None => admit(tx, heartbeat, next_poll_at, now).await?,
    }
    match tx.old_support(&heartbeat.stream, &heartbeat.node).await? {
        Some(last_at) => book_time(tx, heartbeat, last_at, now).await?,
        None => make_room(tx, heartbeat, now).await?,
    }
    tx.save_old_support(&heartbeat.stream, &heartbeat.node, now).await?;
    Ok(Heard::Counted)
}

/// Books the time since the last heartbeat. Silence longer than a node counts as active says nothing.
async fn book_time(
    tx: &mut Tx,
    heartbeat: &Heartbeat,
    last_at: UnixMs,
    now: UnixMs,
) -> Result<(), StorageError> {
    if last_at <= active_after(now) {
        return Ok(());
    }
    for (hour, active_ms) in spread(now.0.saturating_sub(last_at.0), last_at, now) {
        tx.add_old_activity(&heartbeat.stream, hour, &heartbeat.node, active_ms).await?;
    }
    Ok(())
}

async fn make_room(tx: &mut Tx, heartbeat: &Heartbeat, now: UnixMs) -> Result<(), Refusal> {
    let (mut of_stream, mut of_node) = tx.count_old_supports(&heartbeat.stream, &heartbeat.node).await?;
    if of_stream >= MAX_NODES_PER_STREAM || of_node >= MAX_STREAMS_PER_NODE {
        forget_silent(tx, now).await?;
        (of_stream, of_node) = tx.count_old_supports(&heartbeat.stream, &heartbeat.node).await?;
    }
    if of_stream >= MAX_NODES_PER_STREAM {
        return Err(Refusal::Full("This stream has as many nodes as this coordinator takes."));
    }
    if of_node >= MAX_STREAMS_PER_NODE {
        return Err(Refusal::Full("This node supports as many streams as this coordinator takes."));
    }
    Ok(())
}

/// A poll that was due while the node was silent is planned anew: otherwise it would come in the moment the
/// node is back, which a node could wait for.
fn poll_after_heartbeat(known: &OldNode, drawn: UnixMs, now: UnixMs) -> UnixMs {
    let was_silent = known.last_at <= active_after(now);
    if was_silent && known.next_poll_at <= now { drawn } else { known.next_poll_at }
}

async fn forget_silent(tx: &mut Tx, now: UnixMs) -> Result<(), StorageError> {
    let silent_since = UnixMs(now.0.saturating_sub(FORGET_AFTER_MS));
    tx.forget_old_supports(silent_since).await?;
    for node in tx.forgettable_old_nodes(silent_since, active_after(now), FORGET_AT_ONCE).await? {
        tx.forget_old_node(&node).await?;
    }
    Ok(())
}

async fn admit(tx: &mut Tx, heartbeat: &Heartbeat, next_poll_at: UnixMs, now: UnixMs) -> Result<(), Refusal> {
    let host = heartbeat.stats_url.host();
    let (mut all, mut at_host) = tx.count_old_nodes(host).await?;
    if all >= MAX_NODES || at_host >= MAX_NODES_PER_HOST {
        forget_silent(tx, now).await?;
        (all, at_host) = tx.count_old_nodes(host).await?;
    }
    if at_host >= MAX_NODES_PER_HOST {
        return Err(Refusal::Full("This host has as many nodes as this coordinator takes."));
    }
    if all >= MAX_NODES {
        return Err(Refusal::Full("This coordinator takes no more nodes of the old kind."));
    }
    tx.create_old_node(&heartbeat.node, &heartbeat.stats_url, next_poll_at, now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::old_surface::ACTIVE_MS;
    use crate::old_surface::standing::Standing;

    #[test]
    fn a_node_that_comes_back_is_not_polled_in_the_moment_it_does() {
        let now = UnixMs(10 * ACTIVE_MS);
        let node = |last_at, next_poll_at| OldNode {
            stats_url: "http://home.example/".parse().unwrap(),
            last_at: UnixMs(last_at),
            standing: Standing::default(),
            next_poll_at: UnixMs(next_poll_at),
        };
        let drawn = UnixMs(now.0 + 77);
        let plan = |node: &OldNode| poll_after_heartbeat(node, drawn, now);
        assert_eq!(plan(&node(now.0 - ACTIVE_MS, now.0 - 1)), drawn);
        assert_eq!(plan(&node(now.0 - ACTIVE_MS, now.0 + 5)), UnixMs(now.0 + 5));
        assert_eq!(plan(&node(now.0 - ACTIVE_MS + 1, now.0 - 1)), UnixMs(now.0 - 1), "an active node is");
    }
}
