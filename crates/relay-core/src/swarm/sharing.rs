//! Telling: promises to neighbours, news of what we hold, and manifests.
//!
//! A fresh manifest goes to a few neighbours at once; the others hear of the segment when somebody has
//! blocks of it, and ask for the manifest if it has not come by then. So it travels about as fast as a flood
//! and costs little more than one copy each (Leitão, Pereira and Rodrigues, “Epidemic broadcast trees”,
//! 2007).

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

use streamr_model::{BlockIndex, BlockSet, Manifest, SegmentRef};

use super::peer::{Peer, Slot};
use super::segment::{Key, Phase, Segment};
use super::{Action, Config, MESSAGE_BYTES, Swarm};
use crate::message::{Freshness, Interest, Message, QueueTime, Role};
use crate::rendezvous::{self, Item};
use crate::time::Instant;

/// So many neighbours are told at once of what we hold: enough to keep the uplink busy with what they ask for.
const TOLD_AT_ONCE: usize = 4;
/// Then they are given time to ask before others are told: so long that news takes no more than one part in so many
/// of the uplink, and no longer than this.
const UPLINK_PER_NEWS: u64 = 32;
const LONGEST_TELL_INTERVAL: Duration = Duration::from_millis(25);
/// News that is so old is told though we are busy, so that others know what there is.
const STALE_NEWS: Duration = Duration::from_secs(1);
/// Neighbours that a fresh manifest is sent to unasked: by the seed, and by a supporter that has uplink to spare.
const SEED_FANOUT: usize = 8;
const EAGER_FANOUT: usize = 6;
/// A supporter sends it to one neighbour for each so much of the stream's rate that it offers, in hundredths.
const RATE_PERCENT_PER_EAGER: u64 = 50;

/// Segments we have heard of and have no manifest of, and those we want to hear of no more. Both bounded.
#[derive(Debug, Default)]
pub(super) struct Rumours {
    list: Vec<Rumour>,
    /// The first bytes of the names of segments that were evicted or not taken in.
    stale: VecDeque<u64>,
}

#[derive(Debug)]
struct Rumour {
    name: SegmentRef,
    tellers: Vec<Slot>,
    ask_at: Instant,
}

impl Rumours {
    const MAX: usize = 16;
    const MAX_TELLERS: usize = 4;
    const MAX_STALE: usize = 128;
    /// The manifest may be on its way already.
    const GRACE: Duration = Duration::from_millis(60);
    /// Then the next teller is asked.
    const PATIENCE: Duration = Duration::from_millis(500);

    fn short(name: &SegmentRef) -> u64 {
        name.0.first_chunk().map_or(0, |head| u64::from_le_bytes(*head))
    }

    pub(super) fn hear(&mut self, now: Instant, from: Slot, name: SegmentRef) {
        if self.stale.contains(&Self::short(&name)) {
            return;
        }
        if let Some(rumour) = self.list.iter_mut().find(|rumour| rumour.name == name) {
            if rumour.tellers.len() < Self::MAX_TELLERS && !rumour.tellers.contains(&from) {
                rumour.tellers.push(from);
            }
        } else if self.list.len() < Self::MAX {
            // A peer that invents names fills the list only until it has been asked for them.
            self.list.push(Rumour { name, tellers: vec![from], ask_at: now + Self::GRACE });
        }
    }

    pub(super) fn forget(&mut self, name: &SegmentRef) {
        self.list.retain(|rumour| rumour.name != *name);
    }

    pub(super) fn forget_teller(&mut self, slot: Slot) {
        for rumour in &mut self.list {
            rumour.tellers.retain(|teller| *teller != slot);
        }
        self.list.retain(|rumour| !rumour.tellers.is_empty());
    }

    /// Of this segment nothing more is heard.
    pub(super) fn bury(&mut self, name: &SegmentRef) {
        self.forget(name);
        if self.stale.len() >= Self::MAX_STALE {
            self.stale.pop_front();
        }
        self.stale.push_back(Self::short(name));
    }

