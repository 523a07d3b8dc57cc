//! UTC hours: the intervals over which support is accounted. Pure.

use streamr_model::UnixMs;

const HOUR_MS: u64 = 3_600_000;
const HOURS_PER_DAY: u64 = 24;

/// An hour of UTC, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub u64);

impl Hour {
    /// Milliseconds in an hour.
    pub const MS: u64 = HOUR_MS;

    /// The hour that holds `at`.
    pub fn of(at: UnixMs) -> Self {
        Self(at.0 / HOUR_MS)
    }

    /// Its first moment.
    pub fn start(self) -> UnixMs {
        UnixMs(self.0.saturating_mul(HOUR_MS))
    }

    /// The moment after its last.
    pub fn end(self) -> UnixMs {
        UnixMs(self.0.saturating_add(1).saturating_mul(HOUR_MS))
    }

    /// The first hour of the UTC day that holds `at`.
    pub fn of_midnight(at: UnixMs) -> Self {
        Self(Self::of(at).0 / HOURS_PER_DAY * HOURS_PER_DAY)
    }
}

/// Spreads `amount_ms`, gained between `from` and `to`, over the hours in between in proportion to the time
/// each holds. Nothing is lost: the last hour gets the rest.
pub fn spread(amount_ms: u64, from: UnixMs, to: UnixMs) -> Vec<(Hour, u64)> {
    let span_ms = to.0.saturating_sub(from.0);
    if span_ms == 0 || amount_ms == 0 {
        return Vec::new();
    }
    let (first, last) = (Hour::of(from), Hour::of(UnixMs(to.0 - 1)));
    let mut left_ms = amount_ms;
    let mut pieces = Vec::new();
    for hour in (first.0..=last.0).map(Hour) {
        let begin = from.0.max(hour.0 * HOUR_MS);
        let end = to.0.min((hour.0 + 1) * HOUR_MS);
        let share = u128::from(amount_ms) * u128::from(end - begin) / u128::from(span_ms);
        let share_ms = if hour == last { left_ms } else { u64::try_from(share).unwrap_or(left_ms) };
        left_ms -= share_ms;
        if share_ms > 0 {
            pieces.push((hour, share_ms));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn time_over_the_full_hour_counts_for_both_hours() {
        let pieces = spread(60_000, UnixMs(HOUR_MS - 20_000), UnixMs(HOUR_MS + 40_000));
        assert_eq!(pieces, [(Hour(0), 20_000), (Hour(1), 40_000)]);
    }

    #[test]
    fn a_report_on_the_full_hour_counts_for_the_hour_that_ends() {
        assert_eq!(spread(30_000, UnixMs(HOUR_MS - 30_000), UnixMs(HOUR_MS)), [(Hour(0), 30_000)]);
    }

    #[test]
    fn a_clock_that_went_back_gains_nothing() {
        assert_eq!(spread(5, UnixMs(10), UnixMs(10)), []);
        assert_eq!(spread(5, UnixMs(10), UnixMs(3)), []);
    }

    #[test]
    fn a_day_begins_at_midnight() {
        assert_eq!(Hour::of_midnight(UnixMs(25 * HOUR_MS + 1)), Hour(24));
        assert_eq!(Hour::of_midnight(UnixMs(24 * HOUR_MS)), Hour(24));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_made(amount in 0_u64..1_000_000, from in 0_u64..HOUR_MS * 3, span in 1_u64..HOUR_MS * 5) {
            let pieces = spread(amount, UnixMs(from), UnixMs(from + span));
            prop_assert_eq!(pieces.iter().map(|(_, ms)| ms).sum::<u64>(), amount);
            prop_assert!(pieces.is_sorted_by_key(|(hour, _)| *hour));
        }
    }
}
