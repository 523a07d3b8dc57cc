//! Feeds the core's [`Uplink`] from the peers of all streams. An uplink that is not measured has none: its cap
//! alone holds.

use std::collections::HashMap;
use std::sync::Arc;

use streamr_model::{BitsPerSecond, NodeId};
use streamr_relay_core::Instant;
use streamr_relay_core::shares::Seat;
use streamr_relay_core::uplink::{Certainty, Echo, Uplink};
use tokio::sync::mpsc;

use crate::api::UplinkMeasured;
use crate::net::{Connection, Traffic, Whereabouts};

/// A node may be connected for several streams: these are connections, round trips and counts of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LineId {
    pub(super) seat: Seat,
    pub(super) node: NodeId,
}

/// A peer that is reached over the uplink.
#[derive(Debug)]
struct Line {
    probes: mpsc::Sender<()>,
    traffic: Arc<Traffic>,
    counted: u64,
}

/// See the module. Lines are as many as connections.
#[derive(Debug)]
pub(super) struct Gauge {
    uplink: Uplink<LineId>,
    lines: HashMap<LineId, Line>,
}

impl Gauge {
    pub(super) fn new(cap: BitsPerSecond, now: Instant) -> Self {
        Self { uplink: Uplink::new(cap, now), lines: HashMap::new() }
    }

    pub(super) fn measured(&self) -> Option<UplinkMeasured> {
        self.uplink.measured().map(|measured| UplinkMeasured {
            capacity: measured.capacity,
            is_limit: measured.certainty == Certainty::About,
        })
    }

    /// What may be sent now, over all streams.
    pub(super) fn rate(&self) -> BitsPerSecond {
        self.uplink.rate()
    }

    /// What others may count on, of all streams together.
    pub(super) fn share(&self) -> BitsPerSecond {
        self.uplink.share()
    }

    pub(super) fn is_giving_way(&self) -> bool {
        self.uplink.is_giving_way()
    }

    /// Whether anybody is reached over the uplink.
    pub(super) fn is_in_use(&self) -> bool {
        !self.lines.is_empty()
    }

    pub(super) fn connected(&mut self, line: LineId, connection: &Connection) {
        if connection.whereabouts == Whereabouts::Here {
            return;
        }
        let (probes, traffic) = (connection.probes.clone(), Arc::clone(&connection.traffic));
        self.lines.insert(line, Line { probes, traffic, counted: 0 });
        self.uplink.handle_connected(line);
    }

    pub(super) fn disconnected(&mut self, line: LineId) {
        self.lines.remove(&line);
        self.uplink.handle_disconnected(line);
    }

    /// A stream is carried no more.
    pub(super) fn left(&mut self, seat: Seat) {
        let gone: Vec<LineId> = self.lines.keys().filter(|line| line.seat == seat).copied().collect();
        gone.into_iter().for_each(|line| self.disconnected(line));
    }

    /// Something was written.
    pub(super) fn wrote(&mut self, now: Instant, line: LineId) {
        if let Some(found) = self.lines.get_mut(&line) {
            let sent = found.traffic.sent();
            self.uplink.handle_sent(now, line, sent - found.counted);
            found.counted = sent;
        }
    }

    pub(super) fn echo(&mut self, now: Instant, line: LineId, echo: Echo) {
        self.uplink.handle_echo(now, line, echo);
    }

    pub(super) fn set_cap(&mut self, cap: BitsPerSecond) {
        self.uplink.set_cap(cap);
    }

    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.uplink.poll_timeout(now)
    }

    /// Does what is due.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.uplink.poll_timeout(now).is_none_or(|at| at > now) {
            return;
        }
        let lines: Vec<LineId> = self.lines.keys().copied().collect();
        for line in lines {
            self.wrote(now, line);
        }
        self.uplink.handle_timeout(now);
        while let Some(line) = self.uplink.poll_probe(now) {
            // A full channel is a peer that still owes an answer, or cannot be probed.
            let _ = self.lines.get(&line).map(|line| line.probes.try_send(()));
        }
    }
}
