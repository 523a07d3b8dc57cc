//! The world's only source of chance: splitmix64, as a generator and as a hash.

use std::time::Duration;

/// Mixes all bits of `z` into all others; a bijection (splitmix64's finaliser).
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Undoes [`mix`].
pub(crate) fn unmix(mut z: u64) -> u64 {
    z = (z ^ (z >> 31) ^ (z >> 62)).wrapping_mul(0x3196_42b2_d24d_8ec3);
    z = (z ^ (z >> 27) ^ (z >> 54)).wrapping_mul(0x96de_1b17_3f11_9089);
    z ^ (z >> 30) ^ (z >> 60)
}

/// A number for two others and a purpose, the same in whatever order things happen.
pub(crate) fn hash(purpose: u64, a: u32, b: u32) -> u64 {
    mix(mix(purpose) ^ (u64::from(a) << 32 | u64::from(b)))
}

/// A seeded generator.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x51_7cc1_b727_220a))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Uniform below `below`, which is over 0.
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        // The high half of a product is as good as a remainder and needs no division.
        let wide = u128::from(self.next()) * u128::from(below);
        u64::try_from(wide >> 64).unwrap_or(u64::MAX)
    }

    /// True `per_mille` times in a thousand.
    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.roll(1_000) < u64::from(per_mille)
    }

    /// Exponentially distributed.
    pub(crate) fn exponential(&mut self, mean: Duration) -> Duration {
        // 53 bits fill a double exactly; the half keeps it off 0.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let unit = ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        mean.mul_f64(-unit.ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_can_be_undone() {
        let mut dice = Dice::new(1);
        for _ in 0..10_000 {
            let z = dice.next();
            assert_eq!(unmix(mix(z)), z);
            assert_eq!(mix(unmix(z)), z);
        }
    }

    #[test]
    fn sessions_are_as_long_as_they_should_be_on_average() {
        let mut dice = Dice::new(2);
        let total: Duration = (0..20_000).map(|_| dice.exponential(Duration::from_secs(60))).sum();
        let mean_s = total.as_secs_f64() / 20_000.0;
        assert!((58.0..62.0).contains(&mean_s), "{mean_s}");
    }

    #[test]
    fn a_roll_is_below_its_bound_and_reaches_every_side() {
        let mut dice = Dice::new(3);
        let mut seen = [0; 6];
        for _ in 0..6_000 {
            seen[usize::try_from(dice.roll(6)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| (850..1_150).contains(count)), "{seen:?}");
    }
}
