//! From counts to rates, over the last half second.

use std::collections::VecDeque;
use std::time::Duration;

use streamr_model::BitsPerSecond;

use crate::time::Instant;

/// What was sent without a pause: over the last ticks, at most half a second of them, in each of which most
/// of what was allowed was sent. A rate over anything else says what was wanted, and not what is possible.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    /// Bytes since the last tick.
    bytes: u64,
    begun: Option<Instant>,
    was_used: bool,
    /// Since when each tick was nearly unused.
    quiet_since: Option<Instant>,
    ticks: VecDeque<(Duration, u64)>,
}

/// A rate, and for how long it was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) rate: BitsPerSecond,
    pub(super) span: Duration,
}

impl Stretch {
    const TICKS: usize = 5;
    /// Of what was allowed in a tick.
    const USED_PERCENT: u64 = 70;
    /// Even a block sent now and then makes a packet behind it wait.
    const QUIET_PART: u64 = 32;
    const QUEUE_GONE: Duration = Duration::from_millis(400);
    /// After a longer tick, nobody knows what happened in it.
    const LONGEST_TICK: Duration = Duration::from_millis(500);

    /// So many bytes were sent.
    pub(super) fn add(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// A tick ends, in which `allowed` might have been sent.
    pub(super) fn tick(&mut self, now: Instant, allowed: BitsPerSecond) {
        let bytes = std::mem::take(&mut self.bytes);
        let Some(span) = self.begun.replace(now).map(|begun| now - begun).filter(|span| !span.is_zero())
        else {
            return;
        };
        let allowed = allowed.bytes_in(span);
        let is_quiet = bytes < allowed / Self::QUIET_PART;
        self.quiet_since = if is_quiet { self.quiet_since.or(Some(now)) } else { None };
        let least = allowed / 100 * Self::USED_PERCENT;
        let is_used = bytes >= least.max(1) && span <= Self::LONGEST_TICK;
        if !is_used {
            self.ticks.clear();
        } else if self.was_used {
            self.ticks.push_back((span, bytes));
        }
        self.was_used = is_used;
        if self.ticks.len() > Self::TICKS {
            self.ticks.pop_front();
        }
    }

    /// Whether so little is sent, and for so long, that no queue is ours.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        self.quiet_since.is_some_and(|since| now - since >= Self::QUEUE_GONE)
    }

    /// What was sent so; `None` after less than two whole ticks. The one in which the sending began is not
    /// whole.
    pub(super) fn flow(&self) -> Option<Flow> {
        if self.ticks.len() < 2 {
            return None;
        }
        let span: Duration = self.ticks.iter().map(|(span, _)| *span).sum();
        let bytes = self.ticks.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        Some(Flow { rate: rate_of(bytes, span), span })
    }
}

fn rate_of(bytes: u64, span: Duration) -> BitsPerSecond {
    let bits = u128::from(bytes) * 8 * 1_000_000 / span.as_micros().max(1);
    BitsPerSecond(u64::try_from(bits).unwrap_or(u64::MAX))
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
        Some(rate_of(after - before, span))
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

    const MEGABIT: BitsPerSecond = BitsPerSecond(1_000_000);

    fn ticked(bytes_each: &[u64]) -> Stretch {
        let mut stretch = Stretch::default();
        stretch.tick(at(0), MEGABIT);
        for (bytes, ms) in bytes_each.iter().zip((1..).map(|tick| tick * 100)) {
            stretch.add(*bytes);
            stretch.tick(at(ms), MEGABIT);
        }
        stretch
    }

    #[test]
    fn a_steady_flow_has_the_rate_it_has() {
        let flow = ticked(&[12_500; 10]).flow().unwrap();
        assert_eq!(flow, Flow { rate: MEGABIT, span: Duration::from_millis(500) });
    }

    #[test]
    fn what_was_sent_before_a_pause_does_not_count() {
        let flow = ticked(&[12_500, 12_500, 3_000, 9_000, 12_500, 10_000]).flow().unwrap();
        assert_eq!(flow, Flow { rate: BitsPerSecond(900_000), span: Duration::from_millis(200) });
        assert_eq!(ticked(&[12_500, 12_500, 12_500, 3_000]).flow(), None);
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
