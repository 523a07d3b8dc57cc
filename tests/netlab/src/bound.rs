//! The scenario of the bench `bound`: shaped nodes under a load close to all they can send.

use std::time::Duration;

use crate::bounds::{Uplinks, float, least_origin_bps, least_spread_s};
use crate::churn::Churn;
use crate::error::Result;
use crate::line::Line;
use crate::origin::StreamShape;
use crate::span::{Measured, Span};
use crate::swarm::{Seat, Swarm, SwarmOptions};

/// 2.1 Mb/s in segments of two seconds and 32 blocks.
pub const SHAPE: StreamShape = StreamShape { segment_packets: 2_788, segment: Duration::from_secs(2) };
/// What the signer cuts a segment under a mebibyte into; the last block is shorter.
const BLOCK_BYTES: u64 = 16 * 1024;
/// How long after publication a segment is due: the app's default.
pub const LIVE_DELAY: Duration = Duration::from_secs(6);
/// After a change of lines, what was queued before them passes.
const SETTLE: Duration = Duration::from_secs(5);
/// Mean session under churn.
pub const MEAN_SESSION: Duration = Duration::from_secs(60);

/// What was measured under one load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Segments judged.
    pub segments: usize,
    /// Media delivered in time to the nodes ÷ media offered; it cannot exceed 1.
    pub rate_ratio: f64,
    /// Media that nodes had from the origin's side ÷ bytes of distinct segments.
    pub copies: f64,
    /// The least that it can be: S_min ÷ r.
    pub least_copies: f64,
    /// Everything that the origin's side sent, heads of packets and what nobody took included, ÷ bytes of distinct
    /// segments.
    pub wire_copies: f64,
    /// Blocks of segments that were not whole by their deadline ÷ all blocks due.
    pub late_fraction: f64,
    /// Median over the segments of the time from publication to the last peer holding it; `None` if half of the
    /// segments never reached everybody.
    pub last_peer_ms: Option<u64>,
    /// The least that it can be.
    pub least_last_peer_ms: f64,
    /// Nodes that left in the time.
    pub left: usize,
}

impl Figures {
    /// The time to the last peer, relative to the least there is.
    pub fn last_peer_ratio(&self) -> Option<f64> {
        self.last_peer_ms.map(|ms| float(ms) / self.least_last_peer_ms)
    }
}

/// A running swarm whose load can be changed.
#[derive(Debug)]
pub struct BoundLab {
    swarm: Swarm,
    nodes: u32,
    load: f64,
    seed: u64,
}

impl BoundLab {
    /// Starts `nodes` nodes under `load`.
    pub fn start(nodes: u32, load: f64, seed: u64) -> Result<Self> {
        let (origin, seats) = seats(nodes, load);
        let options = SwarmOptions { shape: SHAPE, origin, seats, live_delay: LIVE_DELAY, seed };
        Ok(Self { swarm: Swarm::start(options)?, nodes, load, seed })
    }

    /// Changes the load and measures `segments` segments under it.
    pub fn measure(&mut self, load: f64, segments: usize) -> Result<Figures> {
        self.change_load(load)?;
        let span = Span::begin(&mut self.swarm, segments)?;
        let mut measured = span.finish(&mut self.swarm)?;
        measured.hear_all(&self.swarm)?;
        Ok(self.figures(&measured, 0))
    }

    /// Measures `segments` segments while nodes come and go.
    pub fn measure_churn(&mut self, load: f64, segments: usize) -> Result<Figures> {
        self.change_load(load)?;
        let places = 0..self.swarm.places.len();
        let mut churn = Churn::new(places.clone(), MEAN_SESSION, self.seed);
        // The first to go have gone when the measured time begins.
        let begun = std::time::Instant::now();
        churn.run(&mut self.swarm, |_| begun.elapsed() >= SETTLE * 2)?;
        let span = Span::begin(&mut self.swarm, segments)?;
        let left = churn.run(&mut self.swarm, |swarm| span.is_over(swarm))?;
        let mut measured = span.finish(&mut self.swarm)?;
        churn.testify(&self.swarm, places, &mut measured.judge)?;
        Ok(self.figures(&measured, left))
    }

    fn change_load(&mut self, load: f64) -> Result<()> {
        let (origin, seats) = seats(self.nodes, load);
        self.load = load;
        self.swarm.reseat(origin, &seats)?;
        self.swarm.let_run(SETTLE)
    }

    fn figures(&self, measured: &Measured, left: usize) -> Figures {
        let on_time = measured.judge.deliveries().share_on_time();
        let uplinks = Uplinks::for_load(self.nodes, self.load, SHAPE.rate_bps());
        let bytes = SHAPE.segment_bytes();
        let blocks = bytes.div_ceil(BLOCK_BYTES);
        let others_bps = uplinks.node_bps.iter().sum();
        Figures {
            segments: measured.judge.segments(),
            rate_ratio: on_time,
            copies: measured.media_copies,
            least_copies: least_origin_bps(SHAPE.rate_bps(), self.nodes, others_bps)
                / float(SHAPE.rate_bps()),
            wire_copies: measured.copies,
            late_fraction: 1.0 - on_time,
            last_peer_ms: measured.judge.median_last_peer_ms(),
            least_last_peer_ms: least_spread_s(bytes, blocks, self.nodes, uplinks.mean_bps()) * 1e3,
            left,
        }
    }

    /// The swarm.
    pub fn swarm(&mut self) -> &mut Swarm {
        &mut self.swarm
    }
}

fn seats(nodes: u32, load: f64) -> (Line, Vec<Seat>) {
    let uplinks = Uplinks::for_load(nodes, load, SHAPE.rate_bps());
    let seat = |up_bps: &u64| Seat::carrying(*up_bps, SHAPE.rate_bps());
    (Line::carrying(uplinks.origin_bps, 0), uplinks.node_bps.iter().map(seat).collect())
}