    /// Whom to ask for which manifest now.
    fn take_due(&mut self, now: Instant) -> Vec<(Slot, SegmentRef)> {
        let mut due = Vec::new();
        self.list.retain_mut(|rumour| {
            if rumour.ask_at > now {
                return true;
            }
            let Some(teller) = (!rumour.tellers.is_empty()).then(|| rumour.tellers.remove(0)) else {
                return false;
            };
            rumour.ask_at = now + Self::PATIENCE;
            due.push((teller, rumour.name));
            true
        });
        due
    }

    fn next_at(&self) -> Option<Instant> {
        self.list.iter().map(|rumour| rumour.ask_at).min()
    }
}

impl Swarm {
    /// Tells a newcomer of the newest segments: a seed by their manifests, others by what they hold.
    pub(super) fn send_backlog(&mut self, slot: Slot) {
        let newest = self.segments.iter().rev().filter(|segment| self.is_backlog(segment));
        let newest: Vec<Key> = newest.map(|segment| segment.key).collect();
        for key in newest.into_iter().rev() {
            if self.config.role == Role::Seed {
                self.send_manifest(slot, key, Freshness::Backlog);
            } else {
                self.send_have(slot, key);
            }
        }
    }

    pub(super) fn send_manifest(&mut self, slot: Slot, key: Key, freshness: Freshness) {
        let (Some(peer), Some(segment)) = (self.peers.get(slot), self.segments.get_mut(key)) else { return };
        let view = segment.view_mut(slot);
        if view.was_sent {
            return;
        }
        (view.was_sent, view.knows) = (true, true);
        self.pacer.spend(segment.manifest.block_hashes.len() * 32);
        self.actions.push_back(Action::SendManifest(peer.node, freshness, segment.name));
    }

    fn send_have(&mut self, slot: Slot, key: Key) {
        let queue = QueueTime::from(self.queue_time());
        let (Some(peer), Some(segment)) = (self.peers.get(slot), self.segments.get(key)) else { return };
        if !segment.held.is_empty() {
            let have = Message::Have(segment.name, segment.held.clone(), queue);
            self.actions.push_back(Action::Send(peer.node, have));
        }
    }

    /// A manifest is news to us: a few are sent it, by the seed those that pass it on fastest, by others ones that
    /// differ from node to node and from segment to segment.
    pub(super) fn announce(&mut self, key: Key) {
        let Some(segment) = self.segments.get(key) else { return };
        let takes = |(slot, peer): (Slot, &Peer)| {
            let may = peer.role().is_some_and(|role| role != Role::Seed) && !segment.is_known_by(slot);
            may.then_some(slot)
        };
        let mut slots: Vec<Slot> = self.peers.iter().filter_map(takes).collect();
        if slots.is_empty() {
            return;
        }
        if self.config.role == Role::Seed {
            slots.sort_by_key(|slot| Reverse(self.peers.get(*slot).map(Peer::uplink)));
            slots.truncate(SEED_FANOUT);
        } else {
            let turn = self.taste.wrapping_add(Rumours::short(&segment.name)) % slots.len() as u64;
            slots.rotate_left(usize::try_from(turn).unwrap_or(0));
            let offers = self.config.uplink.0 * 100 / segment.rate().0.max(1) / RATE_PERCENT_PER_EAGER;
            slots.truncate(usize::try_from(offers).unwrap_or(usize::MAX).clamp(1, EAGER_FANOUT));
        }
        for slot in slots {
            self.send_manifest(slot, key, Freshness::Fresh);
        }
    }

    /// Somebody has heard of a segment from us.
    pub(super) fn handle_want(&mut self, slot: Slot, name: &SegmentRef) {
        if let Some(key) = self.segments.find(name) {
            self.send_manifest(slot, key, Freshness::Backlog);
            self.send_have(slot, key);
        }
    }

