//! Giving blocks: promises to neighbours, news of what we hold, and the order and pace of uploads.

use std::time::Duration;

use streamr_model::{BlockIndex, BlockSet, Manifest, NodeId, SegmentRef};

use super::peer::{Peer, Upload};
use super::segment::Phase;
use super::{Action, Config, Swarm};
use crate::message::{Freshness, Message, Role};
use crate::rendezvous::{self, Item};
use crate::time::Instant;

/// News of blocks held is gathered for this long.
const NEWS_INTERVAL: Duration = Duration::from_millis(20);
/// How many of the newest segments a newcomer is told of.
const BACKLOG: usize = 4;

impl Swarm {
    /// Tells a newcomer of the newest segments and of what we hold of them.
    pub(super) fn send_backlog(&mut self, node: NodeId) {
        let known: Vec<SegmentRef> = self.segments.iter().rev().take(BACKLOG).map(|(name, _)| name).collect();
        for name in known.into_iter().rev() {
            self.announce(node, Freshness::Backlog, name);
            let Some(segment) = self.segments.get(&name) else { continue };
            if self.config.role != Role::Seed && !segment.held.is_empty() {
                self.actions.push_back(Action::Send(node, Message::Have(name, segment.held.clone())));
            }
        }
    }

    /// Sends a manifest to a peer that may not have it.
    pub(super) fn announce(&mut self, node: NodeId, freshness: Freshness, name: SegmentRef) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if peer.role().is_some_and(|role| role != Role::Seed) && peer.knows.insert(name) {
            self.act(Action::SendManifest(node, freshness, name));
        }
    }

    /// Whether what is queued and promised would keep the uplink busy for longer than a peer would wait.
    fn is_saturated(&self) -> bool {
        let blocks = self.peers.values().map(|peer| peer.upload.backlog_blocks()).sum::<u64>();
        let bytes = blocks * u64::from(Manifest::BLOCK_LEN);
        self.config.uplink.time_for(bytes) > self.config.patience() / 2
    }

    /// Promises blocks that we are about to fetch from the origin's side to a few neighbours: viewers
    /// first, then those elected by hash, so that different stripes go to different neighbours.
    pub(super) fn offer(&mut self, name: SegmentRef, blocks: &BlockSet) {
        let stripe = blocks.iter().next().map_or(0, |index| index.0);
        let item = Item { segment: name, stripe };
        let lacks = |peer: &Peer| {
            peer.role().is_some_and(|role| role != Role::Seed)
                && blocks.iter().any(|index| !peer.has(&name, index))
        };
        let mut neighbours: Vec<(bool, f64, NodeId)> = self
            .peers
            .iter()
            .filter(|(_, peer)| lacks(peer))
            .map(|(node, peer)| {
                let weight = peer.hello.as_ref().map_or(1, |hello| hello.uplink.0.max(1));
                (peer.role() == Some(Role::Viewer), rendezvous::score(item, *node, weight), *node)
            })
            .collect();
        neighbours.sort_by(|a, b| b.partial_cmp(a).unwrap_or(std::cmp::Ordering::Equal));
        for (_, _, node) in neighbours.into_iter().take(Config::PUSH_FANOUT) {
            if self.is_saturated() {
                return;
            }
            let Some(peer) = self.peers.get_mut(&node) else { continue };
            let offered =
                peer.upload.offered.entry(name).or_insert_with(|| BlockSet::empty(blocks.capacity()));
            blocks.iter().for_each(|index| {
                offered.insert(index);
            });
            self.act(Action::Send(node, Message::Offer(name, blocks.clone())));
        }
    }

    /// A block is ours now: queue it for those we promised it to, note news for the rest.
    pub(super) fn share(&mut self, name: SegmentRef, index: BlockIndex) {
        for peer in self.peers.values_mut() {
            if !matches!(peer.role(), Some(Role::Supporter | Role::Viewer)) || peer.has(&name, index) {
                continue;
            }
            let promised = peer.upload.offered.get_mut(&name).is_some_and(|offered| offered.remove(index));
            if promised && peer.upload.queue.len() < Upload::MAX_QUEUE {
                peer.upload.queue.push_back((name, index));
            } else {
                peer.notify.changed.insert(name);
            }
        }
    }

    /// Tells peers what we hold, where that is news and enough of it has gathered.
    pub(super) fn send_news(&mut self, now: Instant) {
        for (node, peer) in &mut self.peers {
            if peer.notify.changed.is_empty() || now < peer.notify.not_before {
                continue;
            }
            peer.notify.not_before = now + NEWS_INTERVAL;
            for name in std::mem::take(&mut peer.notify.changed) {
                if let Some(segment) = self.segments.get(&name) {
                    self.actions.push_back(Action::Send(*node, Message::Have(name, segment.held.clone())));
                }
            }
        }
    }

    /// Queues what a peer asked for; refuses what we cannot give.
    pub(super) fn serve(&mut self, node: NodeId, name: SegmentRef, wanted: &BlockSet) {
        let saturated = self.is_saturated();
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let held = self.segments.get(&name).map(|segment| &segment.held);
        let mut refused = BlockSet::empty(wanted.capacity());
        for index in wanted.iter() {
            let queued = peer.upload.queue.contains(&(name, index));
            let full = saturated || peer.upload.queue.len() >= Upload::MAX_QUEUE;
            if full || held.is_none_or(|held| !held.contains(index)) {
                refused.insert(index);
            } else if !queued {
                peer.upload.queue.push_back((name, index));
            }
        }
        if !refused.is_empty() {
            self.act(Action::Send(node, Message::Refuse(name, refused)));
        }
    }

    /// Starts uploads as far as pace and sockets allow: viewers first, then whoever waited longest.
    pub(super) fn upload(&mut self, now: Instant) {
        while self.pacer.ready_at(now) <= now {
            let ready = self.peers.iter_mut().filter(|(_, peer)| is_ready(peer));
            let next =
                ready.min_by_key(|(_, peer)| (peer.role() != Some(Role::Viewer), peer.upload.last_sent));
            let Some((node, peer)) = next else { return };
            let Some((name, index)) = peer.upload.queue.pop_front() else { return };
            let Some(segment) = self.segments.get(&name).filter(|segment| segment.held.contains(index))
            else {
                continue;
            };
            let len = segment.block_len(index);
            peer.upload.in_flight_bytes += len;
            // Later than `now` by a hair, so that peers take turns within one moment.
            peer.upload.last_sent = now + Duration::from_nanos(self.counters.blocks_sent % 1_000);
            peer.note_has(name, index, segment.held.capacity());
            let node = *node;
            self.pacer.spend(len);
            self.counters.blocks_sent += 1;
            self.act(Action::SendBlock(node, name, index));
        }
    }

    /// The driver wrote a block's bytes to the peer's socket.
    pub fn handle_block_sent(&mut self, now: Instant, node: NodeId, bytes: usize) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.upload.in_flight_bytes = peer.upload.in_flight_bytes.saturating_sub(bytes);
        }
        let counters = self.peer_counters.entry(node).or_default();
        counters.bytes_sent += bytes as u64;
        self.counters.bytes_served += bytes as u64;
        self.upload(now);
    }

    /// When [`Swarm::send_news`] or [`Swarm::upload`] has something to do, if nothing else happens before.
    pub(super) fn next_share_at(&mut self, now: Instant) -> Option<Instant> {
        let news = self.peers.values().filter(|peer| !peer.notify.changed.is_empty());
        let news = news.map(|peer| peer.notify.not_before).min();
        let waiting = self.peers.values().any(is_ready);
        let upload = waiting.then(|| self.pacer.ready_at(now));
        news.into_iter().chain(upload).min()
    }

    /// Whether something promised or asked for is still to be sent.
    pub fn is_uploading(&self) -> bool {
        self.peers.values().any(|peer| !peer.upload.queue.is_empty() || peer.upload.in_flight_bytes > 0)
    }

    /// Tells the driver of a segment that has just become whole.
    pub(super) fn settle(&mut self, name: SegmentRef) {
        if self.segments.get(&name).is_some_and(|segment| segment.phase == Phase::Complete) {
            self.act(Action::Complete(name));
        }
    }
}

fn is_ready(peer: &Peer) -> bool {
    !peer.upload.queue.is_empty() && peer.upload.in_flight_bytes < Upload::WINDOW_BYTES
}
