//! Simulated links: an uplink sends one block after the other; control messages only wait for latency.

use std::collections::BTreeMap;
use std::time::Duration;

use streamr_model::BitsPerSecond;
use streamr_relay_core::Instant;

/// A small seeded generator (splitmix64): the world's only source of chance.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

#[derive(Debug, Default)]
pub(crate) struct Links {
    /// When each sender's uplink is free again.
    free: BTreeMap<usize, Instant>,
    /// The last arrival on each directed pair: streams keep their order.
    last: BTreeMap<(usize, usize), Instant>,
}

impl Links {
    /// When the last bit of `bytes` has left `from`.
    pub(crate) fn leaves(&mut self, now: Instant, from: usize, bytes: u64, uplink: BitsPerSecond) -> Instant {
        let free = self.free.entry(from).or_default();
        *free = (*free).max(now) + uplink.time_for(bytes);
        *free
    }

    /// When what left at `left` arrives.
    pub(crate) fn arrives(&mut self, left: Instant, from: usize, to: usize, dice: &mut Dice) -> Instant {
        let latency = Duration::from_millis(10 + (from * 7 + to * 13) as u64 % 30 + dice.roll(5));
        let last = self.last.entry((from, to)).or_default();
        *last = (*last).max(left + latency) + Duration::from_nanos(1);
        *last
    }
}
