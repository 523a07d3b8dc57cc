//! Giving blocks: what is queued for whom, and the order and pace of uploads.

use std::cmp::Reverse;
use std::time::Duration;

use streamr_model::{BlockSet, NodeId};

use super::peer::{Slot, Upload};
use super::segment::Key;
use super::{Action, Swarm};
use crate::message::{Message, QueueTime, Role};
use crate::time::Instant;

impl Swarm {
    /// Queues what a peer asked for; refuses what we cannot give in time.
    pub(super) fn serve(&mut self, slot: Slot, key: Key, wanted: &BlockSet) {
        // What is less urgent than this waits behind it, so it does not count.
        let mut queue_time = self.queue_time_until(key);
        let a_block = self.pacer.rate().time_for(self.block_len());
        // However slow we are, two blocks may wait: one to send and one to follow it.
        let longest = self.config.longest_queue().max(a_block * 2);
        let (Some(peer), Some(segment)) = (self.peers.get_mut(slot), self.segments.get(key)) else { return };
        let mut refused = BlockSet::empty(wanted.capacity());
        for index in wanted.iter() {
            if peer.upload.queue.contains(&(key, index)) {
                continue;
            }
            let is_full = queue_time > longest || peer.upload.queue.len() >= Upload::MAX_QUEUE;
            if is_full || !segment.held.contains(index) {
                refused.insert(index);
            } else {
                peer.upload.push(key, index);
                queue_time += a_block;
            }
        }
        if !refused.is_empty() {
            let (node, name) = (peer.node, segment.name);
            self.act(Action::Send(node, Message::Refuse(name, refused, QueueTime::from(queue_time))));
        }
    }

    /// Starts uploads as far as pace and sockets allow. Viewers come first, then what has used up half of its
    /// time, oldest first. While there is slack, fast uplinks do: what they get they pass on soonest, which
    /// gets everybody everything earlier than turns would. Between equals, whoever waited longest.
    pub(super) fn upload(&mut self, now: Instant) {
        while self.pacer.ready_at(now) <= now {
            let (segments, slack) = (&self.segments, self.config.slack());
            let ready = self.peers.iter_mut().filter(|(_, peer)| peer.upload.is_ready());
            let next = ready.min_by_key(|(_, peer)| {
                let oldest = peer.upload.queue.front().and_then(|(key, _)| segments.get(*key));
                (
                    peer.role() != Some(Role::Viewer),
                    oldest.map_or(Instant(Duration::MAX), |segment| segment.urgency(now, slack)),
                    Reverse(peer.uplink()),
                    oldest.map(|segment| segment.key),
                    peer.upload.last_sent,
                )
            });
            let Some((slot, peer)) = next else { return };
            let Some((key, index)) = peer.upload.queue.pop_front() else { return };
            let Some(segment) = self.segments.get_mut(key).filter(|segment| segment.held.contains(index))
            else {
                continue;
            };
            let len = segment.block_len(index);
            peer.upload.in_flight_bytes += len;
            // Later than `now` by a hair, so that peers take turns within one moment.
            peer.upload.last_sent = now + Duration::from_nanos(self.counters.blocks_sent % 1_000);
            segment.view_mut(slot).have.insert(index);
            let (node, name) = (peer.node, segment.name);
            self.pacer.spend(len);
            self.counters.blocks_sent += 1;
            self.counters.bytes_sent += len as u64;
            self.act(Action::SendBlock(node, name, index));
        }
    }

    /// A peer wants no more of what we were going to send it.
    pub(super) fn handle_cancel(&mut self, slot: Slot, key: Key, blocks: &BlockSet) {
        if let Some(peer) = self.peers.get_mut(slot) {
            peer.upload.cancel(key, blocks);
        }
        let offered =
            self.segments.get_mut(key).and_then(|segment| segment.view_mut(slot).offered.as_deref_mut());
        if let Some(offered) = offered {
            offered.remove_all(blocks);
        }
    }

    /// The driver wrote a block's bytes to the peer's socket.
    pub fn handle_block_sent(&mut self, now: Instant, node: NodeId, bytes: usize) {
        if let Some(peer) = self.peers.find(node).and_then(|slot| self.peers.get_mut(slot)) {
            peer.upload.in_flight_bytes = peer.upload.in_flight_bytes.saturating_sub(bytes);
            peer.counters.bytes_sent += bytes as u64;
        }
        self.counters.bytes_served += bytes as u64;
        self.upload(now);
        self.send_news(now);
    }

    /// When [`Swarm::upload`] has something to do, if nothing else happens before.
    pub(super) fn next_upload_at(&mut self, now: Instant) -> Option<Instant> {
        let waits = self.peers.iter().any(|(_, peer)| peer.upload.is_ready());
        waits.then(|| self.pacer.ready_at(now))
    }

    /// Whether something promised or asked for is still to be sent.
    pub fn is_uploading(&self) -> bool {
        let mut uploads = self.peers.iter().map(|(_, peer)| &peer.upload);
        uploads.any(|upload| !upload.queue.is_empty() || upload.in_flight_bytes > 0)
    }

    /// Bytes that only the pace holds back: those for peers whose sockets take more. After an upload there are
    /// some exactly where more would be sent if more might be.
    pub fn bytes_waiting(&self) -> u64 {
        let ready = self.peers.iter().filter(|(_, peer)| peer.upload.is_ready());
        ready.map(|(_, peer)| peer.upload.queue.len() as u64).sum::<u64>() * self.block_len()
    }
}
