//! What heartbeats do: each keeps its place in its session's chain, shows or hides its node, and books the
//! time since the last one. Pure: [`intake`] reads what has to be known, and writes what comes of it.

pub(crate) mod intake;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use streamr_coordinator_api::{HeartbeatRequest, Membership};
use streamr_model::{Heartbeat, NodeActivity, NodeId, StreamId, UnixMs, Window};

use crate::grants::Tell;
use crate::hour::{Hour, spread};
use crate::parties::Network;
use crate::session::{Disorder, Place, Session, Shown, place, shown};
use crate::storage::{Live, Stream, Uptime, UptimeKey};

/// Why a heartbeat is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the node is not enrolled")]
    NodeUnknown,
    #[error("the stream is not registered")]
    StreamUnknown,
    #[error("out of order: {}", .0.reason())]
    OutOfOrder(Disorder),
}

/// A heartbeat whose signature held.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) heartbeat: Heartbeat,
    /// Fresh, for the answer.
    pub(crate) nonce: String,
    /// Where it came from, as far as that tells anybody apart.
    pub(crate) network: Option<Network>,
}

impl Report {
    /// The session that it would begin.
    fn beginning(&self) -> Option<(NodeId, u64)> {
        let heartbeat = &self.heartbeat;
        let is_first = heartbeat.number == 1 && heartbeat.nonce.is_empty();
        is_first.then_some((heartbeat.node, heartbeat.session))
    }
}

/// What becomes of a heartbeat that is taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) nonce: String,
    pub(crate) next_in_s: u32,
    pub(crate) tell: Tell,
}

/// A stream that somebody reports about.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) stream: Stream,
    pub(crate) live: Option<Live>,
}

/// Those who report together: what is known of them, and what comes of their heartbeats, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Roll {
    enrolled: BTreeSet<NodeId>,
    streams: BTreeMap<StreamId, Known>,
    sessions: BTreeMap<NodeId, Session>,
    /// Sessions that had not begun before.
    fresh: BTreeSet<(NodeId, u64)>,
    has_begun_any: bool,
    measurers: BTreeSet<NodeId>,
    outcome: Outcome,
}

/// What is to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Nodes whose session is another, or has gone on.
    pub(crate) moved: BTreeSet<NodeId>,
    /// Time gained.
    pub(crate) uptimes: BTreeMap<UptimeKey, Uptime>,
    /// Streams of which others see another membership.
    pub(crate) changed: BTreeSet<StreamId>,
    /// Sessions that others replaced, and when each was last heard of.
    pub(crate) ended: BTreeMap<(NodeId, u64), UnixMs>,
    /// From where supporters of streams that are live were heard.
    pub(crate) networks: BTreeSet<(NodeId, Network)>,
}

impl Roll {
    /// Of the nodes that are enrolled, and the streams that are registered.
    pub(crate) fn new(enrolled: BTreeSet<NodeId>, streams: BTreeMap<StreamId, Known>) -> Self {
        Self { enrolled, streams, ..Self::default() }
    }

    /// What is known of a stream.
    pub(crate) fn known(&self, stream: &StreamId) -> Option<&Known> {
        self.streams.get(stream)
    }

    /// The node's session as it is now.
    pub(crate) fn session(&self, node: &NodeId) -> Option<&Session> {
        self.sessions.get(node)
    }

