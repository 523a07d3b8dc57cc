//! What peers give us, and what they will not give in time: that much is fetched from the origin's side instead.
//!
//! A node that gets a little less from its peers than the stream has falls behind a little with every segment. It
//! takes just the difference from the origin, early enough, and leaves the rest to its peers. So a swarm
//! that is short of uplink takes about what it lacks (the S_min of DESIGN.md), spread over its nodes and over
//! time, and no segment's end brings a stampede.

use std::time::Duration;

use streamr_model::BitsPerSecond;

use super::Swarm;
use super::segment::{Key, Segment, Source};
use crate::time::Instant;

/// Spared beyond what peers and origin should need.
const MARGIN: Duration = Duration::from_millis(750);

/// How fast peers give, while anything is lacking.
#[derive(Debug, Default)]
pub(super) struct Intake {
    bytes: f64,
    hungry_s: f64,
    hungry_since: Option<Instant>,
}

impl Intake {
    /// What happened so long ago counts a third.
    const MEMORY_S: f64 = 4.0;
    /// Before it has seen so much, it says nothing.
    const LEAST_S: f64 = 1.0;

    /// From now on something is lacking, or nothing is.
    pub(super) fn note_hunger(&mut self, now: Instant, is_hungry: bool) {
        if let Some(since) = self.hungry_since.take() {
            let passed_s = (now - since).as_secs_f64();
            let kept = (-passed_s / Self::MEMORY_S).exp();
            self.bytes *= kept;
            self.hungry_s = self.hungry_s * kept + passed_s;
        }
        self.hungry_since = is_hungry.then_some(now);
    }

    /// A peer gave a block.
    pub(super) fn note_block(&mut self, len: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a block is 32 KiB at most")]
        let len = len as f64;
        self.bytes += len;
    }

    /// What peers give; `None` until that can be said.
    fn rate(&self) -> Option<BitsPerSecond> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is positive, and far below 2^52"
        )]
        let rate = || BitsPerSecond((self.bytes * 8.0 / self.hungry_s) as u64);
        (self.hungry_s >= Self::LEAST_S).then(rate)
    }
}

impl Swarm {
    /// Segments of which peers will not give everything in time, with how many blocks to fetch from the origin's
    /// side now. For the first half of its live delay a segment is left to the swarm.
    pub(super) fn shortfalls(&self, now: Instant) -> Vec<(Key, usize)> {
        let (mut waiting, mut short) = (0_u64, Vec::new());
        for segment in self.segments.sought() {
            waiting += bytes_from_peers(segment);
            if now < segment.arrived + self.config.live_delay / 2 {
                continue;
            }
            let rate = self.intake.rate().unwrap_or(segment.rate());
            let left = self.last_call(segment) - now;
            let lacking = waiting.saturating_sub(rate.bytes_in(left));
            let blocks = usize::try_from(lacking.div_ceil(segment.manifest.block_len.into())).unwrap_or(0);
            if blocks > 0 {
                short.push((segment.key, blocks));
                waiting -= lacking.min(waiting);
            }
        }
        short
    }

    /// Gives up segments that can no longer be whole in time. What would still be sent of them is lost to the next
    /// ones, which would then be late as well: a swarm that has fallen behind would never catch up.
    pub(super) fn give_up_hopeless(&mut self, now: Instant) {
        for (key, blocks) in self.shortfalls(now) {
            let Some(segment) = self.segments.get(key) else { continue };
            let bytes = blocks as u64 * u64::from(segment.manifest.block_len);
            if !self.origin_can_give(now, bytes, segment.deadline) {
                self.miss(key);
            }
        }
    }

    /// By then a segment must come from the origin's side if it is to be whole in time, even what a peer has promised.
    pub(super) fn last_call(&self, segment: &Segment) -> Instant {
        let takes = self.origin.fetch_time().min(self.config.live_delay / 8);
        (segment.deadline - MARGIN - takes).max(segment.arrived + self.config.live_delay / 2)
    }
}

/// What is neither here nor on its way from the origin.
fn bytes_from_peers(segment: &Segment) -> u64 {
    let from_origin = segment.in_flight.iter().filter(|pending| matches!(pending.from, Source::Origin(_)));
    let blocks = usize::from(segment.held.capacity() - segment.held.count()) - from_origin.count();
    blocks as u64 * u64::from(segment.manifest.block_len)
}
