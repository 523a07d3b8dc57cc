//! Quantities whose unit must not be guessed.

use std::ops::Sub;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A rate in bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct BitsPerSecond(pub u64);

impl BitsPerSecond {
    /// Bytes that pass in `span` at this rate, rounded down.
    pub fn bytes_in(self, span: Duration) -> u64 {
        let bytes = u128::from(self.0).saturating_mul(span.as_nanos()) / 8_000_000_000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// How long `bytes` take at this rate; an hour where the rate is zero or the answer is longer.
    pub fn time_for(self, bytes: u64) -> Duration {
        const LONGEST: Duration = Duration::from_secs(3600);
        if self.0 == 0 {
            return LONGEST;
        }
        let nanos = u128::from(bytes) * 8_000_000_000 / u128::from(self.0);
        u64::try_from(nanos).map_or(LONGEST, Duration::from_nanos).min(LONGEST)
    }
}

/// Wall-clock time in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct UnixMs(pub u64);

impl Sub for UnixMs {
    type Output = Duration;

    /// Time from `earlier` to `self`; zero where the clock went back.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Money: millionths of a currency's main unit. Integer, because money is never rounded by accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct MicroUnits(pub i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_and_a_time_agree_about_bytes() {
        let rate = BitsPerSecond(8_000_000);
        assert_eq!(rate.bytes_in(Duration::from_millis(500)), 500_000);
        assert_eq!(rate.time_for(500_000), Duration::from_millis(500));
        assert_eq!(BitsPerSecond(0).time_for(1), Duration::from_secs(3600));
    }
}
