//! Declared downtime: what may be declared, and what it does to uptime. Pure.
//!
//! Nobody is paid for not being there. What a node does in the part of an hour that it did not declare is taken
//! for the whole hour, and at most half of an hour can be declared: so a node that is there in the rest loses
//! nothing, one that is not there at all gains nothing, and nobody's time counts for more than twice what it was.

use streamr_coordinator_api::{DeclareDowntime, Downtime};
use streamr_model::UnixMs;

use crate::hour::Hour;

/// The most of an hour that can be declared.
const MOST_MS: u64 = Hour::MS / 2;

/// Why downtime is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It begins too soon.
    #[error("Downtime is declared at least {} minutes before it begins.", DeclareDowntime::LEAD_MS / 60_000)]
    TooSoon,
    /// It begins too far in the future.
    #[error("Downtime is declared at most {} days before it begins.", DeclareDowntime::AHEAD_MS / 86_400_000)]
    TooFar,
    /// It is too short or too long.
    #[error("Downtime lasts {} minutes to {} hours.", DeclareDowntime::SHORTEST_MS / 60_000, DeclareDowntime::LONGEST_MS / 3_600_000)]
    Length,
    /// It overlaps other downtime of the node.
    #[error("This overlaps downtime that is declared already.")]
    Overlaps,
    /// There would be too much within a week.
    #[error("Within seven days at most {} hours can be declared.", DeclareDowntime::IN_A_WEEK_MS / 3_600_000)]
    TooMuch,
}

/// Whether `asked` can be declared at `now` by a node that has declared `others`.
pub fn judge(asked: &DeclareDowntime, others: &[Downtime], now: UnixMs) -> Result<(), Unfit> {
    let lead_ms = asked.begins_at.0.checked_sub(now.0);
    match lead_ms {
        Some(lead_ms) if lead_ms > DeclareDowntime::AHEAD_MS => return Err(Unfit::TooFar),
        Some(lead_ms) if lead_ms >= DeclareDowntime::LEAD_MS => {}
        _ => return Err(Unfit::TooSoon),
    }
    let length_ms = asked.ends_at.0.saturating_sub(asked.begins_at.0);
    if !(DeclareDowntime::SHORTEST_MS..=DeclareDowntime::LONGEST_MS).contains(&length_ms) {
        return Err(Unfit::Length);
    }
    if others.iter().any(|other| other.begins_at < asked.ends_at && asked.begins_at < other.ends_at) {
        return Err(Unfit::Overlaps);
    }
    let near = others.iter().filter(|o| o.begins_at.0.abs_diff(asked.begins_at.0) < DeclareDowntime::WEEK_MS);
    let near_ms = near.fold(0, |sum: u64, other| sum.saturating_add(other.ends_at.0 - other.begins_at.0));
    if near_ms.saturating_add(length_ms) > DeclareDowntime::IN_A_WEEK_MS {
        return Err(Unfit::TooMuch);
    }
    Ok(())
}

/// How much of `hour` lies between the two moments, in milliseconds.
pub fn within(hour: Hour, begins_at: UnixMs, ends_at: UnixMs) -> u64 {
    ends_at.min(hour.end()).0.saturating_sub(begins_at.max(hour.start()).0)
}

