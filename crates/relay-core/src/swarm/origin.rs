//! Getting blocks from the origin's side, when it is our turn.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use streamr_model::{BitsPerSecond, BlockIndex, BlockSet, SegmentRef};

use super::action::{FetchEnd, FetchId};
use super::peer::Slot;
use super::segment::{Key, Pending, Phase, Segment, Source};
use super::{Action, Swarm};
use crate::message::{Message, Role};
use crate::rendezvous::{self, Item};
use crate::time::Instant;

/// The most fetches from the origin at once.
const MAX_FETCHES: usize = 4;
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
    fetches: BTreeMap<FetchId, Fetch>,
    range: RangeSupport,
    rests_until: Instant,
    next_fetch: u64,
    /// Smoothed over the fetches that ended well or were cut off by a deadline.
    rate: Option<BitsPerSecond>,
    /// How long a fetch takes, smoothed likewise.
    fetch_time: Duration,
    /// Nothing is fetched in place of others before.
    spared_until: Instant,
    /// How long it was spared after the last slow fetch.
    spared_for: Duration,
}

impl Origin {
    /// What an origin is taken to give us before it has given anything.
    const FIRST_GUESS: BitsPerSecond = BitsPerSecond(20_000_000);

    fn has_room(&self) -> bool {
        let most = if self.range == RangeSupport::Unknown { 1 } else { MAX_FETCHES };
        self.fetches.len() < most
    }

    /// What it gives us.
    pub(super) fn rate(&self) -> BitsPerSecond {
        self.rate.unwrap_or(Self::FIRST_GUESS)
    }

    /// A fetch brought a block.
    pub(super) fn note_block(&mut self, id: FetchId, len: u64) {
        if let Some(fetch) = self.fetches.get_mut(&id) {
            fetch.blocks_came += 1;
            fetch.bytes_came += len;
        }
    }

    fn note_rate(&mut self, fetch: &Fetch, now: Instant) {
        let micros = (now - fetch.begun).as_micros().max(1);
        let seen = u64::try_from(u128::from(fetch.bytes_came) * 8_000_000 / micros).unwrap_or(u64::MAX);
        let smoothed = self.rate.map_or(seen, |rate| rate.0 - rate.0 / 4 + seen / 4);
        self.rate = Some(BitsPerSecond(smoothed.max(1)));
        self.fetch_time = self.fetch_time * 3 / 4 + (now - fetch.begun) / 4;
    }

    /// A fetch that took long means that the origin is asked for more than it can give. Whoever would fetch in place
    /// of others leaves it alone then, longer each time, so that the owners' fetches get through: else what
    /// comes late from the swarm would be fetched by all, and come later still.
    fn spare_if_slow(&mut self, now: Instant, took: Duration, live_delay: Duration, chance: f64) {
        if took < Self::slow(live_delay) {
            self.spared_for /= 2;
            return;
        }
        self.spared_for = (self.spared_for * 2).clamp(live_delay / 4, live_delay * 4);
        self.spared_until = self.spared_until.max(now + self.spared_for.mul_f64(0.5 + chance));
    }

    /// A fetch that takes so long is slow.
    fn slow(live_delay: Duration) -> Duration {
        live_delay / 8
    }

    /// How long a fetch takes.
    pub(super) fn fetch_time(&self) -> Duration {
        self.fetch_time
    }

    /// Whether `bytes` could come within `left` if all goes as lately.
    fn can_give(&self, bytes: u64, left: Duration) -> bool {
        self.rate().time_for(bytes) / 2 <= left
    }
}

#[derive(Debug)]
struct Fetch {
    segment: SegmentRef,
    blocks: Range<u16>,
    begun: Instant,
    blocks_came: usize,
    bytes_came: u64,
}

/// Where blocks of the origin's side come from just now.
enum OriginSide {
    Origin { whole: bool },
    Seed(Slot),
    Nowhere,
}

impl Swarm {
    fn origin_side(&self, segment: &Segment, now: Instant) -> OriginSide {
        let seed = self.peers.iter().find(|(_, peer)| peer.role() == Some(Role::Seed)).map(|(slot, _)| slot);
        let origin_serves = !segment.origin_refused && now >= self.origin.rests_until;
        match (origin_serves, self.origin.range == RangeSupport::No, seed) {
            (true, false, _) => OriginSide::Origin { whole: false },
            (_, _, Some(seed)) => OriginSide::Seed(seed),
            (true, true, None) => OriginSide::Origin { whole: true },
            (false, _, None) => OriginSide::Nowhere,
        }
    }

    fn is_seed_at(&self, slot: Slot) -> bool {
        self.peers.get(slot).is_some_and(|peer| peer.role() == Some(Role::Seed))
    }

