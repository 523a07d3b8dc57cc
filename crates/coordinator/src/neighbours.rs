//! Who is whose neighbour in a swarm too large for everybody to know everybody. Pure.
//!
//! The members stand on [`RINGS`] rings, on each in the order of a hash of their own, and whoever stands beside
//! another on any ring is its neighbour. So
//! - both ends of a pair see each other, and nobody has more than `2 × RINGS` neighbours;
//! - every ring joins all members, so the swarm is in one piece however large it is, and a few rings together
//!   are an expander (Law and Siu, “Distributed construction of random expander networks”, INFOCOM 2003):
//!   everybody is a logarithmic number of hops away;
//! - one that comes or goes changes the neighbours of those beside it only.
//!
//! The hash is keyed with what only the coordinator knows: nobody can make himself an id that stands beside a
//! chosen victim.

use streamr_model::NodeId;

/// Rings: 16 neighbours, and about twice that in a swarm that comes and goes, since one that was a neighbour
/// stays connected.
pub const RINGS: usize = 8;

/// A place on each ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places([u64; RINGS]);

impl Places {
    /// Where `node` stands, or would stand.
    pub fn of(node: &NodeId, key: &[u8; 32]) -> Self {
        let mut bytes = [0; 8 * RINGS];
        blake3::Hasher::new_keyed(key).update(&node.0).finalize_xof().fill(&mut bytes);
        let (places, _) = bytes.as_chunks::<8>();
        Self(std::array::from_fn(|ring| u64::from_be_bytes(places[ring])))
    }
}

/// Some members on rings.
#[derive(Debug)]
pub struct Rings(Vec<Vec<(u64, usize)>>);

impl Rings {
    /// Puts members, each known by an index of the caller's, on the first `count` rings.
    pub fn new(count: usize, members: &[(usize, Places)]) -> Self {
        let ring = |ring: usize| {
            let mut places: Vec<_> =
                members.iter().map(|(member, places)| (places.0[ring], *member)).collect();
            places.sort_unstable();
            places
        };
        Self((0..count.min(RINGS)).map(ring).collect())
    }

    /// Indices of those who stand beside these places, in order; never of whoever stands there. At most two for
    /// each ring.
    pub fn beside(&self, places: &Places) -> Vec<usize> {
        let mut found: Vec<usize> =
            self.0.iter().zip(places.0).flat_map(|(ring, place)| beside(ring, place)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn beside(ring: &[(u64, usize)], place: u64) -> impl Iterator<Item = usize> {
    let (before, from) = ring.split_at(ring.partition_point(|(other, _)| *other < place));
    let after = &from[from.partition_point(|(other, _)| *other <= place)..];
    let last = before.last().or(ring.last());
    let next = after.first().or(ring.first());
    last.into_iter().chain(next).filter(move |(other, _)| *other != place).map(|(_, member)| *member)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn places(n: usize) -> Places {
        Places::of(&NodeId(*blake3::hash(&n.to_be_bytes()).as_bytes()), &KEY)
    }

    fn graph(count: usize) -> Vec<BTreeSet<usize>> {
        let members: Vec<_> = (0..count).map(|n| (n, places(n))).collect();
        let rings = Rings::new(RINGS, &members);
        members.iter().map(|(_, places)| rings.beside(places).into_iter().collect()).collect()
    }

    fn hops_to_reach_all(graph: &[BTreeSet<usize>], from: usize) -> usize {
        let (mut reached, mut front) = (BTreeSet::from([from]), vec![from]);
        let mut hops = 0;
        while reached.len() < graph.len() {
            front = front.iter().flat_map(|n| graph[*n].clone()).filter(|n| reached.insert(*n)).collect();
            assert!(!front.is_empty(), "only {} of {} are reached", reached.len(), graph.len());
            hops += 1;
        }
        hops
    }

    #[test]
    fn whoever_sees_another_is_seen_by_it_and_nobody_sees_itself() {
        for count in [1, 2, 3, 40, 500] {
            let graph = graph(count);
            for (n, neighbours) in graph.iter().enumerate() {
                assert!(!neighbours.contains(&n) && neighbours.len() <= 2 * RINGS);
                assert_eq!(neighbours.is_empty(), count == 1);
                assert!(neighbours.iter().all(|other| graph[*other].contains(&n)));
            }
        }
    }

    #[test]
    fn a_large_swarm_is_in_one_piece_and_everybody_is_near() {
        let graph = graph(5_000);
        for from in [0, 2_500, 4_999] {
            let hops = hops_to_reach_all(&graph, from);
            assert!(hops <= 5, "{hops} hops among 5,000 with 16 neighbours each");
        }
    }

    #[test]
    fn it_stays_in_one_piece_when_three_in_ten_leave_at_once() {
        let graph = graph(1_000);
        let stays = |n: &usize| n % 10 >= 3;
        let kept: Vec<usize> = (0..1_000).filter(stays).collect();
        let rest: Vec<BTreeSet<usize>> = kept
            .iter()
            .map(|n| graph[*n].iter().filter(|n| stays(n)).map(|n| kept.binary_search(n).unwrap()).collect())
            .collect();
        hops_to_reach_all(&rest, 0);
    }

    #[test]
    fn a_newcomer_changes_its_neighbours_only() {
        let (before, after) = (graph(300), graph(301));
        for n in (0..300).filter(|n| !after[300].contains(n)) {
            assert_eq!(before[n], after[n]);
        }
    }

    #[test]
    fn who_is_not_there_yet_is_shown_those_whom_it_will_have() {
        let members: Vec<_> = (0..100).map(|n| (n, places(n))).collect();
        let without = Rings::new(RINGS, &members[..99]).beside(&members[99].1);
        assert_eq!(without, Rings::new(RINGS, &members).beside(&members[99].1));
    }
}
