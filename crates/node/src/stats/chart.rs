//! Rates over five seconds, and the chart of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use streamr_model::UnixMs;

use crate::view::ChartPoint;

const WINDOW: Duration = Duration::from_secs(5);
const POINTS: usize = 120;
/// Samples come four times a second; more often, the oldest of the window go.
const SAMPLES: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    up: u64,
    down: u64,
}

/// Samples of the last five seconds, and a point for each five seconds of the last ten minutes.
#[derive(Debug)]
pub(super) struct Chart {
    samples: VecDeque<Sample>,
    points: VecDeque<ChartPoint>,
    next_point: Instant,
}

impl Chart {
    pub(super) fn begin(now: Instant) -> Self {
        let samples = VecDeque::from([Sample { at: now, up: 0, down: 0 }]);
        Self { samples, points: VecDeque::new(), next_point: now + WINDOW }
    }

    /// Upload and download in bits per second; 0 until two samples are known.
    pub(super) fn rates(&self) -> (u64, u64) {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else { return (0, 0) };
        let span = last.at - first.at;
        (rate(last.up.saturating_sub(first.up), span), rate(last.down.saturating_sub(first.down), span))
    }

    pub(super) fn points(&self) -> Vec<ChartPoint> {
        self.points.iter().copied().collect()
    }

    pub(super) fn sample(&mut self, up: u64, down: u64, now: Instant, wall: UnixMs) {
        self.samples.push_back(Sample { at: now, up, down });
        let second_is_old = |samples: &VecDeque<Sample>| samples.get(1).is_some_and(|s| now - s.at >= WINDOW);
        // One sample at or before the window's beginning stays, so that the rate spans all of it.
        while second_is_old(&self.samples) || self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
        if now >= self.next_point {
            let (up_bps, down_bps) = self.rates();
            self.points.push_back(ChartPoint { at_ms: wall.0, up_bps, down_bps });
            if self.points.len() > POINTS {
                self.points.pop_front();
            }
            self.next_point = now + WINDOW;
        }
    }
}

/// Bits per second of `bytes` over `span`.
fn rate(bytes: u64, span: Duration) -> u64 {
    let bits_ms = u128::from(bytes) * 8000;
    bits_ms.checked_div(span.as_millis()).map_or(0, |bps| u64::try_from(bps).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_chart_is_bounded_and_in_order(steps in proptest::collection::vec((0_u64..20_000, any::<u32>()), 0..900)) {
            let mut now = Instant::now();
            let mut chart = Chart::begin(now);
            let (mut wall, mut bytes) = (0, 0);
            for (ms, more) in steps {
                now += Duration::from_millis(ms);
                wall += ms;
                bytes += u64::from(more);
                chart.sample(bytes, bytes, now, UnixMs(wall));
                prop_assert!(chart.samples.len() <= SAMPLES + 1 && chart.points.len() <= POINTS);
            }
            let points = chart.points();
            prop_assert!(points.windows(2).all(|pair| pair[0].at_ms + 5000 <= pair[1].at_ms));
        }
    }

    #[test]
    fn a_counter_that_begins_anew_gives_no_wild_rate() {
        let start = Instant::now();
        let mut chart = Chart::begin(start);
        chart.sample(1_000_000, 1_000_000, start + Duration::from_secs(1), UnixMs(1));
        chart.sample(5, 5, start + Duration::from_secs(2), UnixMs(2));
        assert!(chart.rates().0 < 100);
    }
}
