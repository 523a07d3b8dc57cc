//! Getting blocks: from peers that hold them, and when it is our turn from the origin's side.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use streamr_model::{BlockIndex, BlockSet, NodeId, SegmentRef};

use super::action::{FetchEnd, FetchId, Supplier};
use super::segment::{Pending, Phase, Segment};
use super::{Action, Config, Swarm};
use crate::message::{Message, Role};
use crate::time::Instant;

/// The most fetches from the origin at once.
const MAX_FETCHES: usize = 4;
/// A fetch that brought nothing for this long has failed.
const FETCH_STALL: Duration = Duration::from_secs(3);
/// The most blocks asked of one peer at a time.
const MAX_OUTSTANDING: usize = 16;
/// After a failure the origin is left alone for this long.
const ORIGIN_REST: Duration = Duration::from_secs(1);

/// Whether the origin serves parts of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum RangeSupport {
    /// Nothing has been fetched yet: one fetch at a time, because an origin without Range sends it all.
    #[default]
    Unknown,
    Yes,
    No,
}

/// What we know of the origin.
#[derive(Debug, Default)]
pub(super) struct Origin {
    pub(super) fetches: BTreeMap<FetchId, Fetch>,
    range: RangeSupport,
    pub(super) rests_until: Instant,
    next_fetch: u64,
}

#[derive(Debug)]
pub(super) struct Fetch {
    segment: SegmentRef,
    blocks: Range<u16>,
}

/// Where blocks of the origin's side come from just now.
enum OriginSide {
    Origin { whole: bool },
    Seed(NodeId),
    Nowhere,
}

impl Config {
    /// How long a promise of a block is believed.
    pub(super) fn patience(&self) -> Duration {
        self.live_delay / 4
    }
}

impl Swarm {
    /// Asks for everything that should be asked for now.
    pub(super) fn fetch(&mut self, now: Instant) {
        if self.config.role == Role::Seed {
            return;
        }
        for name in self.segments.wanted() {
            self.expire_pending(name, now);
            self.pull(name, now);
            self.fetch_from_origin_side(name, now);
        }
    }

