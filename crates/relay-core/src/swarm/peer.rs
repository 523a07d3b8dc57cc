//! What we know of one connected peer, and what we owe it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use streamr_model::{BlockIndex, BlockSet, SegmentRef};

use crate::message::{Hello, Role};
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
    /// Verified blocks that we had already.
    pub blocks_duplicate: u32,
    /// Bytes we gave it.
    pub bytes_sent: u64,
}

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) hello: Option<Hello>,
    /// Segments whose manifest it has, as far as we know.
    pub(crate) knows: BTreeSet<SegmentRef>,
    pub(crate) have: BTreeMap<SegmentRef, BlockSet>,
    pub(crate) upload: Upload,
    pub(crate) notify: Notify,
    /// Not asked for anything until then, because it did not deliver.
    pub(crate) shunned_until: Instant,
}

/// What goes out to a peer.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// Blocks to send, in the order of their becoming due. Bounded by [`Upload::MAX_QUEUE`].
    pub(crate) queue: VecDeque<(SegmentRef, BlockIndex)>,
    /// Handed to the driver and not yet written.
    pub(crate) in_flight_bytes: usize,
    /// Promised unasked: queued as soon as we hold them.
    pub(crate) offered: BTreeMap<SegmentRef, BlockSet>,
    pub(crate) last_sent: Instant,
}

impl Upload {
    /// The most blocks queued for one peer; requests beyond it are refused.
    pub(crate) const MAX_QUEUE: usize = 2_048;
    /// Bytes handed to the driver at a time: enough to keep a socket busy, little enough to reorder.
    pub(crate) const WINDOW_BYTES: usize = 256 * 1024;

    /// Blocks queued and promised.
    pub(crate) fn backlog_blocks(&self) -> u64 {
        let promised: u64 = self.offered.values().map(|blocks| u64::from(blocks.count())).sum();
        promised + self.queue.len() as u64
    }

    /// Forgets the queued and promised blocks of `segment` that are in `blocks`.
    pub(crate) fn cancel(&mut self, segment: SegmentRef, blocks: &BlockSet) {
        self.queue.retain(|(name, index)| *name != segment || !blocks.contains(*index));
        if let Some(offered) = self.offered.get_mut(&segment) {
            blocks.iter().for_each(|index| {
                offered.remove(index);
            });
        }
    }
}

/// What we have yet to tell a peer about our blocks.
#[derive(Debug, Default)]
pub(crate) struct Notify {
    pub(crate) changed: BTreeSet<SegmentRef>,
    pub(crate) not_before: Instant,
}

impl Peer {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            hello: None,
            knows: BTreeSet::new(),
            have: BTreeMap::new(),
            upload: Upload { last_sent: now, ..Upload::default() },
            notify: Notify::default(),
            shunned_until: now,
        }
    }

    pub(crate) fn role(&self) -> Option<Role> {
        self.hello.as_ref().map(|hello| hello.role)
    }

    pub(crate) fn has(&self, segment: &SegmentRef, index: BlockIndex) -> bool {
        self.have.get(segment).is_some_and(|have| have.contains(index))
    }

    pub(crate) fn may_be_asked(&self, now: Instant) -> bool {
        self.hello.is_some() && now >= self.shunned_until
    }

    pub(crate) fn note_has(&mut self, segment: SegmentRef, index: BlockIndex, len: u16) {
        self.have.entry(segment).or_insert_with(|| BlockSet::empty(len)).insert(index);
    }

    pub(crate) fn forget(&mut self, segment: &SegmentRef) {
        self.knows.remove(segment);
        self.have.remove(segment);
        self.notify.changed.remove(segment);
        self.upload.offered.remove(segment);
        self.upload.queue.retain(|(name, _)| name != segment);
    }
}
