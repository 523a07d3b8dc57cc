//! What we know of one connected peer and owe it, and the bounded table of those we are connected to.

use std::collections::VecDeque;
use std::time::Duration;

use streamr_model::{BitsPerSecond, BlockIndex, BlockSet, NodeId, RenditionId};

use super::Config;
use super::interest::Interests;
use super::segment::Key;
use crate::message::{Interest, Role};
use crate::time::Instant;

/// Media exchanged with one peer since it was first met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeerCounters {
    /// Verified bytes it gave us.
    pub bytes_received: u64,
    /// Verified blocks it gave us that we did not have.
    pub blocks_received: u32,
    /// Of these, before their deadline.
    pub blocks_on_time: u32,
    /// Blocks that did not verify.
    pub blocks_bad: u32,
    /// Blocks it was asked for or had promised, and did not give in the time it was waited for.
    pub blocks_missed: u32,
    /// Verified blocks that we had already.
    pub blocks_duplicate: u32,
    /// Bytes we gave it.
    pub bytes_sent: u64,
}

/// A connected peer's place in the table, and in each segment's views. Taken again once it has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u8);

impl Slot {
    pub(crate) fn at(self) -> usize {
        usize::from(self.0)
    }
}

/// What a peer said of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Introduction {
    pub(crate) role: Role,
    pub(crate) uplink: BitsPerSecond,
}

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) node: NodeId,
    pub(crate) introduction: Option<Introduction>,
    pub(crate) interests: Interests,
    /// It has said good-bye: it still gives what it began, and is asked for nothing more.
    pub(crate) leaves: bool,
    pub(crate) upload: Upload,
    /// Since when there is news for it of what we hold.
    pub(crate) news_since: Option<Instant>,
    pub(crate) told_at: Instant,
    /// Not asked for anything until then, because it did not deliver.
    pub(crate) shunned_until: Instant,
    /// No receipt of it is passed on before.
    pub(crate) next_receipt_at: Instant,
    /// Not asked for anything until then, because it is busy.
    pub(crate) busy_until: Instant,
    /// Requests it has refused since it last gave something or said that it has room.
    pub(crate) refusals: u32,
    pub(crate) counters: PeerCounters,
}

/// What goes out to a peer.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// Blocks to send, in the order of their segments' deadlines. Bounded by [`Upload::MAX_QUEUE`].
    pub(crate) queue: VecDeque<(Key, BlockIndex)>,
    /// Handed to the driver and not yet written.
    pub(crate) in_flight_bytes: usize,
    pub(crate) last_sent: Instant,
}

impl Upload {
    /// The most blocks queued for one peer; requests beyond it are refused.
    pub(crate) const MAX_QUEUE: usize = 2_048;
    /// Bytes handed to the driver at a time: enough to keep a socket busy, little enough to reorder.
    pub(crate) const WINDOW_BYTES: usize = 256 * 1024;

    /// Queues a block behind those of its own and of older segments.
    pub(crate) fn push(&mut self, key: Key, index: BlockIndex) {
        let behind = self.queue.iter().rposition(|(queued, _)| *queued <= key).map_or(0, |at| at + 1);
        self.queue.insert(behind, (key, index));
    }

    /// Forgets the queued blocks of `segment` that are in `blocks`.
    pub(crate) fn cancel(&mut self, segment: Key, blocks: &BlockSet) {
        self.queue.retain(|(key, index)| *key != segment || !blocks.contains(*index));
    }

    pub(crate) fn is_ready(&self) -> bool {
        !self.queue.is_empty() && self.in_flight_bytes < Self::WINDOW_BYTES
    }
}

impl Peer {
    /// Blocks asked of a peer cover this much of its uplink: enough to keep it busy for a round trip, little
    /// enough to be asked elsewhere when something changes.
    const ASKED_AHEAD: Duration = Duration::from_millis(250);
    const MAX_ASKED: usize = 32;

    fn new(node: NodeId, now: Instant, counters: PeerCounters) -> Self {
        Self {
            node,
            introduction: None,
            interests: Interests::default(),
            leaves: false,
            upload: Upload { last_sent: now, ..Upload::default() },
            news_since: None,
            told_at: now,
            shunned_until: now,
            next_receipt_at: now,
            busy_until: now,
            refusals: 0,
            counters,
        }
    }

