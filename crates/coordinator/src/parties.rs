//! Nodes that are one party: of one account, behind one network prefix, or coming and going together. Pure.
//!
//! One uplink can pretend to be many nodes. Whatever of that can be seen makes them share what one node is paid: one
//! capacity, one time, one quality. Who is tied to whom may be so over several others.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use streamr_model::{AccountId, NodeId, UnixMs};

/// Moves of two nodes within this are the same moment.
const TOGETHER_MS: u64 = 5_000;
/// Whoever came and went less often in a day does not tell with whom it moves.
const FEWEST_MOVES: usize = 6;
/// Of ten moves nine must be together.
const OF_TEN: usize = 9;
/// Where more moved at once, the coordinator, the stream or the network did.
const CROWD: usize = 50;

/// A keyed hash of a network prefix: nothing more is kept of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(pub [u8; 16]);

impl Network {
    /// Of the /24 or /48 that `address` is in, under a key of the coordinator's and of the `hour`: those of two hours
    /// cannot be compared. `None` of addresses that do not tell networks apart: a loopback or a private one.
    pub fn of(address: IpAddr, hour: u64, key: &[u8; 32]) -> Option<Self> {
        let (kind, prefix) = match address.to_canonical() {
            IpAddr::V4(v4) => {
                let is_shared = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
                let is_local = v4.is_loopback() || v4.is_private() || v4.is_link_local() || is_shared;
                if is_local || v4.is_unspecified() {
                    return None;
                }
                (4, u128::from(v4.to_bits() >> 8))
            }
            IpAddr::V6(v6) => {
                if is_local(v6) {
                    return None;
                }
                (6, v6.to_bits() >> 80)
            }
        };
        let mut hasher = blake3::Hasher::new_keyed(key);
        hasher.update(&hour.to_le_bytes()).update(&[kind]).update(&prefix.to_le_bytes());
        hasher.finalize().as_bytes().first_chunk().copied().map(Self)
    }
}

fn is_local(v6: Ipv6Addr) -> bool {
    v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local()
}

/// What a move was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// A session began.
    Came,
    /// It ended.
    Went,
}

/// A node came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// When.
    pub at: UnixMs,
    /// Which of both.
    pub turn: Turn,
    /// Who.
    pub node: NodeId,
}

/// What ties nodes together.
#[derive(Debug, Clone, Default)]
pub struct Ties {
    /// Whose they are.
    pub accounts: Vec<(NodeId, AccountId)>,
    /// Where they were heard from. One may have been in several networks.
    pub networks: Vec<(NodeId, Network)>,
    /// When they came and went in the last day.
    pub moves: Vec<Move>,
}

/// Which party a node belongs to; those that are alone are left out. Numbered by their smallest ids.
pub type Parties = BTreeMap<NodeId, u32>;

/// Who is one party with whom.
pub fn parties(ties: &Ties) -> Parties {
    let mut pairs: Vec<(NodeId, NodeId)> = Vec::new();
    pairs.extend(beside(ties.accounts.iter().map(|(node, account)| (account.0, *node))));
    pairs.extend(beside(ties.networks.iter().map(|(node, network)| (network.0, *node))));
    pairs.extend(together(&ties.moves));
    joined(&pairs)
}

/// Each with the next of the same mark.
fn beside<M: Ord>(marked: impl Iterator<Item = (M, NodeId)>) -> Vec<(NodeId, NodeId)> {
    let sorted: Vec<(M, NodeId)> = marked.collect::<BTreeSet<_>>().into_iter().collect();
    sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| (pair[0].1, pair[1].1)).collect()
}

/// Moves of each of two nodes that the other made as well.
type Shared = BTreeMap<(NodeId, NodeId), (BTreeSet<Move>, BTreeSet<Move>)>;

/// Those whose moves are the same.
fn together(moves: &[Move]) -> Vec<(NodeId, NodeId)> {
    let mut sorted: Vec<Move> = moves.to_vec();
    sorted.sort_unstable_by_key(|it| (it.turn, it.at, it.node));
    let near = |a: &Move, b: &Move| a.turn == b.turn && b.at.0.saturating_sub(a.at.0) <= TOGETHER_MS;
    let mut counts: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut shared: Shared = BTreeMap::new();
    for (at, here) in sorted.iter().enumerate() {
        let before = sorted[..at].iter().rev().take(CROWD).take_while(|other| near(other, here)).count();
        let after: Vec<&Move> =
            sorted[at + 1..].iter().take(CROWD).take_while(|other| near(here, other)).collect();
        if before + after.len() >= CROWD {
            continue;
        }
        *counts.entry(here.node).or_default() += 1;
        for other in after.into_iter().filter(|other| other.node != here.node) {
            let (first, second) = if here.node < other.node { (here, other) } else { (other, here) };
            let (of_first, of_second) = shared.entry((first.node, second.node)).or_default();
            of_first.insert(*first);
            of_second.insert(*second);
        }
    }
    let nearly_all = |node: &NodeId, moves: &BTreeSet<Move>| {
        let all = counts.get(node).copied().unwrap_or(0);
        all >= FEWEST_MOVES && moves.len() * 10 >= all * OF_TEN
    };
    shared
        .iter()
        .filter(|((one, two), (of_one, of_two))| nearly_all(one, of_one) && nearly_all(two, of_two))
        .map(|(pair, _)| *pair)
        .collect()
}

/// Who leads `node`'s party so far.
fn find(leader: &mut BTreeMap<NodeId, NodeId>, node: NodeId) -> NodeId {
    let mut at = node;
    while let Some(next) = leader.get(&at).copied().filter(|next| *next != at) {
        at = next;
    }
    // Whoever asks again goes there at once.
    leader.insert(node, at);
    at
}

/// The parties that `pairs` make.
fn joined(pairs: &[(NodeId, NodeId)]) -> Parties {
    let mut leader: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    for (one, two) in pairs {
        let (one, two) = (find(&mut leader, *one), find(&mut leader, *two));
        // The smaller id leads, so that the outcome does not depend on the order.
        leader.insert(one.max(two), one.min(two));
    }
    let nodes: Vec<NodeId> = leader.keys().copied().collect();
    let led: Vec<(NodeId, NodeId)> = nodes.into_iter().map(|node| (node, find(&mut leader, node))).collect();
    let leaders: BTreeSet<NodeId> = led.iter().map(|(_, leader)| *leader).collect();
    let number: BTreeMap<NodeId, u32> = leaders.into_iter().zip(0..).collect();
    led.iter().map(|(node, leader)| (*node, number[leader])).collect()
}

#[cfg(test)]
mod tests;
