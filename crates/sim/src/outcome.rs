//! What came out of a run.

use std::time::Duration;

use serde::Serialize;
use streamr_relay_core::Counters;

use crate::histogram::Histogram;
use crate::links::micros;
use crate::node::{Conduct, Node};
use crate::queue::Micros;
use crate::scenario::Scenario;

/// A node is measured by what is published this long after it came.
const SETTLED: Duration = Duration::from_secs(1);

/// What came out, over the honest nodes. Delays count from a segment's publication, for nodes that were here
/// by then and stayed until it was due.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Segments that a node should have had whole and had not.
    pub missed: u64,
    /// The same of each segment; where there are several renditions, those of one moment follow each other.
    pub missed_each: Vec<u64>,
    /// Segments that should have become whole, summed over the nodes.
    pub expected: u64,
    /// Segments that swarms themselves gave up at their deadline; here those count too that a newcomer
    /// heard of.
    pub given_up: u64,
    /// Blocks later than the live delay, or never there, of all that should have come.
    pub late_fraction: f64,
    /// Bytes that left the origin and the seed per byte of distinct segments.
    pub copies: f64,
    /// What polluters took of these: whoever has banned them gives them nothing.
    pub copies_of_polluters: f64,
    /// Copies of the worst segment.
    pub copies_worst: f64,
    /// Blocks that came though their receiver had them, of all that came.
    pub duplicate_fraction: f64,
    /// Blocks kept of those that peers sent, of renditions that their receiver does not play.
    pub blocks_unplayed: u64,
    /// Bytes of everything but blocks, of all bytes sent between peers.
    pub control_fraction: f64,
    /// Delays of blocks in milliseconds.
    pub block_delay: Delays,
    /// From a segment's publication until the last node had it whole, of each segment, in milliseconds.
    pub last_peer_ms: Vec<f64>,
    /// A block's time on the mean uplink, in milliseconds.
    pub block_time_ms: f64,
    /// Bad blocks kept; must be 0.
    pub bad_kept: u64,
    /// Bad blocks whose sender was not banned at once; must be 0.
    pub bad_unpunished: u64,
    /// Pairs of an honest node and a polluter that it has banned at the end.
    pub bans: u64,
    /// Segments handed to players out of order; must be 0.
    pub out_of_order: u64,
    /// Wakings after which the swarm wanted to be woken at once again; must be 0.
    pub spins: u64,
    /// Events that happened.
    pub events: u64,
    /// Nodes that came at any time.
    pub nodes_ever: u64,
    /// What each honest node that was there at the end was given by each other; only with droppers.
    pub services: Vec<Service>,
}

/// What one node was given by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Service {
    /// The other passes over one request in five.
    pub is_dropper: bool,
    /// Blocks it was asked for or had promised, and did not take back.
    pub asked: u32,
    /// Of them, those that came before they were due.
    pub in_time: u32,
}

/// Quantiles in milliseconds; `None` where so many blocks never came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Delays {
    /// Half of all blocks.
    pub p50: Option<f64>,
    /// 99 of a hundred.
    pub p99: Option<f64>,
    /// 999 of a thousand.
    pub p999: Option<f64>,
    /// The longest of those that came.
    pub max: f64,
}

impl Outcome {
    /// The delay of 999 blocks of a thousand, in block times.
    pub fn p999_blocks(&self) -> Option<f64> {
        self.block_delay.p999.map(|ms| ms / self.block_time_ms)
    }
}

/// What is counted while a run goes on.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) control_bytes: u64,
    pub(crate) block_bytes: u64,
    pub(crate) bad_kept: u64,
    pub(crate) bad_unpunished: u64,
    pub(crate) out_of_order: u64,
    pub(crate) spins: u64,
    pub(crate) blocks_unplayed: u64,
    delays: Histogram,
    origin_bytes: Vec<u64>,
    polluters_bytes: u64,
    last_peer: Vec<Micros>,
    blocks_duplicate: u64,
    blocks_received: u64,
    given_up: u64,
}

