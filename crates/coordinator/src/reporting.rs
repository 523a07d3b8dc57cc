//! What a heartbeat does, in one transaction: it keeps its place in the session's chain, shows or hides the
//! node, and books the time since the last one.

use streamr_coordinator_api::{HeartbeatAnswer, HeartbeatRequest, Membership};
use streamr_model::{Heartbeat, NodeActivity, UnixMs, Window};

use crate::grants::Tell;
use crate::hour::{Hour, spread};
use crate::parties::Network;
use crate::presence::sweep;
use crate::session::{Disorder, Place, Session, place, shown};
use crate::storage::{Live, StorageError, Tx, Uptime};

/// Why a heartbeat is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the node is not enrolled")]
    NodeUnknown,
    #[error("the stream is not registered")]
    StreamUnknown,
    #[error("out of order: {}", .0.reason())]
    OutOfOrder(Disorder),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Takes in `heartbeat`, whose signature held and which came from `network`. `nonce` is fresh, for the answer, whose grants are the caller's to
/// fill in as [`Tell`] says.
pub(crate) async fn accept(
    tx: &mut Tx,
    heartbeat: &Heartbeat,
    network: Option<Network>,
    nonce: String,
    now: UnixMs,
) -> Result<(HeartbeatAnswer, Tell), Refusal> {
    if !tx.lock_node(&heartbeat.node).await? {
        return Err(Refusal::NodeUnknown);
    }
    if tx.stream(&heartbeat.stream).await?.is_none() {
        return Err(Refusal::StreamUnknown);
    }
    let mut current = tx.session(&heartbeat.node).await?;
    if let Some(left) = current.as_ref().filter(|session| session.stream != heartbeat.stream) {
        tx.lock_streams(&[&left.stream, &heartbeat.stream]).await?;
    }
    if sweep(tx, &heartbeat.stream, now).await? {
        current = tx.session(&heartbeat.node).await?;
    }
    let (nonce, next_in_s, tell) = match (place(current.as_ref(), heartbeat), current) {
        (Place::OutOfOrder(disorder), _) => return Err(Refusal::OutOfOrder(disorder)),
        (Place::Next, Some(current)) => {
            follow(tx, &current, heartbeat, &nonce, now).await?;
            let is_new_window = Window::of(current.last_at) != Window::of(now);
            let tell = if is_new_window { Tell::Always } else { Tell::IfNew };
            (nonce, HeartbeatRequest::INTERVAL_S, tell)
        }
        (Place::Repeat, Some(current)) => {
            repeat(tx, &current, heartbeat).await?;
            (current.nonce_given, HeartbeatRequest::FIRST_INTERVAL_S, Tell::Always)
        }
        // Without a current session `place` knows only the first of one.
        (Place::First | Place::Next | Place::Repeat, replaced) => {
            begin(tx, replaced.as_ref(), heartbeat, &nonce, now).await?;
            (nonce, HeartbeatRequest::FIRST_INTERVAL_S, Tell::Always)
        }
    };
    if let Some(network) = network.filter(|_| tell == Tell::Always) {
        note_network(tx, heartbeat, network, now).await?;
    }
    let stream = tx.stream(&heartbeat.stream).await?.ok_or(Refusal::StreamUnknown)?;
    let membership_version = stream.membership_version;
    let measures = tx.is_measurer(&heartbeat.node).await?;
    let answer = HeartbeatAnswer { nonce, next_in_s, now, membership_version, grants: Vec::new(), measures };
    Ok((answer, tell))
}

/// Notes from where a supporter was heard, as long as that can decide what it is paid.
async fn note_network(
    tx: &mut Tx,
    heartbeat: &Heartbeat,
    network: Network,
    now: UnixMs,
) -> Result<(), StorageError> {
    let is_live = tx.live(&heartbeat.stream).await?.is_some_and(|live| live.is_live);
    if is_live && heartbeat.activity == NodeActivity::Supporting {
        tx.note_network(Hour::of(now), &heartbeat.node, network).await?;
    }
    Ok(())
}