    /// Asks for manifests of segments that others talk of.
    pub(super) fn ask_for_manifests(&mut self, now: Instant) {
        for (teller, name) in self.rumours.take_due(now) {
            if let Some(peer) = self.peers.get(teller) {
                self.actions.push_back(Action::Send(peer.node, Message::Want(name)));
            }
        }
    }

    /// Promises blocks that we are about to fetch from the origin's side to a few neighbours: viewers
    /// first, then those elected by hash, so that different stripes go to different neighbours.
    pub(super) fn offer(&mut self, key: Key, blocks: &BlockSet) {
        let Some(segment) = self.segments.get(key) else { return };
        let rendition = segment.place().rendition;
        let stripe = blocks.iter().next().map_or(0, |index| index.0);
        let (name, item) = (segment.name, Item { segment: segment.name, stripe });
        let lacks = |slot| segment.view(slot).is_none_or(|view| blocks.has_more_than(&view.have));
        let ranked = |(slot, peer): (Slot, &Peer)| {
            let score = rendezvous::score(item, peer.node, peer.uplink().0.max(1));
            (peer.role() == Some(Role::Viewer), score, slot)
        };
        let takers =
            self.peers.iter().filter(|(slot, peer)| peer.consumes() && peer.seeks(rendition) && lacks(*slot));
        let mut ranked: Vec<(bool, f64, Slot)> = takers.map(ranked).collect();
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)));
        for (_, _, slot) in ranked.into_iter().take(Config::PUSH_FANOUT) {
            if self.queue_time() > self.config.patience() / 2 {
                return;
            }
            let Some(segment) = self.segments.get_mut(key) else { return };
            let capacity = segment.held.capacity();
            let offered =
                segment.view_mut(slot).offered.get_or_insert_with(|| BlockSet::empty(capacity).into());
            offered.insert_all(blocks);
            if let Some(peer) = self.peers.get(slot) {
                self.actions.push_back(Action::Send(peer.node, Message::Offer(name, blocks.clone())));
            }
        }
    }

    /// A block is ours now: queue it for those we promised it to, note news for the rest.
    pub(super) fn share(&mut self, now: Instant, key: Key, index: BlockIndex) {
        let Some(segment) = self.segments.get_mut(key) else { return };
        let rendition = segment.place().rendition;
        for (slot, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.consumes()) {
            let view = segment.view_mut(slot);
            // Whoever wants its own stripes only need not know more than that there is the segment.
            if view.have.contains(index) || (view.knows && !peer.seeks(rendition)) {
                continue;
            }
            let is_promised = view.offered.as_mut().is_some_and(|offered| offered.remove(index));
            if is_promised && peer.upload.queue.len() < super::peer::Upload::MAX_QUEUE {
                peer.upload.push(key, index);
            } else {
                view.is_news = true;
                peer.news_since.get_or_insert(now);
            }
        }
    }

    /// Tells peers what we hold. As long as enough waits to be sent, nobody is: what nobody could be given is not
    /// worth the packets. Once there is room, a few are told at a time, in the order in which they would be
    /// served.
    pub(super) fn send_news(&mut self, now: Instant) {
        for slot in self.peers.slots() {
            let peer = self.peers.get(slot);
            if peer.and_then(|peer| peer.news_since).is_some_and(|since| now >= since + STALE_NEWS) {
                self.tell(now, slot);
            }
        }
        if now < self.tells_at || !self.has_room() {
            return;
        }
        let mut waiting: Vec<_> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.news_since.is_some())
            .map(|(slot, peer)| (self.news_rank(now, slot, peer), slot))
            .collect();
        waiting.sort_unstable();
        waiting.truncate(TOLD_AT_ONCE);
        if !waiting.is_empty() {
            self.tells_at = now + self.tell_interval(waiting.len());
        }
        for (_, slot) in waiting {
            self.tell(now, slot);
        }
    }

    /// How long after `told` neighbours the next are told.
    fn tell_interval(&self, told: usize) -> Duration {
        let news = (told * MESSAGE_BYTES) as u64;
        self.pacer.rate().time_for(news * UPLINK_PER_NEWS).min(LONGEST_TELL_INTERVAL)
    }

    /// Lower is told earlier: viewers, then who lacks what is urgent, then fast uplinks, then who waited longest.
    fn news_rank(&self, now: Instant, slot: Slot, peer: &Peer) -> impl Ord + use<> {
        let lacking =
            self.segments.iter().find(|segment| segment.view(slot).is_some_and(|view| view.is_news));
        (
            peer.role() != Some(Role::Viewer),
            lacking.map_or(Instant(Duration::MAX), |segment| segment.urgency(now, self.config.slack())),
            Reverse(peer.uplink()),
            peer.told_at,
        )
    }

    /// Tells one peer everything that is news to it.
    fn tell(&mut self, now: Instant, slot: Slot) {
        let queue = QueueTime::from(self.queue_time());
        let Some(peer) = self.peers.get_mut(slot) else { return };
        (peer.news_since, peer.told_at) = (None, now);
        for segment in self.segments.iter_mut() {
            let view = segment.view_mut(slot);
            let was_news = std::mem::take(&mut view.is_news);
            view.knows |= was_news;
            // What it has had from elsewhere in the meantime is none.
            if was_news && segment.view(slot).is_some_and(|view| segment.held.has_more_than(&view.have)) {
                let have = Message::Have(segment.name, segment.held.clone(), queue);
                self.actions.push_back(Action::Send(peer.node, have));
            }
        }
    }

    /// Whether the uplink would soon have nothing to do.
    fn has_room(&self) -> bool {
        self.queue_time() <= self.config.longest_queue() / 4
    }

    /// When [`Swarm::send_news`] or [`Swarm::ask_for_manifests`] has something to do, if nothing else happens.
    pub(super) fn next_telling_at(&self) -> Option<Instant> {
        let oldest = self.peers.iter().filter_map(|(_, peer)| peer.news_since).min();
        let at = |since: Instant| if self.has_room() { self.tells_at } else { since + STALE_NEWS };
        oldest.map(at).into_iter().chain(self.rumours.next_at()).min()
    }

    /// What waits to be sent, as time at our pace.
    pub(super) fn queue_time(&self) -> Duration {
        let queued = self.peers.iter().map(|(_, peer)| peer.upload.queue.len() as u64).sum();
        self.time_to_send(queued, self.segments.iter())
    }

    /// What waits of the segments up to `key`.
    pub(super) fn queue_time_until(&self, key: Key) -> Duration {
        let waiting =
            |(_, peer): (Slot, &Peer)| peer.upload.queue.iter().filter(|(of, _)| *of <= key).count();
        let queued = self.peers.iter().map(|peer| waiting(peer) as u64).sum();
        self.time_to_send(queued, self.segments.iter().filter(|segment| segment.key <= key))
    }

    /// How long we take for blocks in queues, for what is promised of these segments, and for what is on its way.
    fn time_to_send<'a>(&self, queued: u64, segments: impl Iterator<Item = &'a Segment>) -> Duration {
        let promised: u64 = segments.map(Segment::promised_blocks).sum();
        let in_flight: usize = self.peers.iter().map(|(_, peer)| peer.upload.in_flight_bytes).sum();
        self.pacer.rate().time_for((queued + promised) * self.block_len() + in_flight as u64)
    }

    /// Bytes of a block, as the newest segment has them that is wanted whole.
    pub(super) fn block_len(&self) -> u64 {
        let whole = self.segments.iter().rfind(|segment| segment.interest == Interest::Whole);
        let newest = whole.or_else(|| self.segments.iter().next_back());
        newest.map_or(Manifest::MAX_BLOCK_LEN, |segment| segment.manifest.block_len).into()
    }

    /// Tells the driver of a segment that has just become whole.
    pub(super) fn settle(&mut self, key: Key) {
        if let Some(segment) = self.segments.get(key).filter(|segment| segment.phase == Phase::Complete) {
            let name = segment.name;
            self.act(Action::Complete(name));
        }
    }
}
