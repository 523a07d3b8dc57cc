//! A segment on its way, and the bounded table of those we know.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use streamr_model::{
    BitsPerSecond, BlockIndex, BlockSet, Manifest, MediaSequence, RenditionId, SegmentRef, StreamEpoch,
};

use super::action::FetchId;
use super::peer::Slot;
use crate::message::{Freshness, Interest};
use crate::time::Instant;

/// Playing order; renditions of one moment stand beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) epoch: StreamEpoch,
    pub(crate) sequence: MediaSequence,
    pub(crate) rendition: RenditionId,
}

/// A known segment's short name within this process: newer ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u32);

/// How far a segment has come. Only `Wanted` ones are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Wanted,
    Complete,
    Missed,
}

/// Where a block comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Origin(FetchId),
    Peer(Slot),
}

/// A block that is on its way to us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) index: BlockIndex,
    pub(crate) from: Source,
    pub(crate) expires: Instant,
}

/// When a stripe may be fetched from the origin's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) at: Instant,
    /// We are its elected owner, and fetch it whatever others say they hold.
    pub(crate) is_own: bool,
}

/// The blocks on their way; each at most once.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    set: BlockSet,
    list: Vec<Pending>,
    /// No block expires before it.
    earliest: Option<Instant>,
}

impl InFlight {
    pub(crate) fn insert(&mut self, pending: Pending) {
        self.take(pending.index);
        self.set.insert(pending.index);
        self.earliest = Some(self.earliest.map_or(pending.expires, |at| at.min(pending.expires)));
        self.list.push(pending);
    }

    pub(crate) fn get(&self, index: BlockIndex) -> Option<&Pending> {
        self.set.contains(index).then(|| self.list.iter().find(|pending| pending.index == index)).flatten()
    }

    pub(crate) fn take(&mut self, index: BlockIndex) -> Option<Pending> {
        if !self.set.remove(index) {
            return None;
        }
        let at = self.list.iter().position(|pending| pending.index == index)?;
        Some(self.list.swap_remove(at))
    }

    /// Takes out all for which `gone` holds.
    pub(crate) fn take_where(&mut self, gone: impl Fn(&Pending) -> bool) -> Vec<Pending> {
        let taken: Vec<Pending> = self.list.extract_if(.., |pending| gone(pending)).collect();
        for pending in &taken {
            self.set.remove(pending.index);
        }
        taken
    }

    /// Takes out what should be here by now.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<Pending> {
        if self.earliest.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let expired = self.take_where(|pending| pending.expires <= now);
        self.earliest = self.list.iter().map(|pending| pending.expires).min();
        expired
    }

    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.earliest
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.list.iter()
    }
}

/// Which blocks of a segment of `capacity` blocks are to come from which peer.
pub(crate) fn by_peer<'a>(
    pending: impl IntoIterator<Item = &'a Pending>,
    capacity: u16,
) -> BTreeMap<Slot, BlockSet> {
    let mut by_peer: BTreeMap<Slot, BlockSet> = BTreeMap::new();
    for Pending { index, from, .. } in pending {
        if let Source::Peer(slot) = from {
            by_peer.entry(*slot).or_insert_with(|| BlockSet::empty(capacity)).insert(*index);
        }
    }
    by_peer
}

/// What a peer has of a segment, as far as we know, and what we said to it about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) have: BlockSet,
    /// What we promised it unasked and do not hold yet.
    pub(crate) offered: Option<Box<BlockSet>>,
    /// It has the manifest.
    pub(crate) knows: bool,
    /// We have sent it the manifest.
    pub(crate) was_sent: bool,
    /// It has yet to be told what we hold.
    pub(crate) is_news: bool,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) key: Key,
    pub(crate) name: SegmentRef,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) freshness: Freshness,
    pub(crate) phase: Phase,
    pub(crate) interest: Interest,
    pub(crate) arrived: Instant,
    pub(crate) deadline: Instant,
    pub(crate) held: BlockSet,
    pub(crate) in_flight: InFlight,
    /// By [`Slot`]; shorter than the peer table where nothing is known of the last ones.
    views: Vec<View>,
    /// Our turn to fetch each stripe from the origin's side, or one turn for all; see [`super::election`].
    pub(crate) turns: Vec<Turn>,
    /// The origin has other bytes, or none, under this segment's URL.
    pub(crate) origin_refused: bool,
}

impl Segment {
    const MAX_STRIPES: u16 = 16;
    const MIN_STRIPE_BLOCKS: u16 = 2;

