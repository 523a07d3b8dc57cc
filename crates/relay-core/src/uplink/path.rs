//! One peer's round trips: how much longer they are than the shortest, and what the peer got from us.

use std::collections::VecDeque;
use std::time::Duration;

use super::Echo;
use super::meter::TenMinutesLeast;
use crate::time::Instant;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Path {
    base: TenMinutesLeast,
    /// Round trips of the last half second.
    recent: VecDeque<(Instant, Duration)>,
    /// When the probe that is under way was sent.
    waiting: Option<Instant>,
    asked_at: Instant,
    sent_at: Option<Instant>,
    delivered: u64,
}

impl Path {
    /// Round trips older than this say nothing of the present.
    const FRESH: Duration = Duration::from_millis(500);
    /// A peer that leaves a probe unanswered for longer says nothing at all.
    const SILENT: Duration = Duration::from_secs(3);
    /// More is no round trip.
    const LONGEST: Duration = Duration::from_secs(10);
    const MAX_RECENT: usize = 32;

    /// The shortest round trip known.
    pub(super) fn base(&self) -> Option<Duration> {
        self.base.get()
    }

    /// When it was last probed; long ago, if never.
    pub(super) fn asked_at(&self) -> Instant {
        self.asked_at
    }

    pub(super) fn may_be_asked(&self) -> bool {
        self.waiting.is_none()
    }

    /// Whether it owes an answer for too long.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.waiting.is_some_and(|at| now - at > Self::SILENT)
    }

    /// Whether media went to it lately.
    pub(super) fn is_sent_to(&self, now: Instant) -> bool {
        self.sent_at.is_some_and(|at| now - at < super::Uplink::BUSY_AFTER_SEND)
    }

    pub(super) fn note_sent(&mut self, now: Instant) {
        self.sent_at = Some(now);
    }

    pub(super) fn note_asked(&mut self, now: Instant) {
        self.waiting = Some(now);
        self.asked_at = now;
    }

    /// Gives the bytes that arrived since the last answer, as far as they were sent.
    pub(super) fn note_echo(&mut self, now: Instant, echo: Echo) -> u64 {
        self.waiting = None;
        if !echo.rtt.is_zero() && echo.rtt < Self::LONGEST {
            self.base.add(now, echo.rtt);
            self.recent.push_back((now, echo.rtt));
        }
        while self.recent.len() > Self::MAX_RECENT
            || self.recent.front().is_some_and(|(at, _)| now - *at > Self::FRESH)
        {
            self.recent.pop_front();
        }
        let delivered = echo.received.min(echo.sent);
        let news = delivered.saturating_sub(self.delivered);
        self.delivered = self.delivered.max(delivered);
        news
    }

    /// The path is another one now: what was the shortest round trip means nothing.
    pub(super) fn forget_base(&mut self) {
        self.base.clear();
        self.recent.clear();
    }

    /// The least growth of the round trip in the last half second: what lasts, without what jitters. An
    /// answer that is overdue counts as far as it is.
    pub(super) fn settled(&self, now: Instant) -> Option<Duration> {
        let least = self.fresh(now).min();
        self.grown(now, least)
    }

    /// The growth of the newest round trip.
    pub(super) fn latest(&self, now: Instant) -> Option<Duration> {
        let last = self.fresh(now).last();
        self.grown(now, last)
    }

    /// When it last told us something: an answer, or now that it still owes one.
    pub(super) fn heard_at(&self, now: Instant) -> Option<Instant> {
        let answered = self.recent.back().map(|(at, _)| *at);
        if self.base().is_some_and(|base| self.waiting.is_some_and(|at| now - at > base)) {
            return Some(now);
        }
        answered
    }

    fn fresh(&self, now: Instant) -> impl Iterator<Item = Duration> {
        self.recent.iter().filter(move |(at, _)| now - *at <= Self::FRESH).map(|(_, rtt)| *rtt)
    }

    fn grown(&self, now: Instant, rtt: Option<Duration>) -> Option<Duration> {
        let base = self.base()?;
        let overdue = self
            .waiting
            .filter(|_| !self.is_silent(now))
            .and_then(|at| (now - at).checked_sub(base))
            .filter(|overdue| !overdue.is_zero());
        let grown = rtt.map(|rtt| rtt.saturating_sub(base));
        grown.max(overdue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant(Duration::from_millis(ms))
    }

    fn rtt(ms: u64) -> Echo {
        Echo { rtt: Duration::from_millis(ms), sent: 0, received: 0 }
    }

    #[test]
    fn growth_is_measured_from_the_shortest_round_trip() {
        let mut path = Path::default();
        for (now, ms) in [(0, 20), (100, 35), (200, 28)] {
            path.note_echo(at(now), rtt(ms));
        }
        assert_eq!(path.latest(at(250)), Some(Duration::from_millis(8)));
        assert_eq!(path.settled(at(250)), Some(Duration::ZERO));
        assert_eq!(path.settled(at(650)), Some(Duration::from_millis(8)));
        assert_eq!(path.settled(at(5_000)), None, "what is old says nothing");
    }

    #[test]
    fn an_answer_that_is_overdue_counts_before_it_comes_and_silence_does_not() {
        let mut path = Path::default();
        path.note_echo(at(0), rtt(20));
        path.note_asked(at(1_000));
        assert_eq!(path.settled(at(1_010)), None);
        assert_eq!(path.settled(at(1_100)), Some(Duration::from_millis(80)));
        assert_eq!(path.settled(at(4_001)), None);
        assert!(path.is_silent(at(4_001)));
    }

    #[test]
    fn a_peer_cannot_have_received_what_was_not_sent() {
        let mut path = Path::default();
        let echo = |sent, received| Echo { rtt: Duration::from_millis(20), sent, received };
        assert_eq!(path.note_echo(at(0), echo(1_000, u64::MAX)), 1_000);
        assert_eq!(path.note_echo(at(1), echo(3_000, 2_500)), 1_500);
        assert_eq!(path.note_echo(at(2), echo(4_000, 0)), 0);
        assert_eq!(path.note_echo(at(3), echo(4_000, 4_000)), 1_500);
    }
}
