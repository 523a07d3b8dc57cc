//! Newcomers together get at most a quarter of what an hour pays, as long as somebody established is paid.
//!
//! Node identities cost nothing, so a crowd of new ones must not be able to take an hour over. Among friends
//! without accounts nobody is established, and the cap does not apply: they must be paid as well.

use std::collections::BTreeSet;

use streamr_model::{MicroUnits, NodeId};

use crate::rewards::{Division, Parts, split};

/// The most that newcomers together get, in parts per million of what the hour pays.
pub const NEWCOMERS_PPM: i64 = 250_000;

/// Reduces the newcomers' shares of `pool` to their cap, every part of every one of them in proportion, by
/// largest remainder with ties to the smaller id and then to uptime before quality before bandwidth. What was
/// taken away is returned.
pub(super) fn cap(pool: MicroUnits, division: &mut Division, established: &BTreeSet<NodeId>) -> MicroUnits {
    let is_new = |node: &NodeId| !established.contains(node);
    let anybody_established =
        division.shares.iter().any(|(node, parts)| !is_new(node) && parts.total().0 > 0);
    let wanted: Vec<u128> = division
        .shares
        .iter()
        .filter(|(node, _)| is_new(node))
        .flat_map(|(_, parts)| parts.to_array())
        .map(|part| u128::try_from(part.0).unwrap_or(0))
        .collect();
    let wanted_sum: u128 = wanted.iter().sum();
    let most = i128::from(pool.0.max(0)) * i128::from(NEWCOMERS_PPM) / 1_000_000;
    let most = u128::try_from(most).unwrap_or(0);
    if !anybody_established || wanted_sum <= most {
        return MicroUnits(0);
    }
    // No share grows: each one's exact portion is under what it was, and rounding adds less than one.
    let mut granted =
        split(most, &wanted).into_iter().map(|part| MicroUnits(i64::try_from(part).unwrap_or(0)));
    for (_, parts) in division.shares.iter_mut().filter(|(node, _)| is_new(node)) {
        let mut next = || granted.next().unwrap_or_default();
        *parts = Parts::from_array([next(), next(), next()]);
    }
    MicroUnits(i64::try_from(wanted_sum - most).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(uptime: i64, quality: i64, bandwidth: i64) -> Parts {
        Parts::from_array([uptime, quality, bandwidth].map(MicroUnits))
    }

    fn division(shares: &[(u8, Parts)]) -> Division {
        let shares = shares.iter().map(|(id, parts)| (NodeId([*id; 32]), *parts)).collect();
        Division { shares, unassigned: MicroUnits(0) }
    }

    #[test]
    fn a_crowd_of_newcomers_gets_a_quarter() {
        let mut divided = division(&[(1, parts(10, 0, 0)), (2, parts(30, 30, 0)), (3, parts(0, 0, 30))]);
        let withheld = cap(MicroUnits(100), &mut divided, &BTreeSet::from([NodeId([1; 32])]));
        assert_eq!(withheld, MicroUnits(65));
        let expected = [(1, parts(10, 0, 0)), (2, parts(9, 8, 0)), (3, parts(0, 0, 8))];
        assert_eq!(divided, division(&expected));
    }

    #[test]
    fn among_newcomers_only_there_is_no_cap() {
        let mut divided = division(&[(2, parts(40, 30, 0)), (3, parts(0, 0, 30))]);
        let before = divided.clone();
        assert_eq!(cap(MicroUnits(100), &mut divided, &BTreeSet::new()), MicroUnits(0));
        let somebody_who_is_paid_nothing = BTreeSet::from([NodeId([9; 32])]);
        assert_eq!(cap(MicroUnits(100), &mut divided, &somebody_who_is_paid_nothing), MicroUnits(0));
        assert_eq!(divided, before);
    }

    #[test]
    fn newcomers_below_the_cap_keep_what_they_have() {
        let mut divided = division(&[(1, parts(40, 30, 5)), (2, parts(0, 0, 25))]);
        let before = divided.clone();
        assert_eq!(cap(MicroUnits(100), &mut divided, &BTreeSet::from([NodeId([1; 32])])), MicroUnits(0));
        assert_eq!(divided, before);
    }

    proptest! {
        #[test]
        fn no_share_grows_and_nothing_is_lost(
            shares in proptest::collection::btree_map(any::<u8>(), (0_i64..1 << 40, 0_i64..1 << 40, 0_i64..1 << 40), 0..20),
            established in proptest::collection::btree_set(any::<u8>(), 0..20),
        ) {
            let shares: Vec<_> = shares.into_iter().map(|(id, (u, q, b))| (id, parts(u, q, b))).collect();
            let before = division(&shares);
            let sum = |division: &Division| division.shares.values().map(|parts| parts.total().0).sum::<i64>();
            let established = established.into_iter().map(|id| NodeId([id; 32])).collect();
            let mut after = before.clone();
            let withheld = cap(MicroUnits(sum(&before)), &mut after, &established);
            prop_assert_eq!(sum(&before), sum(&after) + withheld.0);
            for (node, parts) in &after.shares {
                for (now, was) in parts.to_array().into_iter().zip(before.shares[node].to_array()) {
                    prop_assert!(now.0 >= 0 && now <= was);
                    prop_assert!(now == was || !established.contains(node));
                }
            }
        }
    }
}
