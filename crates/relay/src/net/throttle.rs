//! Spreads what is written over time. A block written at once waits in the home router, and so does the
//! packet of a game behind it: 32 KiB are 26 ms at 10 Mb/s. So blocks are written in slices of a few
//! milliseconds each, whatever link they are for, and whatever stream where several share the uplink: who may
//! send how much is decided before blocks come here.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use streamr_model::BitsPerSecond;
use tokio::time::Instant;

/// How much is written at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slices {
    /// As little as a game's packet does not notice. Each costs a wake-up, an encryption and a packet.
    Short,
    /// As little as a home router can hold back: nobody else is to be spared.
    Long,
}

impl Slices {
    /// What a slice takes at the rate, and its least length: packets less what TCP, Noise and yamux put before them.
    fn at(self, rate: BitsPerSecond) -> usize {
        let (span, least) = match self {
            Self::Short => (Duration::from_millis(2), 1_400),
            Self::Long => (Duration::from_millis(16), 4 * 1_400),
        };
        usize::try_from(rate.bytes_in(span)).unwrap_or(usize::MAX).max(least)
    }
}

/// The rate of all links together. The links of several streams are on as many threads.
#[derive(Debug)]
pub(crate) struct Throttle {
    bucket: Mutex<Option<Bucket>>,
    /// Links take turns, slice by slice, in the order of their asking.
    turn: tokio::sync::Mutex<()>,
}

impl Throttle {
    /// The longest sleep, so that a new rate is soon seen.
    const NAP: Duration = Duration::from_millis(50);

    /// Without a limit until it is given one.
    pub(crate) fn new() -> Self {
        Self { bucket: Mutex::new(None), turn: tokio::sync::Mutex::new(()) }
    }

    /// From now on, at this rate; `None`: as fast as the links take it.
    pub(crate) fn set_rate(&self, pace: Option<(BitsPerSecond, Slices)>) {
        let now = Instant::now();
        let mut bucket = self.bucket();
        *bucket = match (pace, bucket.take()) {
            (None, _) => None,
            (Some((rate, slices)), None) => Some(Bucket { rate, slices, debt_bytes: 0, paid_at: now }),
            (Some((rate, slices)), Some(bucket)) => Some(Bucket { slices, ..bucket.at_rate(rate, now) }),
        };
    }

    /// Waits until some of `len` bytes may be written, and gives how many.
    pub(super) async fn take(&self, len: usize) -> usize {
        if self.bucket().is_none() {
            return len;
        }
        let _turn = self.turn.lock().await;
        loop {
            let now = Instant::now();
            let taken = match &mut *self.bucket() {
                None => return len,
                Some(bucket) => bucket.take(len, now),
            };
            match taken {
                Ok(slice) => return slice,
                Err(wait) => tokio::time::sleep(wait.min(Self::NAP)).await,
            }
        }
    }

    fn bucket(&self) -> MutexGuard<'_, Option<Bucket>> {
        // Nothing that holds it can panic.
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Slices are taken on credit and paid for by waiting. Pure.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    rate: BitsPerSecond,
    slices: Slices,
    /// Below zero: what may be made up for.
    debt_bytes: i64,
    paid_at: Instant,
}

impl Bucket {
    /// Timers come late; so much is made up for.
    const LATENESS: Duration = Duration::from_millis(4);

    fn at_rate(mut self, rate: BitsPerSecond, now: Instant) -> Self {
        self.pay(now);
        Self { rate, ..self }
    }

    /// How many of `len` bytes may be written now, or how long to wait.
    fn take(&mut self, len: usize, now: Instant) -> Result<usize, Duration> {
        self.pay(now);
        if self.debt_bytes > 0 {
            return Err(self.rate.time_for(self.debt_bytes.unsigned_abs()));
        }
        let slice = self.slices.at(self.rate).min(len);
        self.debt_bytes += i64::try_from(slice).unwrap_or(i64::MAX);
        Ok(slice)
    }

    fn pay(&mut self, now: Instant) {
        let paid = self.rate.bytes_in(now.saturating_duration_since(self.paid_at));
        if paid == 0 {
            return;
        }
        self.paid_at = now;
        let most = i64::try_from(self.rate.bytes_in(Self::LATENESS)).unwrap_or(i64::MAX);
        let paid = i64::try_from(paid).unwrap_or(i64::MAX);
        self.debt_bytes = self.debt_bytes.saturating_sub(paid).max(-most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_rate_nothing_is_cut() {
        assert_eq!(Throttle::new().take(1_000_000).await, 1_000_000);
    }

    fn bucket(rate: u64) -> (Bucket, Instant) {
        let now = Instant::now();
        (Bucket { rate: BitsPerSecond(rate), slices: Slices::Short, debt_bytes: 0, paid_at: now }, now)
    }

    #[test]
    fn a_block_takes_the_time_that_the_rate_says_in_slices_of_two_milliseconds() {
        let (mut bucket, begun) = bucket(8_000_000);
        let (mut now, mut left) = (begun, 32_000);
        while left > 0 {
            match bucket.take(left, now) {
                Ok(slice) => {
                    assert!(slice <= 2_000, "{slice} bytes at once");
                    left -= slice;
                }
                // A timer that is a millisecond late each time.
                Err(wait) => now += wait + Duration::from_millis(1),
            }
        }
        let took = now - begun;
        assert!((24..=32).contains(&took.as_millis()), "{took:?}");
    }

    #[test]
    fn a_long_silence_is_not_made_up_for() {
        let (mut bucket, begun) = bucket(8_000_000);
        let now = begun + Duration::from_secs(10);
        let mut at_once = 0;
        while let Ok(slice) = bucket.take(32_000, now) {
            at_once += slice;
        }
        assert!(at_once <= 6_000 + 2_000, "{at_once}");
    }

    #[test]
    fn what_was_taken_at_a_low_rate_is_paid_for_at_the_new_one() {
        let (mut bucket, begun) = bucket(1_000);
        assert_eq!(bucket.take(1_200, begun), Ok(1_200));
        let mut bucket = bucket.at_rate(BitsPerSecond(8_000_000), begun);
        assert_eq!(bucket.take(1_200, begun + Duration::from_millis(3)), Ok(1_200));
    }
}
