//! Getting blocks from peers: whom to ask for what.
//!
//! A peer that has room is asked for the open blocks it holds, oldest segment first and within a segment
//! the rarest among our neighbours, so that what few have is soon had by many. Requests cover a fraction of a
//! second of a peer's uplink: whatever changes, little has to be asked for anew.

use std::time::Duration;

use streamr_model::{BlockIndex, BlockSet, SegmentRef};

use super::peer::{Peer, Slot};
use super::segment::{Key, Pending, Segment, Source, by_peer};
use super::{Action, Config, Swarm};
use crate::message::{Message, QueueTime, Role};
use crate::time::Instant;

/// A peer that refuses again and again is left in peace for longer, but no longer than this many doublings.
const MAX_DOUBLINGS: u32 = 4;

impl Config {
    /// How long a promise of a block is believed.
    pub(super) fn patience(&self) -> Duration {
        self.live_delay / 4
    }

    /// While a segment is younger, whoever passes it on soonest is served first; then whoever lacks it.
    pub(super) fn slack(&self) -> Duration {
        self.live_delay / 2
    }

    /// How long a request that was not refused is waited for: its block should be among the next that `peer` sends.
    fn request_patience(&self, peer: &Peer, block_len: u64) -> Duration {
        self.live_delay / 8 + peer.uplink().time_for(3 * block_len).min(self.live_delay / 8)
    }

    /// What is asked of a node whose queue takes longer than this is refused.
    pub(super) fn longest_queue(&self) -> Duration {
        self.live_delay / 24
    }
}

impl Swarm {
    /// Asks every peer that has room.
    pub(super) fn pull(&mut self, now: Instant) {
        for slot in self.peers.slots() {
            self.pull_from(now, slot);
        }
    }

    /// Asks one peer for as many open blocks as it has room for.
    pub(super) fn pull_from(&mut self, now: Instant, slot: Slot) {
        let Some(peer) = self.peers.get(slot).filter(|peer| peer.may_be_asked(now)) else { return };
        let expires = now + self.config.request_patience(peer, self.block_len());
        let node = peer.node;
        let mut room = peer.room(self.block_len()).saturating_sub(self.expected_from(slot));
        for segment in self.segments.iter_mut().filter(|segment| segment.is_sought()) {
            if room == 0 {
                return;
            }
            let chosen = rarest(segment, slot, room, self.taste);
            if chosen.is_empty() {
                continue;
            }
            room -= chosen.len();
            let mut blocks = BlockSet::empty(segment.held.capacity());
            for index in chosen {
                blocks.insert(index);
                segment.in_flight.insert(Pending { index, from: Source::Peer(slot), expires });
            }
            self.actions.push_back(Action::Send(node, Message::Request(segment.name, blocks)));
        }
    }

    /// Blocks that a peer has promised or was asked for, and that are not here yet.
    pub(super) fn expected_from(&self, slot: Slot) -> usize {
        let pending = self.segments.wanted().flat_map(|segment| segment.in_flight.iter());
        pending.filter(|pending| pending.from == Source::Peer(slot)).count()
    }

    pub(super) fn handle_have(
        &mut self,
        now: Instant,
        slot: Slot,
        key: Key,
        blocks: BlockSet,
        queue: QueueTime,
    ) {
        let Some(segment) = self.segments.get_mut(key) else { return };
        if let Some(peer) = self.peers.get_mut(slot) {
            peer.upload.cancel(key, &blocks);
        }
        let is_useful = blocks.has_more_than(&segment.held);
        let view = segment.view_mut(slot);
        if let Some(offered) = &mut view.offered {
            offered.remove_all(&blocks);
        }
        (view.knows, view.have) = (true, blocks);
        self.note_queue(now, slot, queue);
        if is_useful {
            self.pull_from(now, slot);
        }
    }

    /// Believes a promise for a while; declines what is here already or comes from elsewhere.
    pub(super) fn handle_offer(&mut self, now: Instant, slot: Slot, key: Key, blocks: &BlockSet) {
        let expires = now + self.config.patience();
        let Some(segment) = self.segments.get_mut(key) else { return };
        segment.view_mut(slot).knows = true;
        let taken = if segment.is_sought() {
            segment.open_blocks().and(blocks)
        } else {
            BlockSet::empty(blocks.capacity())
        };
        for index in taken.iter() {
            segment.in_flight.insert(Pending { index, from: Source::Peer(slot), expires });
        }
        let declined = blocks.without(&taken);
        if let Some(peer) = self.peers.get(slot).filter(|_| !declined.is_empty()) {
            self.actions.push_back(Action::Send(peer.node, Message::Cancel(segment.name, declined)));
        }
    }