    pub(crate) fn role(&self) -> Option<Role> {
        self.introduction.map(|said| said.role)
    }

    /// Whether it takes blocks.
    pub(crate) fn consumes(&self) -> bool {
        matches!(self.role(), Some(Role::Supporter | Role::Viewer)) && !self.leaves
    }

    /// Whether it wants all of a rendition.
    pub(crate) fn seeks(&self, rendition: RenditionId) -> bool {
        self.interests.of(rendition) == Interest::Whole
    }

    pub(crate) fn uplink(&self) -> BitsPerSecond {
        self.introduction.map_or(BitsPerSecond(0), |said| said.uplink)
    }

    pub(crate) fn may_be_asked(&self, now: Instant) -> bool {
        self.introduction.is_some() && !self.leaves && now >= self.asked_from()
    }

    /// The most blocks asked of it at a time.
    pub(crate) fn room(&self, block_len: u64) -> usize {
        let blocks = self.uplink().bytes_in(Self::ASKED_AHEAD) / block_len;
        usize::try_from(blocks).unwrap_or(usize::MAX).clamp(1, Self::MAX_ASKED)
    }

    /// It is left in peace until then.
    pub(crate) fn asked_from(&self) -> Instant {
        self.shunned_until.max(self.busy_until)
    }
}

/// The connected peers, [`Config::MAX_PEERS`] and the seed at most, and the counters of those that left.
#[derive(Debug, Default)]
pub(crate) struct PeerTable {
    slots: Vec<Option<Peer>>,
    /// Oldest first, [`PeerTable::MAX_DEPARTED`] at most.
    departed: VecDeque<(NodeId, PeerCounters)>,
}

impl PeerTable {
    const MAX_DEPARTED: usize = 1_024;

    pub(crate) fn len(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    pub(crate) fn find(&self, node: NodeId) -> Option<Slot> {
        let at = self.slots.iter().position(|peer| peer.as_ref().is_some_and(|peer| peer.node == node))?;
        u8::try_from(at).ok().map(Slot)
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Peer> {
        self.slots.get(slot.at()).and_then(Option::as_ref)
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Peer> {
        self.slots.get_mut(slot.at()).and_then(Option::as_mut)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Peer)> {
        self.slots.iter().enumerate().filter_map(|(at, peer)| Some((slot(at)?, peer.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Slot, &mut Peer)> {
        self.slots.iter_mut().enumerate().filter_map(|(at, peer)| Some((slot(at)?, peer.as_mut()?)))
    }

    pub(crate) fn slots(&self) -> Vec<Slot> {
        self.iter().map(|(slot, _)| slot).collect()
    }

    /// Takes a newcomer in; `None` if there is no room. The seed may always come.
    pub(crate) fn insert(&mut self, node: NodeId, is_seed: bool, now: Instant) -> Option<Slot> {
        if !is_seed && self.len() >= Config::MAX_PEERS {
            return None;
        }
        let before = self.departed.iter().position(|(departed, _)| *departed == node);
        let counters = before.and_then(|at| self.departed.remove(at)).map(|(_, counters)| counters);
        let peer = Peer::new(node, now, counters.unwrap_or_default());
        let free = self.slots.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[at] = Some(peer);
        slot(at)
    }

    pub(crate) fn remove(&mut self, slot: Slot) {
        let Some(peer) = self.slots.get_mut(slot.at()).and_then(Option::take) else { return };
        if peer.counters != PeerCounters::default() {
            self.departed.push_back((peer.node, peer.counters));
        }
        if self.departed.len() > Self::MAX_DEPARTED {
            self.departed.pop_front();
        }
    }

    /// What was exchanged with whom, those that left included.
    pub(crate) fn counters(&self) -> impl Iterator<Item = (NodeId, PeerCounters)> + '_ {
        let connected = self.iter().map(|(_, peer)| (peer.node, peer.counters));
        self.departed.iter().copied().chain(connected)
    }
}

fn slot(at: usize) -> Option<Slot> {
    u8::try_from(at).ok().map(Slot)
}