    /// Fetches the open blocks of stripes that are due, and what peers will not give in time.
    pub(super) fn fetch_from_origin_side(&mut self, now: Instant) {
        let shortfalls = self.shortfalls(now);
        for key in self.segments.sought_first() {
            let Some(segment) = self.segments.get(key) else { continue };
            let mut due = self.due_blocks(segment, now);
            if let Some((_, short)) = shortfalls.iter().find(|(short, _)| *short == key) {
                self.add_lacking(segment, now, *short, &mut due);
            }
            if due.is_empty() {
                continue;
            }
            match self.origin_side(segment, now) {
                OriginSide::Nowhere => {}
                OriginSide::Seed(seed) => self.request_from_seed(key, seed, &due, now),
                // Not for a stripe of what nobody here plays.
                OriginSide::Origin { whole: true } if !segment.is_sought() => {}
                OriginSide::Origin { whole: true } => {
                    let all = 0..segment.manifest.block_count();
                    self.start_fetch(key, all, now);
                }
                OriginSide::Origin { whole: false } => {
                    for run in runs(&due) {
                        self.start_fetch(key, run, now);
                    }
                }
            }
        }
    }

    /// Blocks whose turn it is. What a neighbour says it holds is left to the neighbours, except by the owner: else
    /// a liar could keep everybody from fetching.
    fn due_blocks(&self, segment: &Segment, now: Instant) -> Vec<u16> {
        let is_spared =
            !segment.is_sought() || self.is_hopeless(segment, now) || now < self.origin.spared_until;
        let open = segment.open_blocks();
        let waits =
            |index: BlockIndex, is_own: bool| open.contains(index) && (is_own || segment.holders(index) == 0);
        let in_turn = |stripe: u16| {
            let turn = segment.turn(stripe)?;
            (turn.at <= now && (turn.is_own || !is_spared)).then_some((stripe, turn.is_own))
        };
        let turns = (0..segment.stripe_count()).filter_map(in_turn);
        let blocks = turns.flat_map(|(stripe, is_own)| segment.stripe(stripe).map(move |at| (at, is_own)));
        blocks.filter(|(at, is_own)| waits(BlockIndex(*at), *is_own)).map(|(at, _)| at).collect()
    }

    /// Whether `bytes` may be fetched in place of others and would come by `deadline`.
    pub(super) fn origin_can_give(&self, now: Instant, bytes: u64, deadline: Instant) -> bool {
        now >= self.origin.spared_until && self.origin.can_give(bytes, deadline - now)
    }

    /// What can no longer be whole in time is left alone: an origin that is asked for more than it can give would
    /// give nobody enough.
    fn is_hopeless(&self, segment: &Segment, now: Instant) -> bool {
        !self.origin.can_give(segment.missing_bytes(), segment.deadline - now)
    }

    /// Adds blocks to those due until there are `short`: open ones first, those that fewest neighbours hold before
    /// others; at the last call also those that a peer has promised.
    fn add_lacking(&self, segment: &Segment, now: Instant, short: usize, due: &mut Vec<u16>) {
        if self.is_hopeless(segment, now) || now < self.origin.spared_until {
            return;
        }
        let is_last_call = now >= self.last_call(segment);
        let rank = |index: BlockIndex| match segment.in_flight.get(index) {
            None => Some((false, segment.holders(index), index)),
            Some(Pending { from: Source::Peer(slot), .. }) if is_last_call && !self.is_seed_at(*slot) => {
                Some((true, segment.holders(index), index))
            }
            Some(_) => None,
        };
        let lacking = (0..segment.held.capacity()).map(BlockIndex);
        let lacking = lacking
            .filter(|index| !segment.held.contains(*index) && !due.contains(&index.0))
            .filter_map(rank);
        let mut lacking: Vec<_> = lacking.collect();
        lacking.sort_unstable();
        due.extend(lacking.into_iter().take(short.saturating_sub(due.len())).map(|(.., index)| index.0));
        due.sort_unstable();
    }

    fn request_from_seed(&mut self, key: Key, seed: Slot, due: &[u16], now: Instant) {
        let expires = now + self.config.patience();
        let Some(segment) = self.segments.get_mut(key) else { return };
        let (name, mut blocks) = (segment.name, BlockSet::empty(segment.held.capacity()));
        for index in due.iter().copied().map(BlockIndex) {
            blocks.insert(index);
            segment.in_flight.insert(Pending { index, from: Source::Peer(seed), expires });
        }
        self.offer(key, &blocks);
        if let Some(seed) = self.peers.get(seed) {
            self.actions.push_back(Action::Send(seed.node, Message::Request(name, blocks)));
        }
    }