    /// What is to be written.
    pub(crate) fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Sessions that `reports` may begin: to be noted, before any of them is taken, with
    /// [`Self::note_fresh`].
    pub(crate) fn beginning<'a>(
        &self,
        reports: impl IntoIterator<Item = &'a Report>,
    ) -> BTreeSet<(NodeId, u64)> {
        let known = |report: &&Report| self.refusal(&report.heartbeat).is_none();
        reports.into_iter().filter(known).filter_map(Report::beginning).collect()
    }

    /// Notes the current sessions of nodes, before any report is taken.
    pub(crate) fn note_sessions(&mut self, sessions: BTreeMap<NodeId, Session>) {
        self.sessions = sessions;
    }

    /// Notes which of [`Self::beginning`] had not begun before.
    pub(crate) fn note_fresh(&mut self, fresh: BTreeSet<(NodeId, u64)>) {
        self.has_begun_any = !fresh.is_empty();
        self.fresh = fresh;
    }

    /// Whether any session began.
    pub(crate) fn has_begun_any(&self) -> bool {
        self.has_begun_any
    }

    /// Notes which of the nodes are trusted about others.
    pub(crate) fn note_measurers(&mut self, measurers: BTreeSet<NodeId>) {
        self.measurers = measurers;
    }

    /// Whether the node is trusted about others.
    pub(crate) fn measures(&self, node: &NodeId) -> bool {
        self.measurers.contains(node)
    }

    /// Notes the version that a stream's membership has now.
    pub(crate) fn note_version(&mut self, stream: &StreamId, version: u64) {
        if let Some(known) = self.streams.get_mut(stream) {
            known.stream.membership_version = version;
        }
    }

    /// Notes that whoever of `stream` was not heard of after `member_after` is about to be taken out, and so
    /// is a signer that was not after `live_after`.
    pub(crate) fn note_lapses(&mut self, stream: &StreamId, live_after: UnixMs, member_after: UnixMs) {
        for session in self.sessions.values_mut() {
            if session.stream == *stream && session.last_at <= member_after {
                session.shown = None;
            }
        }
        if let Some(live) = self.streams.get_mut(stream).and_then(|known| known.live.as_mut()) {
            live.is_live = live.is_live && live.last_at > live_after;
        }
    }

    /// Takes in the next report.
    pub(crate) fn take(&mut self, report: &Report, now: UnixMs) -> Result<Taken, Refusal> {
        let (heartbeat, nonce) = (&report.heartbeat, &report.nonce);
        if let Some(refusal) = self.refusal(heartbeat) {
            return Err(refusal);
        }
        let current = self.sessions.get(&heartbeat.node).cloned();
        let taken = match (place(current.as_ref(), heartbeat), current) {
            (Place::OutOfOrder(disorder), _) => return Err(Refusal::OutOfOrder(disorder)),
            (Place::Next, Some(current)) => {
                self.follow(&current, heartbeat, nonce, now);
                let is_new_window = Window::of(current.last_at) != Window::of(now);
                let tell = if is_new_window { Tell::NewWindow } else { Tell::IfNew };
                Taken { nonce: nonce.clone(), next_in_s: HeartbeatRequest::INTERVAL_S, tell }
            }
            (Place::Repeat, Some(current)) => {
                self.repeat(&current, heartbeat);
                let next_in_s = HeartbeatRequest::FIRST_INTERVAL_S;
                Taken { nonce: current.nonce_given, next_in_s, tell: Tell::Always }
            }
            // Without a current session `place` knows only the first of one.
            (Place::First | Place::Next | Place::Repeat, replaced) => {
                self.begin(replaced.as_ref(), heartbeat, nonce, now)?;
                let next_in_s = HeartbeatRequest::FIRST_INTERVAL_S;
                Taken { nonce: nonce.clone(), next_in_s, tell: Tell::Always }
            }
        };
        if taken.tell != Tell::IfNew {
            self.note_network(report);
        }
        Ok(taken)
    }

    /// Notes from where a supporter was heard, as long as that can decide what it is paid.
    fn note_network(&mut self, report: &Report) {
        let Heartbeat { node, stream, activity, .. } = &report.heartbeat;
        let live = self.streams.get(stream).and_then(|known| known.live.as_ref());
        if live.is_some_and(|live| live.is_live) && *activity == NodeActivity::Supporting {
            self.outcome.networks.extend(report.network.map(|network| (*node, network)));
        }
    }

    /// Why nothing about the node's session needs to be known.
    fn refusal(&self, heartbeat: &Heartbeat) -> Option<Refusal> {
        if !self.enrolled.contains(&heartbeat.node) {
            Some(Refusal::NodeUnknown)
        } else if !self.streams.contains_key(&heartbeat.stream) {
            Some(Refusal::StreamUnknown)
        } else {
            None
        }
    }

    /// The first of a session. It replaces the node's last one and earns nothing: no time has passed yet.
    fn begin(
        &mut self,
        replaced: Option<&Session>,
        heartbeat: &Heartbeat,
        nonce: &str,
        now: UnixMs,
    ) -> Result<(), Refusal> {
        if !self.fresh.remove(&(heartbeat.node, heartbeat.session)) {
            return Err(Refusal::OutOfOrder(Disorder::PastSession));
        }
        if let Some(old) = replaced {
            self.outcome.ended.insert((old.node, old.session), old.last_at);
        }
        if let Some(other) = replaced.filter(|old| old.shown.is_some() && old.stream != heartbeat.stream) {
            self.outcome.changed.insert(other.stream.clone());
        }
        let before = replaced.filter(|old| old.stream == heartbeat.stream).and_then(|old| old.shown.as_ref());
        let session = self.after(heartbeat, nonce, now);
        self.put(session, before);
        Ok(())
    }

    /// The next of a session: books what happened since the last.
    fn follow(&mut self, current: &Session, heartbeat: &Heartbeat, nonce: &str, now: UnixMs) {
        let live_total_ms = self.live_total_ms(&heartbeat.stream);
        for (hour, gained) in since(current, live_total_ms, heartbeat.bytes_origin, now) {
            let key = (current.stream.clone(), hour, current.node);
            self.outcome.uptimes.entry(key).or_default().add(gained);
        }
        let seen = shown(current.shown.as_ref(), heartbeat, Membership::MAX_UPLINK.0);
        let session = Session { shown: seen, ..self.after(heartbeat, nonce, now) };
        self.put(session, current.shown.as_ref());
    }

    /// The last of a session again. Nothing is booked twice; only a good-bye is heard, because a node that
    /// lost an answer and leaves has no other way to say so.
    fn repeat(&mut self, current: &Session, heartbeat: &Heartbeat) {
        if heartbeat.activity == NodeActivity::Leaving && current.activity != NodeActivity::Leaving {
            let left = Session { activity: NodeActivity::Leaving, shown: None, ..current.clone() };
            self.put(left, current.shown.as_ref());
        }
    }

    /// Makes `session` the node's current one, of which the stream's members saw `before`.
    fn put(&mut self, session: Session, before: Option<&Shown>) {
        if session.shown.as_ref() != before {
            self.outcome.changed.insert(session.stream.clone());
        }
        self.outcome.moved.insert(session.node);
        self.sessions.insert(session.node, session);
    }

    fn live_total_ms(&self, stream: &StreamId) -> u64 {
        let live = self.streams.get(stream).and_then(|known| known.live.as_ref());
        live.map_or(0, |live| live.live_total_ms)
    }

    fn after(&self, heartbeat: &Heartbeat, nonce: &str, now: UnixMs) -> Session {
        Session {
            node: heartbeat.node,
            session: heartbeat.session,
            stream: heartbeat.stream.clone(),
            number: heartbeat.number,
            nonce_carried: heartbeat.nonce.clone(),
            nonce_given: nonce.to_owned(),
            activity: heartbeat.activity,
            last_at: now,
            live_mark_ms: self.live_total_ms(&heartbeat.stream),
            bytes_origin: heartbeat.bytes_origin,
            shown: shown(None, heartbeat, Membership::MAX_UPLINK.0),
        }
    }
}