impl Tally {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let segments = usize::from(scenario.all_segments());
        Self {
            events: 0,
            control_bytes: 0,
            block_bytes: 0,
            bad_kept: 0,
            bad_unpunished: 0,
            out_of_order: 0,
            spins: 0,
            blocks_unplayed: 0,
            delays: Histogram::new(scenario.live_delay * 2),
            origin_bytes: vec![0; segments],
            polluters_bytes: 0,
            last_peer: vec![0; segments],
            blocks_duplicate: 0,
            blocks_received: 0,
            given_up: 0,
        }
    }

    pub(crate) fn arrived(&mut self, delay: Duration) {
        self.delays.count(delay);
    }

    /// Bytes of a segment left the origin's side for somebody.
    pub(crate) fn left_origin(&mut self, sequence: u16, bytes: u64, taker: Conduct) {
        if taker == Conduct::Polluter {
            self.polluters_bytes += bytes;
        }
        self.origin_bytes[usize::from(sequence)] += bytes;
    }

    pub(crate) fn completed(&mut self, sequence: u16, after: Micros) {
        let last = &mut self.last_peer[usize::from(sequence)];
        *last = (*last).max(after);
    }

    /// Adds what a node that leaves has counted itself.
    pub(crate) fn left(&mut self, is_honest: bool, counters: &Counters) {
        if is_honest {
            self.blocks_duplicate += counters.blocks_duplicate;
            self.given_up += counters.segments_missed;
        }
    }

    pub(crate) fn outcome(mut self, scenario: &Scenario, nodes: &[Node], bans: u64) -> Outcome {
        let (mut expected, mut missed_each) = (0_u64, vec![0_u64; usize::from(scenario.all_segments())]);
        for node in nodes.iter().skip(1) {
            if let Some(swarm) = &node.swarm {
                self.left(node.is_honest(), &swarm.counters());
            }
            let counted = (0..scenario.all_segments()).filter(|number| is_counted(scenario, node, *number));
            for sequence in counted {
                expected += 1;
                missed_each[usize::from(sequence)] += 1 - (node.complete >> sequence & 1);
            }
        }
        let blocks = expected * u64::from(scenario.blocks);
        let quantile = |per_mille| self.delays.quantile(per_mille, blocks).map(ms);
        let segment = u64::from(scenario.segment_len());
        let from_origin: u64 = self.origin_bytes.iter().sum();
        let worst = self.origin_bytes.iter().max().copied().unwrap_or(0);
        Outcome {
            missed: missed_each.iter().sum(),
            missed_each,
            expected,
            given_up: self.given_up,
            late_fraction: ratio(blocks - self.delays.within(scenario.live_delay), blocks),
            copies: ratio(from_origin, segment * u64::from(scenario.all_segments())),
            copies_of_polluters: ratio(self.polluters_bytes, segment * u64::from(scenario.all_segments())),
            copies_worst: ratio(worst, segment),
            duplicate_fraction: ratio(self.blocks_duplicate, self.blocks_received + self.blocks_duplicate),
            blocks_unplayed: self.blocks_unplayed,
            control_fraction: ratio(self.control_bytes, self.control_bytes + self.block_bytes),
            block_delay: Delays {
                p50: quantile(500),
                p99: quantile(990),
                p999: quantile(999),
                max: ms(self.delays.longest()),
            },
            last_peer_ms: self.last_peer.iter().map(|us| f64::from(*us) / 1e3).collect(),
            block_time_ms: ms(scenario.block_time()),
            bad_kept: self.bad_kept,
            bad_unpunished: self.bad_unpunished,
            bans,
            out_of_order: self.out_of_order,
            spins: self.spins,
            events: self.events,
            nodes_ever: nodes.len() as u64 - 1,
            services: Vec::new(),
        }
    }

    pub(crate) fn kept(&mut self) {
        self.blocks_received += 1;
    }
}

/// Whether an honest node plays a segment's rendition, was here when it was published, and stays until it is due.
pub(crate) fn is_counted(scenario: &Scenario, node: &Node, number: u16) -> bool {
    let published = scenario.published_at(number);
    node.conduct == Conduct::Honest
        && node.plays == Some(number % scenario.renditions)
        && node.joins <= micros(published.saturating_sub(SETTLED))
        && node.leaves > micros(published + scenario.live_delay)
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    let ratio = part as f64 / whole.max(1) as f64;
    ratio
}
