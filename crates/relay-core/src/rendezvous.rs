//! Weighted rendezvous hashing: who is elected for what, the same for everybody who sees the same members.
//!
//! A member's score for an item is `weight / −ln(h)`, `h` a hash of both, uniform in (0, 1); the highest
//! score wins, with probability proportional to the weight. One member's coming or going moves only its own
//! items (Schindelhauer and Schomaker, “Weighted distributed hash tables”, SPAA 2005).

use streamr_model::{NodeId, SegmentRef};

/// Something to elect a member for: a stripe of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The segment.
    pub segment: SegmentRef,
    /// The stripe within it.
    pub stripe: u16,
}

/// A number in (0, 1), excluding both ends, that is `member`'s for `item` and as good as random.
pub fn chance(item: Item, member: NodeId) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&item.segment.0).update(&item.stripe.to_be_bytes()).update(&member.0);
    let hash = hasher.finalize();
    let mut head = [0; 8];
    head.copy_from_slice(&hash.as_bytes()[..8]);
    // 53 bits fill a double exactly; the half keeps it off both ends.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let chance = ((u64::from_be_bytes(head) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    chance
}

/// `member`'s score for `item`; higher is better, never NaN, 0 for a weight of 0.
pub fn score(item: Item, member: NodeId, weight: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a weight's last bits do not matter")]
    let weight = weight as f64;
    weight / -chance(item, member).ln()
}

/// How many of `others` are elected before `me`: 0 is the owner, 1 the backup.
pub fn rank(item: Item, me: (NodeId, u64), others: impl Iterator<Item = (NodeId, u64)>) -> u32 {
    let mine = (score(item, me.0, me.1), me.0);
    others.map(|(node, weight)| u32::from((score(item, node, weight), node) > mine)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    fn owner(item: Item, members: &[(NodeId, u64)]) -> NodeId {
        let is_owner = |(at, me): (usize, &(NodeId, u64))| {
            let others = members.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, m)| *m);
            (rank(item, *me, others) == 0).then_some(me.0)
        };
        let owners: Vec<NodeId> = members.iter().enumerate().filter_map(is_owner).collect();
        assert_eq!(owners.len(), 1, "exactly one owner");
        owners[0]
    }

    proptest! {
        #[test]
        fn a_member_that_leaves_moves_only_its_own_items(seed in any::<[u8; 32]>(), stripe in 0_u16..16, gone in 0_u8..8) {
            let item = Item { segment: SegmentRef(seed), stripe };
            let all: Vec<_> = (0..8).map(|n| (node(n), 1_000 + u64::from(n))).collect();
            let rest: Vec<_> = all.iter().copied().filter(|(n, _)| *n != node(gone)).collect();
            let before = owner(item, &all);
            if before != node(gone) {
                prop_assert_eq!(owner(item, &rest), before);
            }
        }
    }

    #[test]
    fn items_fall_to_members_in_proportion_to_their_weight() {
        let members = [(node(1), 1_000), (node(2), 3_000)];
        let mut second = 0;
        for n in 0..2_000_u16 {
            let item = Item { segment: SegmentRef(*blake3::hash(&n.to_be_bytes()).as_bytes()), stripe: 0 };
            second += u32::from(owner(item, &members) == node(2));
        }
        assert!((1_400..1_600).contains(&second), "{second} of 2000 for three quarters of the weight");
    }
}