/// The time since the last heartbeat of `current`, under what the node was doing then, and what it fetched from the
/// origin. Silence longer than a lapse proves nothing and counts for nothing.
fn since(current: &Session, live_total_ms: u64, bytes_origin: u64, now: UnixMs) -> Vec<(Hour, Uptime)> {
    let elapsed_ms = now.0.saturating_sub(current.last_at.0);
    if elapsed_ms >= HeartbeatRequest::LAPSE_MS {
        return Vec::new();
    }
    let live_ms = live_total_ms.saturating_sub(current.live_mark_ms).min(elapsed_ms);
    let book = |ms, as_uptime: fn(u64) -> Uptime| {
        spread(ms, current.last_at, now).into_iter().map(move |(hour, ms)| (hour, as_uptime(ms)))
    };
    let mut gained: Vec<(Hour, Uptime)> = match current.activity {
        NodeActivity::Supporting => {
            let time = book(elapsed_ms, |supporting_ms| Uptime { supporting_ms, ..Uptime::default() });
            let live = book(live_ms, |live_ms| Uptime { live_ms, ..Uptime::default() });
            time.chain(live).collect()
        }
        NodeActivity::Paused => {
            book(elapsed_ms, |paused_ms| Uptime { paused_ms, ..Uptime::default() }).collect()
        }
        NodeActivity::Leaving => Vec::new(),
    };
    if let Some((_, last)) = gained.last_mut() {
        // Nobody signs for it: no more is believed than any line carries.
        let most = Membership::MAX_UPLINK.bytes_in(Duration::from_millis(elapsed_ms));
        last.bytes_origin = bytes_origin.saturating_sub(current.bytes_origin).min(most);
    }
    gained
}
