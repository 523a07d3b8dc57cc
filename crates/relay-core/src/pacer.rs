//! Keeps what is sent under a rate: a token bucket that may go into debt by one block.

use std::time::Duration;

use streamr_model::BitsPerSecond;

use crate::time::Instant;

/// A token bucket. Sends may begin while there is credit, so that one block larger than the credit passes
/// and is paid for afterwards.
#[derive(Debug)]
pub struct Pacer {
    rate: BitsPerSecond,
    credit_bytes: i64,
    refilled_at: Instant,
}

impl Pacer {
    /// The longest silence that is made up for by a burst.
    const BURST: Duration = Duration::from_millis(50);
    const SMALLEST_BURST_BYTES: i64 = 16 * 1024;

    /// Full at `now`.
    pub fn new(rate: BitsPerSecond, now: Instant) -> Self {
        let mut pacer = Self { rate, credit_bytes: 0, refilled_at: now };
        pacer.credit_bytes = pacer.burst_bytes();
        pacer
    }

    /// What is sent.
    pub fn rate(&self) -> BitsPerSecond {
        self.rate
    }

    /// From now on, at this rate.
    pub fn set_rate(&mut self, rate: BitsPerSecond, now: Instant) {
        self.refill(now);
        self.rate = rate;
        self.credit_bytes = self.credit_bytes.min(self.burst_bytes());
    }

    /// When the next send may begin: `now` or earlier if at once.
    pub fn ready_at(&mut self, now: Instant) -> Instant {
        self.refill(now);
        if self.credit_bytes > 0 {
            return now;
        }
        let debt = self.credit_bytes.unsigned_abs() + 1;
        now + self.rate.time_for(debt) + Duration::from_micros(1)
    }

    /// Pays for a send.
    pub fn spend(&mut self, bytes: usize) {
        self.credit_bytes = self.credit_bytes.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    fn refill(&mut self, now: Instant) {
        let earned = self.rate.bytes_in(now - self.refilled_at);
        if earned == 0 {
            return;
        }
        self.refilled_at = now;
        let earned = i64::try_from(earned).unwrap_or(i64::MAX);
        self.credit_bytes = self.credit_bytes.saturating_add(earned).min(self.burst_bytes());
    }

    fn burst_bytes(&self) -> i64 {
        i64::try_from(self.rate.bytes_in(Self::BURST)).unwrap_or(i64::MAX).max(Self::SMALLEST_BURST_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_more_passes_than_the_rate_and_one_burst_allow(
            rate in 100_000_u64..1_000_000_000,
            sends in proptest::collection::vec((0_u64..200_000, 1_usize..33_000), 1..300),
        ) {
            let rate = BitsPerSecond(rate);
            let mut now = Instant::default();
            let mut pacer = Pacer::new(rate, now);
            let (mut sent, mut largest) = (0_u64, 0_u64);
            for (wait_us, bytes) in sends {
                now = now + Duration::from_micros(wait_us);
                let ready = pacer.ready_at(now);
                if ready > now {
                    now = ready;
                    prop_assert!(pacer.ready_at(now) <= now, "the promised time was not kept");
                }
                pacer.spend(bytes);
                sent += bytes as u64;
                largest = largest.max(bytes as u64);
                let burst = rate.bytes_in(Pacer::BURST).max(16 * 1024);
                prop_assert!(sent <= rate.bytes_in(now.0) + burst + largest);
            }
        }
    }

    #[test]
    fn a_rate_of_zero_sends_one_burst_and_then_nothing() {
        let mut pacer = Pacer::new(BitsPerSecond(0), Instant::default());
        pacer.spend(100_000);
        let later = Instant(Duration::from_secs(60));
        assert!(pacer.ready_at(later) > later);
    }
}
