//! Blocks that come: what they change, whom they are counted to, and what a bad one costs its sender.

use streamr_model::{BlockIndex, BlockSet, SegmentRef};

use super::action::{Keep, Supplier, Verdict};
use super::peer::Slot;
use super::segment::{Pending, Phase, Source};
use super::{Action, DropReason, Swarm};
use crate::message::{Message, Role};
use crate::time::Instant;

impl Swarm {
    /// A block that the driver has checked against its manifest. Returns whether to keep it; the driver
    /// does so before it takes the next action.
    pub fn handle_block(
        &mut self,
        now: Instant,
        from: Supplier,
        name: SegmentRef,
        index: BlockIndex,
        verdict: Verdict,
    ) -> Keep {
        if verdict == Verdict::Bad {
            self.handle_bad_block(now, from, &name);
            return Keep::Discard;
        }
        let supplier = match from {
            Supplier::Origin(fetch) => Some(Source::Origin(fetch)),
            Supplier::Peer(node) => self.peers.find(node).map(Source::Peer),
        };
        let Some(key) = self.segments.find(&name) else { return Keep::Discard };
        let Some(segment) = self.segments.get_mut(key) else { return Keep::Discard };
        if let Supplier::Origin(fetch) = from {
            self.origin.note_block(fetch, segment.block_len(index) as u64);
        }
        let promised = segment.in_flight.take(index);
        let capacity = segment.held.capacity();
        let is_new = segment.is_wanted() && segment.held.insert(index);
        let on_time = now <= segment.deadline;
        let len = segment.block_len(index) as u64;
        if is_new && segment.held.is_full() {
            segment.close(Phase::Complete);
            self.counters.segments_complete += 1;
        }
        if let Some(Source::Peer(slot)) = supplier {
            segment.view_mut(slot).have.insert(index);
        }
        self.account(supplier, len, is_new, on_time);
        if let Some(Pending { from: Source::Peer(promiser), .. }) = promised
            && Some(Source::Peer(promiser)) != supplier
            && let Some(peer) = self.peers.get(promiser)
        {
            let cancel = Message::Cancel(name, BlockSet::only(capacity, index));
            self.actions.push_back(Action::Send(peer.node, cancel));
        }
        if is_new {
            self.share(now, key, index);
            self.settle(key);
        }
        if let Some(Source::Peer(slot)) = supplier {
            self.let_go_if_done(slot);
            self.pull_from(now, slot);
        }
        self.advance(now);
        if is_new { Keep::Store } else { Keep::Discard }
    }

    /// Disconnects a peer that has said good-bye and owes us nothing more.
    fn let_go_if_done(&mut self, slot: Slot) {
        let leaver = self.peers.get(slot).filter(|peer| peer.leaves).map(|peer| peer.node);
        if let Some(node) = leaver
            && self.expected_from(slot) == 0
        {
            self.act(Action::Disconnect(node, DropReason::Left));
        }
    }

    fn handle_bad_block(&mut self, now: Instant, from: Supplier, name: &SegmentRef) {
        match from {
            Supplier::Peer(node) => {
                // What was on its way when its sender was dropped is not listened to any more.
                let Some(peer) = self.peers.find(node).and_then(|slot| self.peers.get_mut(slot)) else {
                    return;
                };
                peer.counters.blocks_bad += 1;
                self.counters.blocks_bad += 1;
                self.ban(now, node, DropReason::BadBlock);
            }
            Supplier::Origin(_) => {
                self.counters.blocks_bad += 1;
                if let Some(segment) = self.segments.find(name).and_then(|key| self.segments.get_mut(key)) {
                    segment.origin_refused = true;
                }
            }
        }
    }

    fn account(&mut self, from: Option<Source>, len: u64, is_new: bool, on_time: bool) {
        let peer = match from {
            Some(Source::Peer(slot)) => self.peers.get_mut(slot),
            Some(Source::Origin(_)) | None => None,
        };
        if !is_new {
            self.counters.blocks_duplicate += 1;
            if let Some(peer) = peer {
                peer.counters.blocks_duplicate += 1;
            }
            return;
        }
        match peer.filter(|peer| peer.role() != Some(Role::Seed)) {
            Some(peer) => {
                self.intake.note_block(len);
                peer.refusals = 0;
                self.counters.bytes_peers += len;
                peer.counters.bytes_received += len;
                peer.counters.blocks_received += 1;
                peer.counters.blocks_on_time += u32::from(on_time);
            }
            None if from.is_some() => self.counters.bytes_origin += len,
            // Its sender was disconnected in the meantime; the block is good all the same.
            None => self.counters.bytes_peers += len,
        }
    }
}
