//! Times as Python's `datetime.utcnow().isoformat()` writes them: UTC, without a zone that would say so.

use streamr_model::UnixMs;
use time::OffsetDateTime;

/// `2025-06-18T09:05:00`, with `.123000` behind it where the milliseconds are not zero. A time past the year
/// 9999 is written as the last moment of it.
pub fn naive_utc(at: UnixMs) -> String {
    const LATEST_S: i64 = 253_402_300_799;
    let seconds = i64::try_from(at.0 / 1000).unwrap_or(LATEST_S).min(LATEST_S);
    let at_utc = OffsetDateTime::from_unix_timestamp(seconds)
        .expect("the years 1970 to 9999 are in the crate's range");
    let ((year, month, day), (hour, minute, second)) = (at_utc.to_calendar_date(), at_utc.to_hms());
    let month = u8::from(month);
    let whole = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    match at.0 % 1000 {
        0 => whole,
        millis => format!("{whole}.{millis:03}000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_python_writes_it() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00"),
            (1_750_237_500_000, "2025-06-18T09:05:00"),
            (1_750_237_500_007, "2025-06-18T09:05:00.007000"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999000"),
            (u64::MAX / 1000 * 1000, "9999-12-31T23:59:59"),
        ] {
            assert_eq!(naive_utc(UnixMs(at)), text);
        }
    }
}
