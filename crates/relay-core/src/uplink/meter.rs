//! From counts to rates, over the last half second.

use std::collections::VecDeque;
use std::time::Duration;

use streamr_model::BitsPerSecond;

use crate::time::Instant;

/// Bytes in slots of 50 ms: eleven at most.
#[derive(Debug, Default)]
pub(super) struct Meter {
    slots: VecDeque<(u128, u64)>,
}

impl Meter {
    const SLOT_MS: u128 = 50;
    const SLOTS: u128 = 10;

    /// So many bytes passed.
    pub(super) fn add(&mut self, now: Instant, bytes: u64) {
        let slot = Self::slot(now);
        match self.slots.back_mut() {
            Some((last, count)) if *last == slot => *count = count.saturating_add(bytes),
            _ => self.slots.push_back((slot, bytes)),
        }
        while self.slots.front().is_some_and(|(first, _)| first + Self::SLOTS < slot) {
            self.slots.pop_front();
        }
    }

    /// Over the ten slots before the present one, which is not full yet.
    pub(super) fn rate(&self, now: Instant) -> BitsPerSecond {
        let end = Self::slot(now);
        let counted = self.slots.iter().filter(|(slot, _)| *slot < end && slot + Self::SLOTS >= end);
        let bytes = counted.fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        BitsPerSecond(bytes.saturating_mul(8).saturating_mul(2))
    }

    fn slot(now: Instant) -> u128 {
        now.0.as_millis() / Self::SLOT_MS
    }
}

/// A rate from totals that are known only at the moments when answers come: from one answer to another, and
/// not over a fixed span, in which there may be one answer more or less.
#[derive(Debug, Default)]
pub(super) struct ArrivalMeter {
    total: u64,
    seen: VecDeque<(Instant, u64)>,
}

impl ArrivalMeter {
    const SPAN: Duration = Duration::from_millis(500);
    /// Without an answer for so long there is no rate.
    const STALE: Duration = Duration::from_secs(1);
    const MAX_SEEN: usize = 64;

    /// So many bytes more had arrived by now.
    pub(super) fn add(&mut self, now: Instant, bytes: u64) {
        self.total = self.total.saturating_add(bytes);
        self.seen.push_back((now, self.total));
        // One that is older than the span is kept to measure from.
        while self.seen.len() > Self::MAX_SEEN
            || self.seen.get(1).is_some_and(|(second, _)| now - *second >= Self::SPAN)
        {
            self.seen.pop_front();
        }
    }

    /// Between the newest answer and the one that came at least half a second before it.
    pub(super) fn rate(&self, now: Instant) -> Option<BitsPerSecond> {
        let (first, before) = self.seen.front()?;
        let (last, after) = self.seen.back()?;
        let span = *last - *first;
        if span < Self::SPAN || span > Self::STALE * 2 || now - *last > Self::STALE {
            return None;
        }
        let bits = u128::from(after - before) * 8 * 1_000_000 / span.as_micros();
        Some(BitsPerSecond(u64::try_from(bits).unwrap_or(u64::MAX)))
    }
}

/// The least of what was seen in the last ten minutes, in buckets of one.
#[derive(Debug, Default)]
pub(super) struct TenMinutesLeast {
    buckets: VecDeque<(u64, Duration)>,
}

impl TenMinutesLeast {
    const BUCKETS: u64 = 10;

    /// Takes a value in.
    pub(super) fn add(&mut self, now: Instant, value: Duration) {
        let minute = now.0.as_secs() / 60;
        match self.buckets.back_mut() {
            Some((last, least)) if *last == minute => *least = value.min(*least),
            _ => self.buckets.push_back((minute, value)),
        }
        while self.buckets.front().is_some_and(|(first, _)| first + Self::BUCKETS <= minute) {
            self.buckets.pop_front();
        }
    }

    /// The least; `None` before the first.
    pub(super) fn get(&self) -> Option<Duration> {
        self.buckets.iter().map(|(_, least)| *least).min()
    }

    /// As if nothing had been seen.
    pub(super) fn clear(&mut self) {
        self.buckets.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant(Duration::from_millis(ms))
    }

    #[test]
    fn a_steady_flow_has_the_rate_it_has() {
        let mut meter = Meter::default();
        for ms in 0..2_000 {
            meter.add(at(ms), 1_250);
        }
        assert_eq!(meter.rate(at(2_000)), BitsPerSecond(10_000_000));
        assert_eq!(meter.rate(at(2_250)), BitsPerSecond(5_000_000));
        assert_eq!(meter.rate(at(3_000)), BitsPerSecond(0));
    }

    #[test]
    fn a_rate_between_answers_does_not_depend_on_when_they_come() {
        let mut meter = ArrivalMeter::default();
        let mut before = 0;
        for ms in [0, 90, 230, 300, 410, 590, 640, 700] {
            meter.add(at(ms), (ms - before) * 125);
            before = ms;
        }
        assert_eq!(meter.rate(at(710)), Some(BitsPerSecond(1_000_000)));
        assert_eq!(meter.rate(at(5_000)), None);
    }

    #[test]
    fn the_least_is_forgotten_after_ten_minutes() {
        let mut least = TenMinutesLeast::default();
        assert_eq!(least.get(), None);
        least.add(at(0), Duration::from_millis(3));
        least.add(at(9 * 60_000), Duration::from_millis(20));
        assert_eq!(least.get(), Some(Duration::from_millis(3)));
        least.add(at(10 * 60_000), Duration::from_millis(25));
        assert_eq!(least.get(), Some(Duration::from_millis(20)));
    }
}