/// The uptime of a node that supported for `uptime_ms` of an hour of which it had declared `declared_ms`, and in
/// which the stream was live for `live_ms`.
pub fn counted(uptime_ms: u64, declared_ms: u64, live_ms: u64) -> u64 {
    let rest_ms = Hour::MS - declared_ms.min(MOST_MS);
    let whole = u128::from(uptime_ms) * u128::from(Hour::MS) / u128::from(rest_ms);
    u64::try_from(whole).unwrap_or(u64::MAX).min(live_ms.max(uptime_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixMs = UnixMs(1_000 * Hour::MS);
    const MINUTE_MS: u64 = 60_000;

    /// Declared to begin and end so many minutes from now.
    fn asked(begins: u64, ends: u64) -> DeclareDowntime {
        let at = |minutes| UnixMs(NOW.0 + minutes * MINUTE_MS);
        DeclareDowntime { begins_at: at(begins), ends_at: at(ends) }
    }

    fn declared(begins: u64, ends: u64) -> Downtime {
        let DeclareDowntime { begins_at, ends_at } = asked(begins, ends);
        Downtime { begins_at, ends_at, declared_at: NOW }
    }

    #[test]
    fn downtime_is_declared_in_time_and_is_neither_short_nor_long() {
        let day = 24 * 60;
        for (begins, ends, expected) in [
            (60, 70, Ok(())),
            (60, 300, Ok(())),
            (30 * day, 30 * day + 10, Ok(())),
            (59, 70, Err(Unfit::TooSoon)),
            (30 * day + 1, 30 * day + 11, Err(Unfit::TooFar)),
            (60, 69, Err(Unfit::Length)),
            (60, 301, Err(Unfit::Length)),
            (60, 50, Err(Unfit::Length)),
        ] {
            assert_eq!(judge(&asked(begins, ends), &[], NOW), expected, "{begins} to {ends}");
        }
        let past = DeclareDowntime { begins_at: UnixMs(0), ends_at: UnixMs(u64::MAX) };
        assert_eq!(judge(&past, &[], NOW), Err(Unfit::TooSoon));
    }

    #[test]
    fn downtime_does_not_overlap_and_is_bounded_within_a_week() {
        let others = [declared(600, 780)];
        assert_eq!(judge(&asked(700, 790), &others, NOW), Err(Unfit::Overlaps));
        assert_eq!(judge(&asked(780, 960), &others, NOW), Ok(()));
        assert_eq!(judge(&asked(780, 961), &others, NOW), Err(Unfit::TooMuch));
        let a_week = 7 * 24 * 60;
        assert_eq!(judge(&asked(600 + a_week, 600 + a_week + 240), &others, NOW), Ok(()));
        // What was declared for later counts as well.
        let later = [declared(2_000, 2_240)];
        assert_eq!(judge(&asked(60, 181), &later, NOW), Err(Unfit::TooMuch));
    }

    #[test]
    fn an_hour_holds_the_part_of_downtime_that_lies_in_it() {
        let hour = Hour(1_000);
        let Downtime { begins_at, ends_at, .. } = declared(45, 80);
        assert_eq!(within(hour, begins_at, ends_at), 15 * MINUTE_MS);
        assert_eq!(within(Hour(1_001), begins_at, ends_at), 20 * MINUTE_MS);
        assert_eq!(within(Hour(1_002), begins_at, ends_at), 0);
        assert_eq!(within(Hour(999), begins_at, ends_at), 0);
    }

    #[test]
    fn who_is_there_in_the_rest_of_the_hour_loses_nothing() {
        let minutes = |n: u64| n * MINUTE_MS;
        assert_eq!(counted(minutes(45), minutes(15), minutes(60)), minutes(60));
        assert_eq!(counted(minutes(30), minutes(15), minutes(60)), minutes(40));
        assert_eq!(counted(0, minutes(30), minutes(60)), 0, "who is not there at all gains nothing");
        assert_eq!(counted(minutes(10), minutes(60), minutes(60)), minutes(20), "at most twice as much");
        assert_eq!(counted(minutes(20), minutes(30), minutes(30)), minutes(30), "no more than was live");
    }

    proptest! {
        #[test]
        fn declaring_never_lowers_and_never_more_than_doubles(
            live_ms in 0..=Hour::MS, part in 0..=100_u64, declared_ms in 0..=2 * Hour::MS,
        ) {
            let uptime_ms = live_ms * part / 100;
            let counted = counted(uptime_ms, declared_ms, live_ms);
            prop_assert!(uptime_ms <= counted && counted <= live_ms && counted <= 2 * uptime_ms);
        }
    }
}
