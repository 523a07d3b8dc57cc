//! Tiers: names for how much somebody has supported, ever. Pure. They change nothing of what is paid.
//!
//! docs/rewards.md publishes the thresholds; a test compares.

use streamr_coordinator_api::{NextTier, Tier};

/// What a tier takes: both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// The tier.
    pub tier: Tier,
    /// Bytes that others signed for.
    pub bytes: u64,
    /// Hours there while the stream was live.
    pub live_hours: u64,
}

/// Every tier, the first first.
pub const TIERS: [Threshold; 3] = [
    Threshold { tier: Tier::NodeOperator, bytes: 1_000_000_000, live_hours: 1 },
    Threshold { tier: Tier::StreamGuardian, bytes: 100_000_000_000, live_hours: 50 },
    Threshold { tier: Tier::NetworkPioneer, bytes: 1_000_000_000_000, live_hours: 500 },
];

impl Threshold {
    fn live_ms(self) -> u64 {
        self.live_hours * 3_600_000
    }
}

/// The tier reached by who gave `bytes` and was there for `live_ms`.
pub fn reached(bytes: u64, live_ms: u64) -> Option<Tier> {
    let reached = TIERS.iter().take_while(|tier| bytes >= tier.bytes && live_ms >= tier.live_ms());
    reached.last().map(|tier| tier.tier)
}

/// The tier after it, and what that takes.
pub fn next(reached: Option<Tier>) -> Option<NextTier> {
    let next = TIERS.iter().find(|tier| Some(tier.tier) > reached)?;
    Some(NextTier { tier: next.tier, bytes: next.bytes, live_s: next.live_ms() / 1000 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_takes_both_bytes_and_time() {
        let hours = |n: u64| n * 3_600_000;
        for (bytes, live_ms, expected) in [
            (0, 0, None),
            (u64::MAX, hours(1) - 1, None),
            (999_999_999, u64::MAX, None),
            (1_000_000_000, hours(1), Some(Tier::NodeOperator)),
            (100_000_000_000, hours(49), Some(Tier::NodeOperator)),
            (100_000_000_000, hours(50), Some(Tier::StreamGuardian)),
            (u64::MAX, u64::MAX, Some(Tier::NetworkPioneer)),
        ] {
            assert_eq!(reached(bytes, live_ms), expected, "{bytes} B, {live_ms} ms");
        }
    }

    #[test]
    fn the_next_tier_is_the_one_above() {
        let tiers: Vec<_> = std::iter::successors(next(None), |tier| next(Some(tier.tier))).collect();
        assert_eq!(tiers.iter().map(|tier| tier.tier).collect::<Vec<_>>(), TIERS.map(|tier| tier.tier));
        assert_eq!((tiers[1].bytes, tiers[1].live_s), (100_000_000_000, 180_000));
    }
}
