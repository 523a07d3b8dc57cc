//! An epoch is an hour of a stream, and this is how it closes. Pure.
//!
//! [`Measured`] is what happened in it, with bytes that have one hash: closing an hour again with the same
//! input is recognised by it, and so is another input. [`settle`] goes from there, and from what the stream has
//! at that moment ([`Purse`]), to who gets what for which part and what goes into or comes out of the stability
//! fund. Nothing else has a say, so whoever has the book and the inputs can work every payment out again.

mod measured;
mod newcomers;
mod settlement;

use std::time::Duration;

use streamr_model::UnixMs;

pub use crate::fund::Purse;
use crate::hour::Hour;
pub use measured::{InputHash, Measured, Promise, Standing, Supporter};
pub use newcomers::NEWCOMERS_PPM;
pub use settlement::{Settlement, settle};

/// How long after its end an hour closes. What is reported later counts for nothing: every report about an hour
/// comes within two windows of five minutes.
pub const GRACE: Duration = Duration::from_secs(600);

/// The newest hour that may be closed at `now`; `None` in the first hour of 1970.
pub fn newest_closable(now: UnixMs) -> Option<Hour> {
    let grace_ms = u64::try_from(GRACE.as_millis()).expect("ten minutes are few milliseconds");
    Hour::of(UnixMs(now.0.checked_sub(grace_ms)?)).0.checked_sub(1).map(Hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_closes_ten_minutes_after_its_end() {
        let ten_past = Hour(500).end().0 + 600_000;
        assert_eq!(newest_closable(UnixMs(ten_past)), Some(Hour(500)));
        assert_eq!(newest_closable(UnixMs(ten_past - 1)), Some(Hour(499)));
        assert_eq!(newest_closable(UnixMs(0)), None);
    }
}
