//! When and from which amount on an operator means to pay out. Pure.

use std::fmt;
use std::str::FromStr;

use streamr_model::{MicroUnits, UnixMs};
use time::{Duration, OffsetDateTime, Time};

/// What an operator tells supporters about payouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayoutTerms {
    /// The least that is paid out at once: below it fees would eat it.
    pub threshold: MicroUnits,
    /// The day on which payouts are made; `None` where there is no such day.
    pub day: Option<PayoutDay>,
}

impl Default for PayoutTerms {
    /// From 10 units on, on no day in particular.
    fn default() -> Self {
        Self { threshold: MicroUnits(10_000_000), day: None }
    }
}

/// A day that every month has: 1 to 28.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayoutDay(u8);

/// A number that is not a [`PayoutDay`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a day that every month has, 1 to 28")]
pub struct InvalidPayoutDay;

impl PayoutDay {
    /// The beginning, in UTC, of the next such day after `now`; `None` beyond the calendar.
    pub fn next(self, now: UnixMs) -> Option<UnixMs> {
        let now = OffsetDateTime::from_unix_timestamp(i64::try_from(now.0 / 1000).ok()?).ok()?;
        let this_month = now.replace_day(self.0).ok()?.replace_time(Time::MIDNIGHT);
        let day = if this_month > now {
            this_month
        } else {
            // From day 28 at the latest, 31 days later is always in the next month.
            (now.replace_day(1).ok()? + Duration::days(31))
                .replace_day(self.0)
                .ok()?
                .replace_time(Time::MIDNIGHT)
        };
        u64::try_from(day.unix_timestamp()).ok().map(|seconds| UnixMs(seconds * 1000))
    }
}

impl FromStr for PayoutDay {
    type Err = InvalidPayoutDay;

    fn from_str(text: &str) -> Result<Self, InvalidPayoutDay> {
        let day = text.parse().map_err(|_| InvalidPayoutDay)?;
        if (1..=28).contains(&day) { Ok(Self(day)) } else { Err(InvalidPayoutDay) }
    }
}

impl fmt::Display for PayoutDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds of a date in UTC.
    fn at(year: i32, month: u8, day: u8, hour: u8) -> UnixMs {
        let date = time::Date::from_calendar_date(year, month.try_into().unwrap(), day).unwrap();
        let seconds = date.with_hms(hour, 0, 0).unwrap().assume_utc().unix_timestamp();
        UnixMs(u64::try_from(seconds).unwrap() * 1000)
    }

    #[test]
    fn the_next_payout_is_this_month_or_the_one_after() {
        let first: PayoutDay = "1".parse().unwrap();
        let last: PayoutDay = "28".parse().unwrap();
        assert_eq!(first.next(at(2026, 11, 25, 12)), Some(at(2026, 12, 1, 0)));
        assert_eq!(first.next(at(2026, 12, 31, 23)), Some(at(2027, 1, 1, 0)));
        assert_eq!(last.next(at(2027, 1, 31, 5)), Some(at(2027, 2, 28, 0)));
        assert_eq!(last.next(at(2027, 2, 28, 0)), Some(at(2027, 3, 28, 0)), "the day has begun");
        assert_eq!(first.next(UnixMs(u64::MAX)), None);
    }

    #[test]
    fn a_day_that_some_month_lacks_is_none() {
        for bad in ["0", "29", "-1", "first", ""] {
            assert_eq!(bad.parse::<PayoutDay>(), Err(InvalidPayoutDay), "{bad:?}");
        }
    }
}