    /// Asks elsewhere for what a peer cannot give, and leaves it in peace for a while. One that is not
    /// even busy is not believed to hold it.
    pub(super) fn handle_refuse(
        &mut self,
        now: Instant,
        slot: Slot,
        key: Key,
        blocks: &BlockSet,
        queue: QueueTime,
    ) {
        let is_busy = Duration::from(queue) > self.config.longest_queue() / 2;
        if let Some(segment) = self.segments.get_mut(key) {
            let refused =
                |pending: &Pending| pending.from == Source::Peer(slot) && blocks.contains(pending.index);
            segment.in_flight.take_where(refused);
            if !is_busy {
                segment.view_mut(slot).have.remove_all(blocks);
            }
        }
        let rest = self.queue_excess(queue);
        let shortest = self.config.longest_queue() / 4;
        let Some(peer) = self.peers.get_mut(slot) else { return };
        // Whom many want refuses most of them: the oftener, the longer it is left in peace.
        let rest = rest + shortest * 2_u32.pow(peer.refusals.min(MAX_DOUBLINGS));
        peer.refusals += 1;
        peer.busy_until = peer.busy_until.max(now + rest);
        self.note_peace(slot);
        self.pull(now);
    }

    /// How long a peer's queue takes until it is half way below what the peer takes.
    fn queue_excess(&self, queue: QueueTime) -> Duration {
        let queue = Duration::from(queue).min(self.config.patience());
        queue.saturating_sub(self.config.longest_queue() / 2)
    }

    /// A peer tells how long things wait there: it is left in peace meanwhile, or may be asked again.
    fn note_queue(&mut self, now: Instant, slot: Slot, queue: QueueTime) {
        let rest = self.queue_excess(queue);
        if let Some(peer) = self.peers.get_mut(slot) {
            if rest.is_zero() {
                peer.refusals = 0;
            }
            peer.busy_until = now + rest;
            self.note_peace(slot);
        }
    }

    /// Leaves a peer that did not deliver in peace until `until`, or longer if that was decided before.
    pub(super) fn shun(&mut self, slot: Slot, until: Instant) {
        if let Some(peer) = self.peers.get_mut(slot) {
            peer.shunned_until = peer.shunned_until.max(until);
            self.note_peace(slot);
        }
    }

    /// There is something to do when a peer may be asked again.
    fn note_peace(&mut self, slot: Slot) {
        // A seed asks nobody, so there is nothing to wake up for.
        if self.config.role == Role::Seed {
            return;
        }
        if let Some(peer) = self.peers.get(slot) {
            let until = peer.asked_from();
            self.unshuns_at = Some(self.unshuns_at.map_or(until, |at| at.min(until)));
        }
    }

    /// Asks those whose time of peace is over.
    pub(super) fn pull_from_unshunned(&mut self, now: Instant) {
        if self.unshuns_at.is_none_or(|at| now < at) {
            return;
        }
        let later = self.peers.iter().map(|(_, peer)| peer.asked_from()).filter(|until| *until > now);
        self.unshuns_at = later.min();
        self.pull(now);
    }

    /// Gives up blocks that were promised and did not come.
    pub(super) fn expire(&mut self, now: Instant) {
        let mut is_any = false;
        let mut late: Vec<(Slot, SegmentRef, BlockSet)> = Vec::new();
        for segment in self.segments.iter_mut() {
            let expired = segment.in_flight.take_expired(now);
            is_any |= !expired.is_empty();
            for (slot, blocks) in by_peer(&expired, segment.held.capacity()) {
                segment.view_mut(slot).have.remove_all(&blocks);
                late.push((slot, segment.name, blocks));
            }
        }
        for (slot, name, blocks) in late {
            self.shun(slot, now + self.config.live_delay / 2);
            if let Some(peer) = self.peers.get_mut(slot) {
                // What a seed owes is the origin's, as what it gives is.
                if peer.role() != Some(Role::Seed) {
                    peer.counters.blocks_missed += u32::from(blocks.count());
                }
                self.actions.push_back(Action::Send(peer.node, Message::Cancel(name, blocks)));
            }
        }
        if is_any {
            self.pull(now);
        }
    }
}

/// The open blocks that the peer holds and fewest others do, `most` at most. Between equals `taste` decides,
/// so that neighbours end up with different blocks and have something to give each other.
fn rarest(segment: &Segment, slot: Slot, most: usize, taste: u64) -> Vec<BlockIndex> {
    let Some(view) = segment.view(slot) else { return Vec::new() };
    if !view.have.has_more_than(&segment.held) {
        return Vec::new();
    }
    let candidates = segment.open_blocks().and(&view.have);
    if usize::from(candidates.count()) <= most {
        return candidates.iter().collect();
    }
    let salt = taste ^ segment.manifest.sequence.0.rotate_left(16);
    let rank = |index: BlockIndex| {
        let mixed = (salt ^ u64::from(index.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (segment.holders(index), mixed ^ (mixed >> 29), index)
    };
    let mut ranked: Vec<_> = candidates.iter().map(rank).collect();
    ranked.sort_unstable();
    ranked.truncate(most);
    ranked.into_iter().map(|(_, _, index)| index).collect()
}
