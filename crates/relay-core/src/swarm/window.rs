//! The segments that we deal with: which are taken in, given up, evicted.

use std::time::Duration;

use streamr_model::Manifest;

use super::segment::{Key, Phase, Segment, by_peer};
use super::{Action, Config, Swarm};
use crate::message::{Freshness, Message};
use crate::time::Instant;

impl Config {
    /// How many segments as long as this one are live at a time. What is older is late everywhere, and newcomers
    /// would pass it on to newcomers for ever.
    fn live_segments(&self, manifest: &Manifest) -> u64 {
        let duration = Duration::from_micros(manifest.duration_us.max(1));
        let live = self.live_delay.as_nanos().div_ceil(duration.as_nanos());
        u64::try_from(live).unwrap_or(u64::MAX).saturating_add(1)
    }
}

impl Swarm {
    pub(super) fn take_in(&mut self, now: Instant, mut segment: Segment) -> Option<Key> {
        let is_welcome = match segment.freshness {
            Freshness::Fresh => self.is_live(&segment),
            Freshness::Backlog => self.is_backlog(&segment),
        };
        if !is_welcome {
            return None;
        }
        let rendition = segment.place().rendition;
        segment.interest = self.interest_in(&segment);
        let key = self.segments.insert(segment)?;
        // Whoever came before us told us first of what it had.
        let over = self.segments.wanted().filter(|segment| !self.is_live(segment));
        for key in over.map(|segment| segment.key).collect::<Vec<_>>() {
            self.give_up(key);
        }
        self.note_rendition(now, rendition);
        Some(key)
    }

    /// Whether it may still be whole in time somewhere.
    fn is_live(&self, segment: &Segment) -> bool {
        self.segments.behind_newest(segment.place()) < self.config.live_segments(&segment.manifest)
    }

    /// Whether it is new enough for somebody who has just come. All that is live would be half a live delay's
    /// worth more to send to each newcomer.
    pub(super) fn is_backlog(&self, segment: &Segment) -> bool {
        self.segments.behind_newest(segment.place()) < self.config.live_segments(&segment.manifest) / 2
    }

    /// Before anything else: what leaves with a segment makes room for others.
    pub(super) fn evict(&mut self, now: Instant) {
        let (limit, retention) = (self.config.store_limit_bytes, self.config.retention);
        while let Some(gone) = self.segments.evict_one(limit, |segment| now >= segment.deadline + retention) {
            for (_, peer) in self.peers.iter_mut() {
                peer.upload.queue.retain(|(key, _)| *key != gone.key);
            }
            self.rumours.bury(&gone.name);
            self.act(Action::Evict(gone.name));
        }
    }

    /// What was not whole by its deadline never will be.
    pub(super) fn miss_late(&mut self, now: Instant) {
        let late = self.segments.wanted().filter(|segment| now >= segment.deadline);
        for key in late.map(|segment| segment.key).collect::<Vec<_>>() {
            self.miss(key);
        }
    }

    /// A segment was not whole in time, or will not be. One of which we only wanted our own stripes is no loss.
    pub(super) fn miss(&mut self, key: Key) {
        let is_loss = self.segments.get(key).is_some_and(Segment::is_sought);
        self.give_up(key);
        self.counters.segments_missed += u64::from(is_loss);
    }

    /// Nothing more of a segment is fetched; peers that would still send some are told.
    fn give_up(&mut self, key: Key) {
        let Some(segment) = self.segments.get_mut(key) else { return };
        let asked = by_peer(segment.in_flight.iter(), segment.held.capacity());
        let name = segment.name;
        segment.close(Phase::Missed);
        for (slot, blocks) in asked {
            if let Some(peer) = self.peers.get(slot) {
                self.actions.push_back(Action::Send(peer.node, Message::Cancel(name, blocks)));
            }
        }
    }
}