    fn start_fetch(&mut self, key: Key, blocks: Range<u16>, now: Instant) {
        if !self.origin.has_room() {
            return;
        }
        let Some(segment) = self.segments.get_mut(key) else { return };
        let fetch = FetchId(self.origin.next_fetch);
        self.origin.next_fetch += 1;
        let name = segment.name;
        let mut wanted = BlockSet::empty(segment.held.capacity());
        for index in blocks.clone().map(BlockIndex).filter(|index| !segment.held.contains(*index)) {
            wanted.insert(index);
            // The driver tells when it has failed or stalled, and what is late then is nobody's any more.
            let expires = segment.deadline;
            segment.in_flight.insert(Pending { index, from: Source::Origin(fetch), expires });
        }
        self.origin.fetches.insert(
            fetch,
            Fetch { segment: name, blocks: blocks.clone(), begun: now, blocks_came: 0, bytes_came: 0 },
        );
        self.offer(key, &wanted);
        self.act(Action::Fetch(fetch, name, blocks));
    }

    /// A fetch is over: what it did not bring is open again.
    pub fn handle_fetch_ended(&mut self, now: Instant, id: FetchId, end: FetchEnd) {
        let Some(fetch) = self.origin.fetches.remove(&id) else { return };
        if end == FetchEnd::Done {
            self.origin.note_rate(&fetch, now);
            self.spare_origin_if_slow(&fetch, now);
        }
        match end {
            FetchEnd::Done if self.origin.range == RangeSupport::Unknown => {
                self.origin.range = RangeSupport::Yes;
            }
            FetchEnd::Done | FetchEnd::Gone => {}
            FetchEnd::RangeIgnored => self.origin.range = RangeSupport::No,
            FetchEnd::Failed => self.origin.rests_until = now + ORIGIN_REST,
        }
        let segment = self.segments.find(&fetch.segment).and_then(|key| self.segments.get_mut(key));
        if let Some(segment) = segment {
            segment.origin_refused |= end == FetchEnd::Gone;
            let lost = |pending: &Pending| {
                pending.from == Source::Origin(id) && fetch.blocks.contains(&pending.index.0)
            };
            segment.in_flight.take_where(lost);
        }
        self.pull(now);
        self.advance(now);
    }

    fn spare_origin_if_slow(&mut self, fetch: &Fetch, now: Instant) {
        let item = Item { segment: fetch.segment, stripe: fetch.blocks.start };
        let chance = rendezvous::chance(item, self.config.me);
        self.origin.spare_if_slow(now, now - fetch.begun, self.config.live_delay, chance);
    }

    /// Gives up fetches of which nothing more is wanted. One that was cut off late tells how slow the origin is; one
    /// that had only begun tells nothing.
    pub(super) fn abort_fetches(&mut self, now: Instant) {
        let is_idle = |fetch: &Fetch| {
            let segment = self.segments.find(&fetch.segment).and_then(|key| self.segments.get(key));
            let wants = |segment: &Segment| {
                segment.is_wanted() && fetch.blocks.clone().any(|at| !segment.held.contains(BlockIndex(at)))
            };
            fetch.blocks_came < fetch.blocks.len() && !segment.is_some_and(wants)
        };
        let idle: Vec<FetchId> =
            self.origin.fetches.iter().filter(|(_, fetch)| is_idle(fetch)).map(|(id, _)| *id).collect();
        for id in idle {
            let Some(fetch) = self.origin.fetches.remove(&id) else { continue };
            let segment = self.segments.find(&fetch.segment).and_then(|key| self.segments.get(key));
            let is_late = now - fetch.begun >= Origin::slow(self.config.live_delay);
            if is_late && segment.is_some_and(|segment| segment.phase == Phase::Missed) {
                self.origin.note_rate(&fetch, now);
                self.spare_origin_if_slow(&fetch, now);
            }
            self.act(Action::Abort(id));
        }
    }

    /// When blocks come due, are given up, or the deadline passes, if nothing else happens before.
    pub(super) fn next_fetch_at(&self, now: Instant) -> Option<Instant> {
        let wake = |segment: &Segment| {
            let last_call = Some(self.last_call(segment)).filter(|at| *at > now);
            let open = segment.open_blocks();
            let is_open =
                |stripe: &u16| segment.stripe(*stripe).map(BlockIndex).any(|index| open.contains(index));
            let due = |stripe: u16| {
                let due = segment.turn(stripe).filter(|turn| turn.is_own || segment.is_sought())?.at;
                // What is due and still open waits for a place among the fetches or for the origin's rest.
                let rested = [self.origin.rests_until, self.origin.spared_until];
                (due > now).then_some(due).or_else(|| rested.into_iter().filter(|at| *at > now).min())
            };
            let dues =
                (0..if open.is_empty() { 0 } else { segment.stripe_count() }).filter(is_open).filter_map(due);
            let expiry = segment.in_flight.earliest();
            dues.chain(expiry).chain(last_call).chain([segment.deadline]).min()
        };
        self.segments.wanted().filter_map(wake).min()
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
