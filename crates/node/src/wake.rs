//! Notices that the machine slept: afterwards everything known is old and must be asked again. Pure.

use std::time::{Duration, Instant};

use streamr_model::UnixMs;

/// A jump longer than this is sleep, not a slow moment or an adjusted clock.
const JUMP: Duration = Duration::from_secs(30);

/// Compares the two clocks. Must be shown them more often than every [`JUMP`].
#[derive(Debug)]
pub(crate) struct SleepDetector {
    monotonic: Instant,
    wall: UnixMs,
}

impl SleepDetector {
    /// Begins to watch.
    pub(crate) fn new(monotonic: Instant, wall: UnixMs) -> Self {
        Self { monotonic, wall }
    }

    /// True if the machine slept since the last call. Where sleep stops the monotonic clock, wall time runs
    /// ahead of it; where it does not, the call itself is late. A wall clock set by hand looks the same and
    /// does no harm.
    pub(crate) fn slept(&mut self, monotonic: Instant, wall: UnixMs) -> bool {
        let passed = monotonic.saturating_duration_since(self.monotonic);
        let shown = wall - self.wall;
        *self = Self { monotonic, wall };
        passed > JUMP || shown.saturating_sub(passed) > JUMP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_is_seen_on_either_clock_and_slow_moments_are_not() {
        let start = Instant::now();
        let mut detector = SleepDetector::new(start, UnixMs(1000));
        assert!(!detector.slept(start + Duration::from_secs(5), UnixMs(6_000)));
        assert!(detector.slept(start + Duration::from_secs(6), UnixMs(100_000)), "the wall clock ran ahead");
        assert!(detector.slept(start + Duration::from_secs(50), UnixMs(144_000)), "the call was late");
        assert!(!detector.slept(start + Duration::from_secs(51), UnixMs(20)), "the wall clock was set back");
    }
}