/// The first of a session. It replaces the node's last one and earns nothing: no time has passed yet.
async fn begin(
    tx: &mut Tx,
    replaced: Option<&Session>,
    heartbeat: &Heartbeat,
    nonce: &str,
    now: UnixMs,
) -> Result<(), Refusal> {
    if !tx.begin_session(&heartbeat.node, heartbeat.session, now).await? {
        return Err(Refusal::OutOfOrder(Disorder::PastSession));
    }
    if let Some(old) = replaced {
        tx.end_session(&old.node, old.session, old.last_at).await?;
    }
    if let Some(other) = replaced.filter(|old| old.shown.is_some() && old.stream != heartbeat.stream) {
        tx.membership_changed(&other.stream).await?;
    }
    let before = replaced.filter(|old| old.stream == heartbeat.stream).and_then(|old| old.shown.clone());
    let live = tx.live(&heartbeat.stream).await?;

    let session = after(heartbeat, nonce, live.as_ref(), now);
    tx.save_session(&session).await?;
    if session.shown != before {
        tx.membership_changed(&heartbeat.stream).await?;
    }
    Ok(())
}

/// The next of a session: books what happened since the last.
async fn follow(
    tx: &mut Tx,
    current: &Session,
    heartbeat: &Heartbeat,
    nonce: &str,
    now: UnixMs,
) -> Result<(), Refusal> {
    let live = tx.live(&heartbeat.stream).await?;
    book_time(tx, current, live.as_ref(), now).await?;

    let seen = shown(current.shown.as_ref(), heartbeat, Membership::MAX_UPLINK.0);
    let session = Session { shown: seen, ..after(heartbeat, nonce, live.as_ref(), now) };
    tx.save_session(&session).await?;
    if session.shown != current.shown {
        tx.membership_changed(&heartbeat.stream).await?;
    }
    Ok(())
}

/// The last of a session again. Nothing is booked twice; only a good-bye is heard, because a node that lost
/// an answer and leaves has no other way to say so.
async fn repeat(tx: &mut Tx, current: &Session, heartbeat: &Heartbeat) -> Result<(), Refusal> {
    if heartbeat.activity == NodeActivity::Leaving && current.activity != NodeActivity::Leaving {
        let left = Session { activity: NodeActivity::Leaving, shown: None, ..current.clone() };
        tx.save_session(&left).await?;
        if current.shown.is_some() {
            tx.membership_changed(&current.stream).await?;
        }
    }
    Ok(())
}

fn after(heartbeat: &Heartbeat, nonce: &str, live: Option<&Live>, now: UnixMs) -> Session {
    Session {
        node: heartbeat.node,
        session: heartbeat.session,
        stream: heartbeat.stream.clone(),
        number: heartbeat.number,
        nonce_carried: heartbeat.nonce.clone(),
        nonce_given: nonce.to_owned(),
        activity: heartbeat.activity,
        last_at: now,
        live_mark_ms: live.map_or(0, |live| live.live_total_ms),
        shown: shown(None, heartbeat, Membership::MAX_UPLINK.0),
    }
}

/// Books the time since the last heartbeat under what the node was doing then. Silence longer than a lapse
/// proves nothing and counts for nothing.
async fn book_time(
    tx: &mut Tx,
    current: &Session,
    live: Option<&Live>,
    now: UnixMs,
) -> Result<(), StorageError> {
    let elapsed_ms = now.0.saturating_sub(current.last_at.0);
    if elapsed_ms >= HeartbeatRequest::LAPSE_MS {
        return Ok(());
    }
    let live_total_ms = live.map_or(0, |live| live.live_total_ms);
    let live_ms = live_total_ms.saturating_sub(current.live_mark_ms).min(elapsed_ms);
    let book = |ms| spread(ms, current.last_at, now);
    let (of_time, of_live_time) = (book(elapsed_ms), book(live_ms));
    let gained: Vec<(Hour, Uptime)> = match current.activity {
        NodeActivity::Supporting => {
            let time = of_time
                .into_iter()
                .map(|(hour, ms)| (hour, Uptime { supporting_ms: ms, ..Uptime::default() }));
            let live = of_live_time
                .into_iter()
                .map(|(hour, ms)| (hour, Uptime { live_ms: ms, ..Uptime::default() }));
            time.chain(live).collect()
        }
        NodeActivity::Paused => of_time
            .into_iter()
            .map(|(hour, ms)| (hour, Uptime { paused_ms: ms, ..Uptime::default() }))
            .collect(),
        NodeActivity::Leaving => Vec::new(),
    };
    for (hour, uptime) in gained {
        tx.add_uptime(&current.stream, hour, &current.node, uptime).await?;
    }
    Ok(())
}
