//! A segment on its way, and the bounded table of those we know.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use streamr_model::{BlockIndex, BlockSet, Manifest, MediaSequence, SegmentRef, StreamEpoch};

use super::action::Supplier;
use crate::message::Freshness;
use crate::time::Instant;

/// Playing order.
pub(crate) type Place = (StreamEpoch, MediaSequence);

/// How far a segment has come. Only `Wanted` ones are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Wanted,
    Complete,
    Missed,
}

/// A block that is on its way to us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) from: Supplier,
    pub(crate) expires: Instant,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) freshness: Freshness,
    pub(crate) phase: Phase,
    pub(crate) arrived: Instant,
    pub(crate) deadline: Instant,
    pub(crate) held: BlockSet,
    pub(crate) pending: BTreeMap<BlockIndex, Pending>,
    /// When each stripe may be fetched from the origin's side; see [`super::election`].
    pub(crate) origin_due: Vec<Instant>,
    /// The origin has other bytes, or none, under this segment's URL.
    pub(crate) origin_refused: bool,
}

impl Segment {
    const MAX_STRIPES: u16 = 16;
    const MIN_STRIPE_BLOCKS: u16 = 2;

    pub(crate) fn new(
        manifest: Arc<Manifest>,
        freshness: Freshness,
        now: Instant,
        live_delay: Duration,
    ) -> Self {
        let held = BlockSet::empty(manifest.block_count());
        Self {
            manifest,
            freshness,
            phase: Phase::Wanted,
            arrived: now,
            deadline: now + live_delay,
            held,
            pending: BTreeMap::new(),
            origin_due: Vec::new(),
            origin_refused: false,
        }
    }

    pub(crate) fn place(&self) -> Place {
        (self.manifest.epoch, self.manifest.sequence)
    }

    fn stripe_blocks(&self) -> u16 {
        self.manifest.block_count().div_ceil(Self::MAX_STRIPES).max(Self::MIN_STRIPE_BLOCKS)
    }

    pub(crate) fn stripe_count(&self) -> u16 {
        self.manifest.block_count().div_ceil(self.stripe_blocks())
    }

    pub(crate) fn stripe(&self, stripe: u16) -> Range<u16> {
        let start = stripe * self.stripe_blocks();
        start..(start + self.stripe_blocks()).min(self.manifest.block_count())
    }

    /// Blocks neither held nor on their way.
    pub(crate) fn open_blocks(&self) -> impl Iterator<Item = BlockIndex> + '_ {
        self.held.missing().filter(|index| !self.pending.contains_key(index))
    }

    pub(crate) fn missing_bytes(&self) -> u64 {
        u64::from(self.held.capacity() - self.held.count()) * u64::from(self.manifest.block_len)
    }

    pub(crate) fn block_len(&self, index: BlockIndex) -> usize {
        self.manifest.block_span(index).map_or(0, |(_, len)| len as usize)
    }
}

/// The segments we know, newest [`SegmentTable::MAX`] at most.
#[derive(Debug, Default)]
pub(crate) struct SegmentTable {
    by_ref: BTreeMap<SegmentRef, Segment>,
    in_order: BTreeMap<Place, SegmentRef>,
    bytes: u64,
    /// Nothing at or before this place is taken in again.
    evicted: Option<Place>,
}

impl SegmentTable {
    /// The most segments known at once.
    pub(crate) const MAX: usize = 64;

    pub(crate) fn get(&self, segment: &SegmentRef) -> Option<&Segment> {
        self.by_ref.get(segment)
    }

    pub(crate) fn get_mut(&mut self, segment: &SegmentRef) -> Option<&mut Segment> {
        self.by_ref.get_mut(segment)
    }

    /// In playing order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (SegmentRef, &Segment)> {
        self.in_order.values().filter_map(|name| self.by_ref.get(name).map(|segment| (*name, segment)))
    }

    /// Those still fetched, in playing order, which is the order of their deadlines.
    pub(crate) fn wanted(&self) -> Vec<SegmentRef> {
        self.iter().filter(|(_, segment)| segment.phase == Phase::Wanted).map(|(name, _)| name).collect()
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Segment> {
        self.by_ref.values_mut()
    }

    /// Takes a segment in unless its place is taken or was evicted before.
    pub(crate) fn insert(&mut self, name: SegmentRef, segment: Segment) -> bool {
        let place = segment.place();
        if self.evicted.is_some_and(|evicted| place <= evicted) || self.in_order.contains_key(&place) {
            return false;
        }
        self.bytes += u64::from(segment.manifest.len);
        self.in_order.insert(place, name);
        self.by_ref.insert(name, segment);
        true
    }

    /// Takes the oldest out if there are too many, too much, or it is past `expired`.
    pub(crate) fn evict_one(
        &mut self,
        limit_bytes: u64,
        expired: impl Fn(&Segment) -> bool,
    ) -> Option<SegmentRef> {
        let (place, name) = self.in_order.first_key_value().map(|(place, name)| (*place, *name))?;
        let segment = self.by_ref.get(&name)?;
        let too_much = self.by_ref.len() > Self::MAX || (self.bytes > limit_bytes && self.by_ref.len() > 1);
        if !too_much && !expired(segment) {
            return None;
        }
        self.bytes -= u64::from(segment.manifest.len);
        self.by_ref.remove(&name);
        self.in_order.remove(&place);
        self.evicted = self.evicted.max(Some(place));
        Some(name)
    }
}
