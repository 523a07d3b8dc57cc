//! Delays, counted in slots of a millisecond: its size does not depend on how many are counted.

use std::time::Duration;

/// Counts of delays up to a longest one; what is longer counts as that.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Histogram {
    slots: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Histogram {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { slots: vec![0; slot_of(longest) + 1], count: 0, longest: Duration::ZERO }
    }

    pub(crate) fn count(&mut self, delay: Duration) {
        let last = self.slots.len() - 1;
        self.slots[slot_of(delay).min(last)] += 1;
        self.count += 1;
        self.longest = self.longest.max(delay);
    }

    /// The longest delay seen, exactly.
    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }

    /// How many were no longer than `limit`, a whole number of milliseconds.
    pub(crate) fn within(&self, limit: Duration) -> u64 {
        self.slots.iter().take(slot_of(limit)).sum()
    }

    /// The delay within which `per_mille` of a thousand of `all` fell, where those of `all` that were never
    /// counted never came; rounded up to a millisecond. `None` if so many did not come.
    pub(crate) fn quantile(&self, per_mille: u64, all: u64) -> Option<Duration> {
        let rank = (all * per_mille).div_ceil(1_000).max(1);
        let mut seen = 0;
        let slot = self.slots.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_millis(slot as u64 + 1))
    }
}

fn slot_of(delay: Duration) -> usize {
    usize::try_from(delay.as_millis()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_list_and_what_never_came_is_the_longest() {
        let mut histogram = Histogram::new(Duration::from_secs(10));
        for ms in 0..1_000 {
            histogram.count(Duration::from_micros(ms * 1_000 + 300));
        }
        assert_eq!(histogram.quantile(500, 1_000), Some(Duration::from_millis(500)));
        assert_eq!(histogram.quantile(999, 1_000), Some(Duration::from_millis(999)));
        assert_eq!(histogram.quantile(999, 1_100), None);
        assert_eq!(histogram.within(Duration::from_millis(400)), 400);
        assert_eq!(histogram.longest(), Duration::from_micros(999_300));
    }
}