    pub(crate) fn new(
        name: SegmentRef,
        manifest: Arc<Manifest>,
        freshness: Freshness,
        now: Instant,
        live_delay: Duration,
    ) -> Self {
        let blocks = manifest.block_count();
        Self {
            key: Key(0),
            name,
            manifest,
            freshness,
            phase: Phase::Wanted,
            interest: Interest::Whole,
            arrived: now,
            deadline: now + live_delay,
            held: BlockSet::empty(blocks),
            in_flight: InFlight { set: BlockSet::empty(blocks), ..InFlight::default() },
            views: Vec::new(),
            turns: Vec::new(),
            origin_refused: false,
        }
    }

    pub(crate) fn place(&self) -> Place {
        let Manifest { epoch, sequence, .. } = *self.manifest;
        Place { epoch, sequence, rendition: self.manifest.rendition() }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.phase == Phase::Wanted
    }

    /// Whether all of it is wanted, not only our own stripes.
    pub(crate) fn is_sought(&self) -> bool {
        self.is_wanted() && self.interest == Interest::Whole
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.phase == Phase::Complete
    }

    /// What has used up `slack` is urgent, the earliest deadline first; the rest is equally far away.
    pub(crate) fn urgency(&self, now: Instant, slack: Duration) -> Instant {
        if now >= self.arrived + slack { self.deadline } else { Instant(Duration::MAX) }
    }

    /// Nothing more is fetched.
    pub(crate) fn close(&mut self, phase: Phase) {
        self.phase = phase;
        self.in_flight = InFlight::default();
        self.turns = Vec::new();
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

    pub(crate) fn turn(&self, stripe: u16) -> Option<Turn> {
        self.turns.get(usize::from(stripe)).or(self.turns.first()).copied()
    }

    /// Blocks neither held nor on their way.
    pub(crate) fn open_blocks(&self) -> BlockSet {
        let mut open = BlockSet::full(self.held.capacity());
        open.remove_all(&self.held);
        open.remove_all(&self.in_flight.set);
        open
    }

    /// The rate at which the segment plays.
    pub(crate) fn rate(&self) -> BitsPerSecond {
        let bits = u64::from(self.manifest.len) * 8;
        BitsPerSecond(bits.saturating_mul(1_000_000) / self.manifest.duration_us.max(1))
    }

    pub(crate) fn missing_bytes(&self) -> u64 {
        u64::from(self.held.capacity() - self.held.count()) * u64::from(self.manifest.block_len)
    }

    pub(crate) fn block_len(&self, index: BlockIndex) -> usize {
        self.manifest.block_span(index).map_or(0, |(_, len)| len as usize)
    }

    pub(crate) fn view(&self, slot: Slot) -> Option<&View> {
        self.views.get(slot.at())
    }

    pub(crate) fn view_mut(&mut self, slot: Slot) -> &mut View {
        if self.views.len() <= slot.at() {
            self.views.resize(slot.at() + 1, View::default());
        }
        let view = &mut self.views[slot.at()];
        if view.have.capacity() == 0 {
            view.have = BlockSet::empty(self.held.capacity());
        }
        view
    }

    pub(crate) fn is_known_by(&self, slot: Slot) -> bool {
        self.view(slot).is_some_and(|view| view.knows)
    }

    /// How many peers are known to have a block.
    pub(crate) fn holders(&self, index: BlockIndex) -> usize {
        self.views.iter().filter(|view| view.have.contains(index)).count()
    }

    /// Blocks promised and not yet here.
    pub(crate) fn promised_blocks(&self) -> u64 {
        self.views.iter().filter_map(|view| view.offered.as_ref()).map(|set| u64::from(set.count())).sum()
    }

    /// Forgets a peer that is gone.
    pub(crate) fn forget(&mut self, slot: Slot) {
        if let Some(view) = self.views.get_mut(slot.at()) {
            *view = View::default();
        }
        self.in_flight.take_where(|pending| pending.from == Source::Peer(slot));
    }
}

/// The segments we know in playing order, [`SegmentTable::MAX`] for each rendition at most.
#[derive(Debug, Default)]
pub(crate) struct SegmentTable {
    list: Vec<Segment>,
    /// How many of each rendition there are; [`Manifest::MAX_RENDITIONS`] at most.
    renditions: Vec<(RenditionId, usize)>,
    next_key: u32,
    bytes: u64,
    /// Per rendition: nothing at or before this place is taken in again.
    evicted: Vec<Place>,
}

impl SegmentTable {
    /// The most segments known at once, for each rendition of which any are known.
    pub(crate) const MAX: usize = 64;

