//! The scenario of the bench `offload`: viewers with next to no uplink, supporters with plenty.

use std::time::Duration;

use streamr_testnet::VirtualPlayer;

use crate::bound::{LIVE_DELAY, SHAPE};
use crate::bounds::{float, least_origin_bps};
use crate::churn::Churn;
use crate::error::Result;
use crate::line::Line;
use crate::span::{Measured, Span};
use crate::swarm::{Seat, Swarm, SwarmOptions};

/// Nodes whose person watches; at the first places.
pub const VIEWERS: u32 = 20;
/// Nodes whose person does not.
pub const SUPPORTERS: u32 = 5;
/// The least uplink that the app offers.
const VIEWER_UP_BPS: u64 = 500_000;
/// A good line at home; five of them carry twice what twenty viewers take.
const SUPPORTER_UP_BPS: u64 = 20_000_000;
/// The origin could serve a good part of the viewers itself: what it does not send is spared, not impossible.
const ORIGIN_UP_BPS: u64 = 20_000_000;
/// Mean session of a viewer who comes and goes.
pub const MEAN_SESSION: Duration = Duration::from_secs(300);
const SETTLE: Duration = Duration::from_secs(6);

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offload {
    /// 1 − bytes that the origin's side sent ÷ media delivered in time to viewers.
    pub offload: f64,
    /// The most it can be: 1 − S_min ÷ (N·r).
    pub most: f64,
    /// Bytes that the origin's side sent ÷ bytes of distinct segments.
    pub copies: f64,
    /// Media delivered in time to viewers ÷ media due at them.
    pub on_time: f64,
    /// Times a viewer's picture stood still.
    pub stalls: u32,
    /// Viewers that left in the time.
    pub left: usize,
}

/// A running swarm of viewers and supporters.
#[derive(Debug)]
pub struct OffloadLab {
    swarm: Swarm,
    seed: u64,
}

impl OffloadLab {
    /// Starts it.
    pub fn start(seed: u64) -> Result<Self> {
        let seat = |up_bps| Seat::carrying(up_bps, SHAPE.rate_bps());
        let mut seats = vec![seat(VIEWER_UP_BPS); VIEWERS as usize];
        seats.extend(vec![seat(SUPPORTER_UP_BPS); SUPPORTERS as usize]);
        let origin = Line::carrying(ORIGIN_UP_BPS, 0);
        let options = SwarmOptions { shape: SHAPE, origin, seats, live_delay: LIVE_DELAY, seed };
        Ok(Self { swarm: Swarm::start(options)?, seed })
    }

    /// Everybody stays.
    pub fn measure_stable(&mut self, segments: usize) -> Result<Offload> {
        self.swarm.let_run(SETTLE)?;
        let span = Span::begin(&mut self.swarm, segments)?;
        let players = self.swarm.players(viewers());
        let mut measured = span.finish(&mut self.swarm)?;
        let stalls = stalls(players);
        for (place, snapshot) in self.swarm.snapshots()?.iter().enumerate().take(VIEWERS as usize) {
            if let Some(snapshot) = snapshot {
                measured.judge.hear(place, snapshot, measured.time_ms.clone())?;
            }
        }
        Ok(figures(&measured, segments, stalls, 0))
    }

    /// Viewers stay for sessions of five minutes in the mean; whoever leaves is replaced at once.
    pub fn measure_sessions(&mut self, segments: usize) -> Result<Offload> {
        let mut churn = Churn::new(viewers(), MEAN_SESSION, self.seed);
        let span = Span::begin(&mut self.swarm, segments)?;
        let left = churn.run(&mut self.swarm, |swarm| span.is_over(swarm))?;
        let mut measured = span.finish(&mut self.swarm)?;
        churn.testify(&self.swarm, viewers(), &mut measured.judge)?;
        Ok(figures(&measured, segments, 0, left))
    }
}

fn viewers() -> std::ops::Range<usize> {
    0..VIEWERS as usize
}

fn stalls(players: Vec<VirtualPlayer>) -> u32 {
    players.into_iter().map(|player| player.finish().stalls).sum()
}

fn figures(measured: &Measured, segments: usize, stalls: u32, left: usize) -> Offload {
    let deliveries = measured.judge.deliveries();
    let (rate, uplinks) = (SHAPE.rate_bps(), uplinks_bps());
    let most = 1.0 - least_origin_bps(rate, VIEWERS, uplinks) / (f64::from(VIEWERS) * float(rate));
    // Both in segments per segment published.
    let delivered = float(deliveries.on_time as u64) / float(segments as u64);
    Offload {
        offload: 1.0 - measured.copies / delivered,
        most,
        copies: measured.copies,
        on_time: deliveries.share_on_time(),
        stalls,
        left,
    }
}

fn uplinks_bps() -> u64 {
    u64::from(VIEWERS) * VIEWER_UP_BPS + u64::from(SUPPORTERS) * SUPPORTER_UP_BPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_supporters_could_carry_it_all_twice_and_the_bound_is_nineteen_in_twenty() {
        let rate = SHAPE.rate_bps();
        assert!(u64::from(SUPPORTERS) * SUPPORTER_UP_BPS > 2 * u64::from(VIEWERS) * rate);
        let most = 1.0 - least_origin_bps(rate, VIEWERS, uplinks_bps()) / (f64::from(VIEWERS) * float(rate));
        assert!((most - 0.95).abs() < 1e-9, "{most}");
    }
}
