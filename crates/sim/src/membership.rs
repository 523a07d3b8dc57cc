//! The coordinator's part: who is whose neighbour and who takes part in elections, as `crates/coordinator`
//! decides it (its decision record on electors and neighbours says why). Supporters stand on rings, on each in
//! the order of a hash of their own; whoever stands beside another on any ring is its neighbour.

use std::collections::BTreeSet;

use crate::dice::hash;
use crate::event::Index;

/// Purposes of [`hash`]; each ring has its own.
const RING: u64 = 100;
/// Rings of all supporters; one with electors only comes after them.
pub(crate) const RINGS: u8 = 8;
const FRONT_RINGS: u8 = 2;
/// Rings of the fast only, behind those of the electors.
const FAST_RINGS: u8 = 4;
const FIRST_FAST_RING: u8 = RINGS + FRONT_RINGS;

/// A place on a ring, and who stands there.
type Place = (u64, Index);

fn place(seed: u64, ring: u8, index: Index) -> Place {
    (hash(seed ^ (RING + u64::from(ring)), index, 0), index)
}

/// Every pair that stands side by side, once, where all of `nodes` stand on each of `rings`.
fn pairs(seed: u64, rings: std::ops::Range<u8>, nodes: &[Index]) -> Vec<(Index, Index)> {
    let mut pairs: Vec<(Index, Index)> = Vec::with_capacity(nodes.len() * rings.len());
    for ring in rings {
        let mut places: Vec<Place> = nodes.iter().map(|index| place(seed, ring, *index)).collect();
        places.sort_unstable();
        let next = places.iter().cycle().skip(1);
        let beside = places.iter().zip(next).map(|(a, b)| (a.1.min(b.1), a.1.max(b.1)));
        pairs.extend(beside.filter(|(a, b)| a != b));
    }
    pairs
}

/// Who connects to whom where `nodes` begin together and `electors` and `fast` are among them.
pub(crate) fn first_pairs(
    seed: u64,
    nodes: &[Index],
    electors: &[Index],
    fast: &[Index],
) -> Vec<(Index, Index)> {
    let mut all = pairs(seed, 0..RINGS, nodes);
    all.extend(pairs(seed, RINGS..FIRST_FAST_RING, electors));
    all.extend(pairs(seed, FIRST_FAST_RING..FIRST_FAST_RING + FAST_RINGS, fast));
    all.sort_unstable();
    all.dedup();
    all
}

/// The rings of a swarm that comes and goes.
#[derive(Debug, Default)]
pub(crate) struct Rings {
    seed: u64,
    all: [BTreeSet<Place>; RINGS as usize],
    fast: [BTreeSet<Place>; FAST_RINGS as usize],
}

impl Rings {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The rings that a node stands on, with their numbers.
    fn of(&self, is_fast: bool) -> impl Iterator<Item = (u8, &BTreeSet<Place>)> {
        let fast = (FIRST_FAST_RING..).zip(&self.fast).filter(move |_| is_fast);
        (0..).zip(&self.all).chain(fast)
    }

    fn of_mut(&mut self, is_fast: bool) -> impl Iterator<Item = (u8, &mut BTreeSet<Place>)> {
        let fast = (FIRST_FAST_RING..).zip(&mut self.fast).filter(move |_| is_fast);
        (0..).zip(&mut self.all).chain(fast)
    }

    pub(crate) fn insert(&mut self, index: Index, is_fast: bool) {
        let seed = self.seed;
        for (ring, places) in self.of_mut(is_fast) {
            places.insert(place(seed, ring, index));
        }
    }

    pub(crate) fn remove(&mut self, index: Index, is_fast: bool) {
        let seed = self.seed;
        for (ring, places) in self.of_mut(is_fast) {
            places.remove(&place(seed, ring, index));
        }
    }

    /// Those beside `index`, whether it stands there or would, two for each ring at most.
    pub(crate) fn beside(&self, index: Index, is_fast: bool) -> Vec<Index> {
        let mut found: Vec<Index> = Vec::new();
        for (ring, places) in self.of(is_fast) {
            let here = place(self.seed, ring, index);
            let before = places.range(..here).next_back().or(places.last());
            let after = places.range((here.0, here.1 + 1)..).next().or(places.first());
            found.extend(before.into_iter().chain(after).map(|(_, other)| *other));
        }
        found.sort_unstable();
        found.dedup();
        found.retain(|other| *other != index);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_begins_together_has_the_neighbours_that_the_rings_show() {
        for count in [1, 2, 3, 33, 400] {
            let nodes: Vec<Index> = (1..=count).collect();
            let is_fast = |node: Index| node % 10 == 3;
            let fast: Vec<Index> = nodes.iter().copied().filter(|node| is_fast(*node)).collect();
            let pairs = first_pairs(5, &nodes, &[], &fast);
            let mut rings = Rings::new(5);
            nodes.iter().for_each(|node| rings.insert(*node, is_fast(*node)));
            for node in nodes {
                let beside = rings.beside(node, is_fast(node));
                let of_pairs = pairs.iter().filter(|(a, b)| *a == node || *b == node);
                let mut of_pairs: Vec<Index> = of_pairs.map(|(a, b)| a + b - node).collect();
                of_pairs.sort_unstable();
                assert_eq!(beside, of_pairs);
                let most = if is_fast(node) { RINGS + FAST_RINGS } else { RINGS };
                assert!(beside.len() <= 2 * usize::from(most));
                rings.remove(node, is_fast(node));
                assert_eq!(rings.beside(node, is_fast(node)), beside, "it is shown those whom it would have");
                rings.insert(node, is_fast(node));
            }
        }
    }
}