    /// Gives up blocks that were promised and did not come.
    fn expire_pending(&mut self, name: SegmentRef, now: Instant) {
        let Some(segment) = self.segments.get_mut(&name) else { return };
        let late: Vec<(BlockIndex, Supplier)> =
            segment.pending.iter().filter(|(_, p)| p.expires <= now).map(|(i, p)| (*i, p.from)).collect();
        let mut late_from: BTreeMap<NodeId, BlockSet> = BTreeMap::new();
        for (index, from) in late {
            segment.pending.remove(&index);
            if let Supplier::Peer(node) = from {
                late_from
                    .entry(node)
                    .or_insert_with(|| BlockSet::empty(segment.held.capacity()))
                    .insert(index);
            }
        }
        for (node, blocks) in late_from {
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.shunned_until = now + self.config.live_delay / 2;
                self.actions.push_back(Action::Send(node, Message::Cancel(name, blocks)));
            }
        }
    }

    /// Requests open blocks from peers that hold them, each from the one with the least to do.
    fn pull(&mut self, name: SegmentRef, now: Instant) {
        let Some(segment) = self.segments.get(&name) else { return };
        let mut open: Vec<BlockIndex> = segment.open_blocks().collect();
        if open.is_empty() {
            return;
        }
        let mut outstanding = self.outstanding();
        let Some(segment) = self.segments.get_mut(&name) else { return };
        // Neighbours that begin at different places have something to give each other.
        let turn = usize::from(self.config.me.0[0]) * open.len() / 256;
        open.rotate_left(turn);
        let mut requests: BTreeMap<NodeId, BlockSet> = BTreeMap::new();
        for index in open {
            let holders =
                self.peers.iter().filter(|(_, peer)| peer.has(&name, index) && peer.may_be_asked(now));
            let load = holders.map(|(node, _)| (outstanding.get(node).copied().unwrap_or(0), *node));
            let Some((_, node)) = load.filter(|(blocks, _)| *blocks < MAX_OUTSTANDING).min() else {
                continue;
            };
            *outstanding.entry(node).or_default() += 1;
            let pending = Pending { from: Supplier::Peer(node), expires: now + self.config.patience() };
            segment.pending.insert(index, pending);
            requests.entry(node).or_insert_with(|| BlockSet::empty(segment.held.capacity())).insert(index);
        }
        for (node, blocks) in requests {
            self.act(Action::Send(node, Message::Request(name, blocks)));
        }
    }

    /// Blocks that each peer has promised or was asked for, and that are not here yet.
    fn outstanding(&self) -> BTreeMap<NodeId, usize> {
        let pending = self.segments.iter().flat_map(|(_, segment)| segment.pending.values());
        pending.fold(BTreeMap::new(), |mut blocks, pending| {
            if let Supplier::Peer(node) = pending.from {
                *blocks.entry(node).or_default() += 1;
            }
            blocks
        })
    }

    fn origin_side(&self, segment: &Segment, now: Instant) -> OriginSide {
        let seed = self.peers.iter().find(|(_, peer)| peer.role() == Some(Role::Seed)).map(|(node, _)| *node);
        let origin_serves = !segment.origin_refused && now >= self.origin.rests_until;
        match (origin_serves, self.origin.range == RangeSupport::No, seed) {
            (true, false, _) => OriginSide::Origin { whole: false },
            (_, _, Some(seed)) => OriginSide::Seed(seed),
            (true, true, None) => OriginSide::Origin { whole: true },
            (false, _, None) => OriginSide::Nowhere,
        }
    }

    /// Fetches the open blocks of stripes that are due, and at the last call everything missing.
    fn fetch_from_origin_side(&mut self, name: SegmentRef, now: Instant) {
        let Some(segment) = self.segments.get(&name) else { return };
        let last_call = now >= segment.last_call();
        let waits = |index: BlockIndex| {
            let promised = segment.pending.get(&index);
            promised
                .is_none_or(|p| last_call && matches!(p.from, Supplier::Peer(node) if !self.is_seed(node)))
        };
        let due_stripes = (0..segment.stripe_count()).filter(|stripe| {
            last_call || segment.origin_due.get(usize::from(*stripe)).is_some_and(|due| *due <= now)
        });
        let due: Vec<u16> = due_stripes
            .flat_map(|stripe| segment.stripe(stripe))
            .filter(|index| !segment.held.contains(BlockIndex(*index)) && waits(BlockIndex(*index)))
            .collect();
        if due.is_empty() {
            return;
        }
        match self.origin_side(segment, now) {
            OriginSide::Nowhere => {}
            OriginSide::Seed(seed) => self.request_from_seed(name, seed, &due, now),
            OriginSide::Origin { whole: true } => {
                let all = 0..segment.manifest.block_count();
                self.start_fetch(name, all, now);
            }
            OriginSide::Origin { whole: false } => {
                for run in runs(&due) {
                    self.start_fetch(name, run, now);
                }
            }
        }
    }

    fn request_from_seed(&mut self, name: SegmentRef, seed: NodeId, due: &[u16], now: Instant) {
        let expires = now + self.config.patience();
        let Some(segment) = self.segments.get_mut(&name) else { return };
        let mut blocks = BlockSet::empty(segment.held.capacity());
        for index in due.iter().copied().map(BlockIndex) {
            blocks.insert(index);
            segment.pending.insert(index, Pending { from: Supplier::Peer(seed), expires });
        }
        self.offer(name, &blocks);
        self.act(Action::Send(seed, Message::Request(name, blocks)));
    }

    fn start_fetch(&mut self, name: SegmentRef, blocks: Range<u16>, now: Instant) {
        let most = if self.origin.range == RangeSupport::Unknown { 1 } else { MAX_FETCHES };
        if self.origin.fetches.len() >= most {
            return;
        }
        let Some(segment) = self.segments.get_mut(&name) else { return };
        let fetch = FetchId(self.origin.next_fetch);
        self.origin.next_fetch += 1;
        let mut wanted = BlockSet::empty(segment.held.capacity());
        for index in blocks.clone().map(BlockIndex).filter(|index| !segment.held.contains(*index)) {
            wanted.insert(index);
            let pending = Pending { from: Supplier::Origin(fetch), expires: now + FETCH_STALL };
            segment.pending.insert(index, pending);
        }
        self.origin.fetches.insert(fetch, Fetch { segment: name, blocks: blocks.clone() });
        self.offer(name, &wanted);
        self.act(Action::Fetch(fetch, name, blocks));
    }

    /// A fetch is over: what it did not bring is open again.
    pub fn handle_fetch_ended(&mut self, now: Instant, id: FetchId, end: FetchEnd) {
        let Some(fetch) = self.origin.fetches.remove(&id) else { return };
        match end {
            FetchEnd::Done if self.origin.range == RangeSupport::Unknown => {
                self.origin.range = RangeSupport::Yes;
            }
            FetchEnd::Done | FetchEnd::Gone => {}
            FetchEnd::RangeIgnored => self.origin.range = RangeSupport::No,
            FetchEnd::Failed => self.origin.rests_until = now + ORIGIN_REST,
        }
        if let Some(segment) = self.segments.get_mut(&fetch.segment) {
            segment.origin_refused |= end == FetchEnd::Gone;
            let lost = |pending: &Pending| pending.from == Supplier::Origin(id);
            for index in fetch.blocks.map(BlockIndex) {
                if segment.pending.get(&index).is_some_and(lost) {
                    segment.pending.remove(&index);
                }
            }
        }
        self.advance(now);
    }

    /// Gives up what `node` promised, for every segment.
    pub(super) fn forget_promises_of(&mut self, node: NodeId) {
        for segment in self.segments.values_mut() {
            segment.pending.retain(|_, pending| pending.from != Supplier::Peer(node));
        }
    }

    /// When [`Swarm::fetch`] has something new to do, if nothing else happens before.
    pub(super) fn next_fetch_at(&self, now: Instant) -> Option<Instant> {
        let wake = |segment: &Segment| {
            let promises = segment.pending.values().map(|pending| pending.expires);
            let open = |stripe: &u16| {
                segment
                    .stripe(*stripe)
                    .map(BlockIndex)
                    .any(|index| !segment.held.contains(index) && !segment.pending.contains_key(&index))
            };
            let dues = (0..segment.stripe_count()).filter(open).filter_map(|stripe| {
                let due = segment.origin_due.get(usize::from(stripe)).copied()?;
                // What is due and still open waits for a place among the fetches or for the origin's rest.
                (due > now)
                    .then_some(due)
                    .or_else(|| (self.origin.rests_until > now).then_some(self.origin.rests_until))
            });
            let last_call = Some(segment.last_call()).filter(|at| *at > now);
            promises.chain(dues).chain(last_call).chain([segment.deadline]).min()
        };
        let wanted = self.segments.iter().filter(|(_, segment)| segment.phase == Phase::Wanted);
        let shunned = self.peers.values().map(|peer| peer.shunned_until).filter(|until| *until > now);
        wanted.filter_map(|(_, segment)| wake(segment)).chain(shunned).min()
    }
}

/// Consecutive numbers as ranges.
fn runs(sorted: &[u16]) -> Vec<Range<u16>> {
    let mut runs: Vec<Range<u16>> = Vec::new();
    for index in sorted {
        match runs.last_mut() {
            Some(run) if run.end == *index => run.end += 1,
            _ => runs.push(*index..index + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_stripes_are_fetched_as_one() {
        assert_eq!(runs(&[0, 1, 2, 5, 6, 9]), [0..3, 5..7, 9..10]);
        assert!(runs(&[]).is_empty());
    }
}
