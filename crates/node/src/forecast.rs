//! What hours like the last ones would bring: the quartiles of what closed hours paid. Pure.

use std::collections::BTreeMap;

use streamr_coordinator_api::{EpochEarnings, EpochState};
use streamr_model::UnixMs;

use crate::view::{AmountRange, Forecast};

/// Fewer hours say nothing about the next.
const NEEDED: u32 = 8;
/// The last hours that count: a week of them.
const MOST_HOURS: usize = 168;
const HOUR_MS: u64 = 3_600_000;
const WEEK_MS: u64 = 7 * 24 * HOUR_MS;

/// What is to be expected in `currency` at `now`, by the coordinator's clock.
pub(crate) fn forecast(epochs: &[EpochEarnings], currency: &str, now: UnixMs) -> Forecast {
    // Several streams of one hour are one hour.
    let mut paid: BTreeMap<u64, i64> = BTreeMap::new();
    for epoch in
        epochs.iter().filter(|epoch| epoch.currency == currency && epoch.state == EpochState::Settled)
    {
        let hour = paid.entry(epoch.hour).or_default();
        *hour = hour.saturating_add(epoch.amount.0);
    }
    let lately = paid.keys().filter(|hour| hour.saturating_mul(HOUR_MS) >= now.0.saturating_sub(WEEK_MS));
    let week_hours = u32::try_from(lately.count()).unwrap_or(u32::MAX);
    let mut amounts: Vec<i64> = paid.values().rev().take(MOST_HOURS).copied().collect();
    amounts.sort_unstable();
    let hours = u32::try_from(amounts.len()).unwrap_or(u32::MAX);
    let hour = (hours >= NEEDED).then(|| middle_half(&amounts));
    let times = |amount: i64| amount.saturating_mul(week_hours.into());
    let week = hour.map(|hour| AmountRange { low: times(hour.low), high: times(hour.high) });
    Forecast { hours, hours_needed: NEEDED, hour, week_hours, week }
}

/// The ⌈n/4⌉-th and the ⌈3n/4⌉-th smallest of sorted amounts, of which there are some.
fn middle_half(sorted: &[i64]) -> AmountRange {
    let ranked = |quarters: usize| sorted[(sorted.len() * quarters).div_ceil(4) - 1];
    AmountRange { low: ranked(1), high: ranked(3) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use streamr_coordinator_api::AmountParts;
    use streamr_model::MicroUnits;

    fn epoch(stream: &str, hour: u64, amount: i64) -> EpochEarnings {
        EpochEarnings {
            stream: stream.parse().unwrap(),
            hour,
            began_at: UnixMs(hour * HOUR_MS),
            currency: "EUR".into(),
            amount: MicroUnits(amount),
            parts: AmountParts {
                uptime: MicroUnits(amount),
                quality: MicroUnits(0),
                bandwidth: MicroUnits(0),
            },
            state: EpochState::Settled,
        }
    }

    const NOW: UnixMs = UnixMs(10_000 * HOUR_MS);

    #[test]
    fn few_hours_forecast_nothing() {
        let epochs: Vec<_> = (0..7).map(|n| epoch("alice", 9_990 + n, 100)).collect();
        let unknown = forecast(&epochs, "EUR", NOW);
        assert_eq!((unknown.hours, unknown.hour, unknown.week, unknown.week_hours), (7, None, None, 7));
        assert_eq!(forecast(&[], "EUR", NOW).hours, 0);
        // A second stream in the same hour is no eighth hour.
        let again = [epochs, vec![epoch("bob", 9_990, 5)]].concat();
        assert_eq!(forecast(&again, "EUR", NOW).hours, 7);
    }

    #[test]
    fn the_middle_half_is_told_for_an_hour_and_a_week() {
        let mut epochs: Vec<_> =
            (1..=8).map(|n| epoch("alice", 9_990 + n, i64::try_from(n).unwrap() * 10)).collect();
        // Undone, of another currency, and long ago.
        epochs.push(EpochEarnings { state: EpochState::Corrected, ..epoch("alice", 9_989, 1_000_000) });
        epochs.push(EpochEarnings { currency: "USD".into(), ..epoch("alice", 9_988, 1_000_000) });
        let told = forecast(&epochs, "EUR", NOW);
        assert_eq!(told.hour, Some(AmountRange { low: 20, high: 60 }));
        assert_eq!((told.week_hours, told.week), (8, Some(AmountRange { low: 160, high: 480 })));
        let later = forecast(&epochs, "EUR", UnixMs(NOW.0 + 2 * WEEK_MS));
        assert_eq!((later.week_hours, later.week), (0, Some(AmountRange { low: 0, high: 0 })));
    }

    #[test]
    fn only_the_last_hours_count() {
        let old = (0..500).map(|n| epoch("alice", n, 1_000_000));
        let epochs: Vec<_> = old.chain((0..168).map(|n| epoch("alice", 9_000 + n, 7))).collect();
        let told = forecast(&epochs, "EUR", NOW);
        assert_eq!((told.hours, told.hour), (168, Some(AmountRange { low: 7, high: 7 })));
    }

    proptest! {
        #[test]
        fn a_quarter_at_most_lies_below_and_a_quarter_above(
            amounts in proptest::collection::vec(0_i64..1 << 40, 8..168),
        ) {
            let epochs: Vec<_> = (9_000..).zip(&amounts).map(|(hour, amount)| epoch("alice", hour, *amount)).collect();
            let range = forecast(&epochs, "EUR", NOW).hour.unwrap();
            prop_assert!(range.low <= range.high);
            prop_assert!(amounts.iter().filter(|amount| **amount < range.low).count() * 4 <= amounts.len());
            prop_assert!(amounts.iter().filter(|amount| **amount > range.high).count() * 4 <= amounts.len());
        }
    }
}