    pub(crate) fn find(&self, name: &SegmentRef) -> Option<Key> {
        self.list.iter().rev().find(|segment| segment.name == *name).map(|segment| segment.key)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Segment> {
        self.list.iter().find(|segment| segment.key == key)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Segment> {
        self.list.iter_mut().find(|segment| segment.key == key)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.list.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Segment> {
        self.list.iter_mut()
    }

    /// Those of a rendition, in playing order.
    pub(crate) fn of_rendition(&mut self, rendition: RenditionId) -> impl Iterator<Item = &mut Segment> {
        self.list.iter_mut().filter(move |segment| segment.manifest.rendition() == rendition)
    }

    /// Where the oldest segment of each rendition stands.
    fn oldest(&self) -> impl Iterator<Item = usize> {
        let first =
            |rendition| self.list.iter().position(|segment| segment.manifest.rendition() == rendition);
        self.renditions.iter().filter_map(move |(rendition, _)| first(*rendition))
    }

    /// Those still fetched, in playing order, which is about the order of their deadlines.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &Segment> {
        self.list.iter().filter(|segment| segment.is_wanted())
    }

    /// Those of which everything is still fetched.
    pub(crate) fn sought(&self) -> impl Iterator<Item = &Segment> {
        self.list.iter().filter(|segment| segment.is_sought())
    }

    pub(crate) fn wanted_keys(&self) -> Vec<Key> {
        self.wanted().map(|segment| segment.key).collect()
    }

    /// Those still fetched, with those of which we want our own stripes only behind the others.
    pub(crate) fn sought_first(&self) -> Vec<Key> {
        let own_stripes = self.wanted().filter(|segment| !segment.is_sought());
        self.sought().chain(own_stripes).map(|segment| segment.key).collect()
    }

    /// Whether a segment at this place could be taken in.
    fn takes(&self, place: Place) -> bool {
        let is_late = |evicted: &Place| {
            evicted.rendition == place.rendition
                && (place.epoch, place.sequence) <= (evicted.epoch, evicted.sequence)
        };
        let is_further_rendition = || {
            self.renditions.len() >= Manifest::MAX_RENDITIONS
                && self.renditions.iter().all(|(known, _)| *known != place.rendition)
        };
        !self.evicted.iter().any(is_late)
            && !self.list.iter().any(|segment| segment.place() == place)
            && !is_further_rendition()
    }

    /// How many places before the newest known segment of its epoch and rendition `place` is.
    pub(crate) fn behind_newest(&self, place: Place) -> u64 {
        let is_of_it = |other: &Place| (other.epoch, other.rendition) == (place.epoch, place.rendition);
        let newest = self.list.iter().map(Segment::place).filter(is_of_it).max();
        newest.map_or(0, |newest| newest.sequence.0.saturating_sub(place.sequence.0))
    }

    /// Takes a segment in unless its place is taken or was evicted before.
    pub(crate) fn insert(&mut self, mut segment: Segment) -> Option<Key> {
        let place = segment.place();
        if !self.takes(place) {
            return None;
        }
        let key = Key(self.next_key);
        self.next_key = self.next_key.wrapping_add(1);
        segment.key = key;
        self.bytes += u64::from(segment.manifest.len);
        match self.renditions.iter_mut().find(|(known, _)| *known == place.rendition) {
            Some((_, count)) => *count += 1,
            None => self.renditions.push((place.rendition, 1)),
        }
        let at = self.list.partition_point(|other| other.place() < place);
        self.list.insert(at, segment);
        Some(key)
    }

    /// When the next segment is evicted if nothing else happens: those that keep others from it are the
    /// oldest of their renditions.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.oldest().map(|at| self.list[at].deadline).min()
    }

    /// Takes the oldest of a rendition out if there are too many, too much, or it is past `expired`. Renditions
    /// need not count alike, so the oldest of each is looked at.
    pub(crate) fn evict_one(
        &mut self,
        limit_bytes: u64,
        expired: impl Fn(&Segment) -> bool,
    ) -> Option<Segment> {
        let too_much = self.list.len() > Self::MAX * self.renditions.len()
            || (self.bytes > limit_bytes && self.list.len() > 1);
        let at = if too_much {
            self.oldest().min_by_key(|at| self.list[*at].deadline)?
        } else {
            self.oldest().find(|at| expired(&self.list[*at]))?
        };
        let segment = self.list.remove(at);
        self.bytes -= u64::from(segment.manifest.len);
        let place = segment.place();
        if let Some((_, count)) = self.renditions.iter_mut().find(|(known, _)| *known == place.rendition) {
            *count -= 1;
        }
        self.renditions.retain(|(_, count)| *count > 0);
        let before = self.evicted.iter().position(|evicted| evicted.rendition == place.rendition);
        let latest = before.map_or(place, |at| self.evicted.swap_remove(at).max(place));
        if self.evicted.len() >= Manifest::MAX_RENDITIONS {
            self.evicted.remove(0);
        }
        self.evicted.push(latest);
        Some(segment)
    }
}
