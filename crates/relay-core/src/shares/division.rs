//! Several streams at one uplink: from what each sends and has waiting to what each may send.
//!
//! A stream asks for what it sent in the last second and a sixteenth more, and for all that waits to go within a
//! quarter of a second. So whoever is held back by its share asks for more each time, until it has its part or
//! all it has use for; and what slow readers hold up is not asked for, because it does not wait for us.
//!
//! An asking stream has at least a quarter of its part: peers read in [`QueueTime`](crate::QueueTime) what a
//! low rate makes of one waiting block, and stay away for as long. For a stream that asks for nothing, nothing
//! is kept; it is told its part all the same, so that it begins at a good pace, and the others are told to make
//! room as soon as it reports that it has begun. Until then both may send: for as long as a report takes.
//!
//! [`Division`] is a machine without I/O: `handle_uploads` whenever a stream has news, and then tell everybody
//! their new [`Division::rates`].

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::time::Duration;

use streamr_model::BitsPerSecond;

use super::{Claim, share};
use crate::time::Instant;

/// One stream's place in a [`Division`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat(u64);

/// See the module.
#[derive(Debug)]
pub struct Division {
    total: BitsPerSecond,
    streams: BTreeMap<Seat, Stream>,
    next_seat: u64,
}

#[derive(Debug)]
struct Stream {
    weight: NonZeroU32,
    /// Bytes sent since it joined, at moments of the last second and at one before.
    seen: VecDeque<(Instant, u64)>,
    demand: BitsPerSecond,
}

impl Division {
    /// The most streams; beyond it none may join.
    pub const MAX_STREAMS: usize = 8;
    /// While blocks wait, a stream reports this often.
    pub const REPORT_BUSY: Duration = Duration::from_millis(50);
    /// And otherwise this often; but one that asked for nothing reports at once that it has begun.
    pub const REPORT_IDLE: Duration = Duration::from_millis(250);
    /// What asking streams have at least, of their part.
    const LEAST: u64 = 4;

    /// Of nobody yet.
    pub fn new(total: BitsPerSecond) -> Self {
        Self { total, streams: BTreeMap::new(), next_seat: 0 }
    }

    /// What each stream may send now. Those that ask for something have `total` together, to the bit, and by
    /// weight whatever nobody asks for; those that ask for nothing are told their part of `total`.
    pub fn rates(&self) -> Vec<(Seat, BitsPerSecond)> {
        let mut rates = self.parts(self.total);
        let asking: Vec<(usize, Claim)> = self
            .streams
            .values()
            .enumerate()
            .filter(|(_, stream)| stream.demand.0 > 0)
            .map(|(at, stream)| {
                let demand = stream.demand.max(BitsPerSecond(rates[at].1.0 / Self::LEAST));
                (at, Claim { weight: stream.weight, demand })
            })
            .collect();
        let mut claims: Vec<Claim> = asking.iter().map(|(_, claim)| *claim).collect();
        let asked_for = share(self.total, &claims);
        let left = self.total.0 - asked_for.iter().map(|share| share.0).sum::<u64>();
        claims.iter_mut().for_each(|claim| claim.demand = BitsPerSecond(u64::MAX));
        let beyond = share(BitsPerSecond(left), &claims);
        for (((at, _), share), more) in asking.iter().zip(asked_for).zip(beyond) {
            rates[*at].1 = BitsPerSecond(share.0 + more.0);
        }
        rates
    }

    /// Each stream's part of `whole`, by weight alone: what it has if all want all they can get.
    pub fn parts(&self, whole: BitsPerSecond) -> Vec<(Seat, BitsPerSecond)> {
        let all = BitsPerSecond(u64::MAX);
        let claims: Vec<Claim> =
            self.streams.values().map(|stream| Claim { weight: stream.weight, demand: all }).collect();
        self.streams.keys().copied().zip(share(whole, &claims)).collect()
    }

    /// Whether a stream asks for nothing: whatever it sends next is to be reported at once.
    pub fn is_idle(&self, seat: Seat) -> bool {
        self.streams.get(&seat).is_none_or(|stream| stream.demand.0 == 0)
    }

    /// A stream has sent so many bytes since it joined, and so many wait that only its rate holds back.
    pub fn handle_uploads(&mut self, now: Instant, seat: Seat, sent: u64, waiting: u64) {
        if let Some(stream) = self.streams.get_mut(&seat) {
            stream.note(now, sent, waiting);
        }
    }

    /// Gives a stream a seat; `None` if there is none left.
    pub fn join(&mut self, now: Instant, weight: NonZeroU32) -> Option<Seat> {
        if self.streams.len() >= Self::MAX_STREAMS {
            return None;
        }
        let seat = Seat(self.next_seat);
        self.next_seat += 1;
        let stream = Stream { weight, seen: VecDeque::from([(now, 0)]), demand: BitsPerSecond(0) };
        self.streams.insert(seat, stream);
        Some(seat)
    }

    /// Takes a stream's seat away.
    pub fn leave(&mut self, seat: Seat) {
        self.streams.remove(&seat);
    }

    /// From now on this is divided.
    pub fn set_total(&mut self, total: BitsPerSecond) {
        self.total = total;
    }
}

impl Stream {
    /// Sending is judged over so long: a block is much beside what a small share sends in less.
    const SPAN: Duration = Duration::from_secs(1);
    /// Moments remembered; a stream that reports more often is judged over less time.
    const MAX_SEEN: usize = 32;

    fn note(&mut self, now: Instant, sent: u64, waiting: u64) {
        self.seen.push_back((now, sent));
        while self.seen.len() > Self::MAX_SEEN
            || self.seen.get(1).is_some_and(|(second, _)| now - *second >= Self::SPAN)
        {
            self.seen.pop_front();
        }
        let (since, before) = self.seen.front().copied().unwrap_or((now, sent));
        let lately = rate(sent.saturating_sub(before), (now - since).max(Self::SPAN));
        let backlog = rate(waiting, Division::REPORT_IDLE);
        self.demand = BitsPerSecond(lately.saturating_add(lately / 16).saturating_add(backlog));
    }
}

/// `bytes` in `span`, as bits per second.
fn rate(bytes: u64, span: Duration) -> u64 {
    let bits = u128::from(bytes) * 8;
    u64::try_from(bits * 1_000 / span.as_millis().max(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
