//! When nodes are polled: at the times of a Poisson process, so that having just been polled says nothing about
//! when the next poll comes. Pure; chance is an argument.

use std::time::Duration;

use streamr_model::UnixMs;

/// No wait is longer than so many times the mean. One in some 160,000 would be.
const LONGEST: u32 = 12;

/// 64 random bits.
#[derive(Debug, Clone, Copy)]
pub struct Roll(pub u64);

/// The time of the next poll after `now`: an exponentially distributed wait of `mean` in the mean.
pub fn next_poll(now: UnixMs, mean: Duration, Roll(bits): Roll) -> UnixMs {
    // 53 bits make every float in (0, 1] equally likely, and never 0.
    #[allow(clippy::cast_precision_loss, reason = "53 bits are exact")]
    let uniform = ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    let wait = mean.mul_f64((-uniform.ln()).clamp(0.0, LONGEST.into()));
    UnixMs(now.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEAN: Duration = Duration::from_secs(300);

    #[test]
    fn waits_are_exponential() {
        // Evenly spaced rolls give the distribution's quantiles.
        const COUNT: u64 = 10_000;
        let roll = |n| Roll(u64::MAX / COUNT * n + u64::MAX / COUNT / 2);
        let waits: Vec<u64> = (0..COUNT).map(|n| next_poll(UnixMs(0), MEAN, roll(n)).0).collect();
        let mean_ms = waits.iter().sum::<u64>() / COUNT;
        assert!((297_000..303_000).contains(&mean_ms), "{mean_ms}");
        let longer = |ms: u64| waits.iter().filter(|wait| **wait > ms).count();
        // e⁻¹ and e⁻² of all.
        assert!((3_670..3_690).contains(&longer(300_000)), "{}", longer(300_000));
        assert!((1_345..1_362).contains(&longer(600_000)), "{}", longer(600_000));
    }

    proptest! {
        #[test]
        fn no_roll_waits_longer_than_an_hour(bits in any::<u64>(), now in any::<u64>()) {
            let next = next_poll(UnixMs(now), MEAN, Roll(bits));
            prop_assert!(next >= UnixMs(now) && next.0 - now <= 3_600_000);
        }
    }
}
