//! Feeds the core's [`Uplink`] and paces by what it says. A seed, and a node that was told not to give way,
//! has none: its cap alone holds.

use std::collections::HashMap;
use std::sync::Arc;

use streamr_model::{BitsPerSecond, NodeId};
use streamr_relay_core::Instant;
use streamr_relay_core::uplink::{Certainty, Echo, Uplink};
use tokio::sync::mpsc;

use super::Driver;
use crate::api::{UplinkMeasured, UploadView};
use crate::net::{Connection, Traffic, Whereabouts};

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
    uplink: Uplink,
    lines: HashMap<NodeId, Line>,
    paced_to: Option<BitsPerSecond>,
    /// What we told others to count on.
    promised: Option<BitsPerSecond>,
}

impl Gauge {
    pub(super) fn new(cap: BitsPerSecond, now: Instant) -> Self {
        Self { uplink: Uplink::new(cap, now), lines: HashMap::new(), paced_to: None, promised: None }
    }

    /// For people.
    pub(super) fn view(&self) -> UploadView {
        UploadView {
            measured: self.uplink.measured().map(|measured| UplinkMeasured {
                capacity: measured.capacity,
                is_limit: measured.certainty == Certainty::About,
            }),
            rate_now: self.uplink.rate(),
            share: self.uplink.share(),
            gives_way: self.uplink.is_giving_way(),
        }
    }

    pub(super) fn connected(&mut self, node: NodeId, connection: &Connection) {
        if connection.whereabouts == Whereabouts::Here {
            return;
        }
        let (probes, traffic) = (connection.probes.clone(), Arc::clone(&connection.traffic));
        self.lines.insert(node, Line { probes, traffic, counted: 0 });
        self.uplink.handle_connected(node);
    }

    pub(super) fn disconnected(&mut self, node: NodeId) {
        self.lines.remove(&node);
        self.uplink.handle_disconnected(node);
    }

    /// Something was written to `node`.
    pub(super) fn wrote(&mut self, now: Instant, node: NodeId) {
        if let Some(line) = self.lines.get_mut(&node) {
            let sent = line.traffic.sent();
            self.uplink.handle_sent(now, node, sent - line.counted);
            line.counted = sent;
        }
    }

    pub(super) fn echo(&mut self, now: Instant, node: NodeId, echo: Echo) {
        self.uplink.handle_echo(now, node, echo);
    }

    pub(super) fn set_cap(&mut self, cap: BitsPerSecond) {
        self.uplink.set_cap(cap);
    }

    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.uplink.poll_timeout(now)
    }

    /// Does what is due.
    fn advance(&mut self, now: Instant) {
        if self.uplink.poll_timeout(now).is_none_or(|at| at > now) {
            return;
        }
        let nodes: Vec<NodeId> = self.lines.keys().copied().collect();
        for node in nodes {
            self.wrote(now, node);
        }
        self.uplink.handle_timeout(now);
        while let Some(node) = self.uplink.poll_probe(now) {
            // A full channel is a peer that still owes an answer, or cannot be probed.
            let _ = self.lines.get(&node).map(|line| line.probes.try_send(()));
        }
    }
}

impl Driver {
    /// Measures, and paces to what was found, where that has changed.
    pub(super) fn gauge(&mut self) {
        let now = self.now();
        let Some(gauge) = &mut self.gauge else { return };
        gauge.advance(now);
        let rate = gauge.uplink.rate();
        if gauge.paced_to != Some(rate) {
            gauge.paced_to = Some(rate);
            self.net.throttle().set_rate((!gauge.lines.is_empty()).then_some(rate));
            self.swarm.set_upload_rate(now, rate);
        }
        let share = gauge.uplink.share();
        if gauge.promised != Some(share) {
            gauge.promised = Some(share);
            self.swarm.set_upload_share(share);
        }
    }
}
