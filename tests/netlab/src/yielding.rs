//! The scenario of the bench `yield`: a home whose line a supporter node, a game and an upload share.
//!
//! The home's line is the only shaped one. The peers outside give nearly nothing, so that they want from the
//! home all that its line can carry; what it cannot, they take from the origin at the last call.

use std::time::{Duration, Instant};

use crate::bounds::float;
use crate::error::Result;
use crate::household::{BulkUpload, Ping};
use crate::line::Line;
use crate::origin::StreamShape;
use crate::swarm::{Seat, Swarm, SwarmOptions};

/// What the home's line carries up.
pub const UPLINK_BPS: u64 = 10_000_000;
/// What a home router holds back before it drops.
pub const BUFFER: Duration = Duration::from_millis(250);
/// The cap of a person who does not know the line: twice what it carries.
pub const CAP_BPS: u64 = 2 * UPLINK_BPS;
/// 3 Mb/s in segments of two seconds.
const SHAPE: StreamShape = StreamShape { segment_packets: 3_989, segment: Duration::from_secs(2) };
const LIVE_DELAY: Duration = Duration::from_secs(6);
/// One way, on the home's line.
const DELAY: Duration = Duration::from_millis(10);
/// The peers outside: five viewers' worth of demand for a line that carries three.
const OUTSIDE: usize = 5;
/// The least that the app allows.
const OUTSIDE_CAP_BPS: u64 = 500_000;
const HOME: usize = 0;
/// From the node's first peers to a swarm that is used to it: a rate that climbs takes longer.
const WARM_UP: Duration = Duration::from_secs(12);
const PLAIN_WARM_UP: Duration = Duration::from_secs(6);

/// Whether the home's node gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// It does: the app's default.
    GivesWay,
    /// It uses its cap, whatever happens.
    Plain,
}

/// What was seen of the home's line in a stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The game's packets there and back, sorted.
    pub round_trips: Vec<Duration>,
    /// What left the home, in bits per second of Ethernet frames.
    pub sent_bps: f64,
    /// What arrived of the upload, in bits per second of its own bytes.
    pub upload_bps: f64,
}

impl Seen {
    /// The nearest-rank percentile of the round trips in milliseconds; `None` if there was none.
    pub fn ping_ms(&self, percent: usize) -> Option<f64> {
        let rank = (self.round_trips.len() * percent).div_ceil(100);
        self.round_trips.get(rank.checked_sub(1)?).map(|trip| trip.as_secs_f64() * 1_000.0)
    }
}

/// The home without other uploads, and with one.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// The game alone.
    pub game: Seen,
    /// The game beside an upload, from the upload's first byte on.
    pub beside_upload: Seen,
    /// What the node said of its line at the end of `game`, in bits per second.
    pub measured_bps: Option<u64>,
}

/// A running household.
#[derive(Debug)]
pub struct HomeLab {
    ping: Ping,
    manners: Manners,
    swarm: Swarm,
}

impl HomeLab {
    /// Starts everything, the home's node with the manners given.
    pub fn start(manners: Manners, seed: u64) -> Result<Self> {
        let outside = Seat { line: Line::default(), upload_cap_bps: OUTSIDE_CAP_BPS, gives_way: false };
        let mut seats = vec![home(manners)];
        seats.extend([outside; OUTSIDE]);
        let origin = Line::default();
        let swarm = Swarm::start(SwarmOptions { shape: SHAPE, origin, seats, live_delay: LIVE_DELAY, seed })?;
        let ping = Ping::start(&swarm.places[HOME].host, &swarm.places[OUTSIDE].host)?;
        Ok(Self { ping, manners, swarm })
    }

    /// Measures for `span` without and for `span` with an upload.
    pub fn measure_with_us(&mut self, span: Duration) -> Result<Shared> {
        let warm_up = if self.manners == Manners::Plain { PLAIN_WARM_UP } else { WARM_UP };
        self.swarm.let_run(warm_up)?;
        self.measure(span)
    }

    /// The same while the home's node is away.
    pub fn measure_without_us(&mut self, span: Duration) -> Result<Shared> {
        self.swarm.places[HOME].node = None;
        self.swarm.let_run(BUFFER * 4)?;
        self.measure(span)
    }

    /// The home's node comes back with these manners.
    pub fn come_back(&mut self, manners: Manners) -> Result<()> {
        self.swarm.places[HOME].node = None;
        self.manners = manners;
        self.swarm.places[HOME].seat = home(manners);
        self.swarm.fill()?;
        self.swarm.wait_for_neighbours()
    }

    fn measure(&mut self, span: Duration) -> Result<Shared> {
        let game = self.watch(span, None)?;
        let home = &self.swarm.places[HOME];
        let node = home.node.as_ref().map(|node| node.snapshot()).transpose()?;
        let measured_bps = node.and_then(|node| node.live.uplink).and_then(|uplink| uplink.measured_bps);
        let upload = BulkUpload::start(&home.host, &self.swarm.places[OUTSIDE].host)?;
        let beside_upload = self.watch(span, Some(&upload))?;
        Ok(Shared { game, beside_upload, measured_bps })
    }

    fn watch(&mut self, span: Duration, upload: Option<&BulkUpload>) -> Result<Seen> {
        let arrived = || upload.map_or(0, BulkUpload::arrived_bytes);
        self.ping.take();
        let (begun, before, had) = (Instant::now(), self.swarm.places[HOME].host.traffic()?, arrived());
        self.swarm.let_run(span)?;
        let sent = self.swarm.places[HOME].host.traffic()?.since(before).sent_bytes;
        let seconds = begun.elapsed().as_secs_f64();
        let mut round_trips = self.ping.take();
        round_trips.sort_unstable();
        let rate = |bytes: u64| float(bytes) * 8.0 / seconds;
        Ok(Seen { round_trips, sent_bps: rate(sent), upload_bps: rate(arrived() - had) })
    }
}

fn home(manners: Manners) -> Seat {
    let line = Line { up_bps: Some(UPLINK_BPS), router: Some(BUFFER), delay: DELAY, ..Line::default() };
    Seat { line, upload_cap_bps: CAP_BPS, gives_way: manners == Manners::GivesWay }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_round_trip_that_was_seen() {
        let round_trips = (1..=40).map(Duration::from_millis).collect();
        let seen = Seen { round_trips, sent_bps: 0.0, upload_bps: 0.0 };
        assert_eq!(seen.ping_ms(95), Some(38.0));
        assert_eq!(Seen { round_trips: Vec::new(), ..seen }.ping_ms(95), None);
    }
}
