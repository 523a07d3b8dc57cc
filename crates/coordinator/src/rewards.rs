//! What an hour of a stream pays each node. Pure; integers only. The formula is published in docs/rewards.md.
//!
//! The pool is split 40 % uptime, 30 % quality, 30 % bandwidth, and each part among the nodes in proportion
//! to their weights, both by largest remainder (Hamilton's method) with ties to the smaller node id. The
//! shares of a part sum to the part exactly. A part in which nobody has any weight stays unassigned.

use std::collections::BTreeMap;

use streamr_model::{MicroUnits, NodeId};

use crate::hour::Hour;

const PPM: u128 = 1_000_000;
const UPTIME_PERCENT: u128 = 40;
const QUALITY_PERCENT: u128 = 30;
const BANDWIDTH_PERCENT: u128 = 30;

/// More blocks than any node gets credited in an hour; keeps [`Score::quality_ppm`] inside 128 bits.
const MOST_BLOCKS: u64 = 1 << 40;

/// What one node did in an hour of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// Time supported while the stream was live, in milliseconds.
    pub uptime_ms: u64,
    /// Credited bytes.
    pub bytes: u64,
    /// Credited blocks that verified.
    pub blocks: u64,
    /// Of these, blocks that came on time.
    pub on_time: u64,
    /// Blocks that did not verify, or were asked for by measurers and did not come.
    pub bad: u64,
    /// Other nodes that share one quality with it: see [`crate::parties`].
    pub beside: u64,
}

impl Score {
    /// Lower bound of the 95 % confidence interval (Wilson, z = 2) of the share of blocks that came on time
    /// and verified, in parts per million; shared with those beside it.
    pub fn quality_ppm(&self) -> u64 {
        let count = |blocks: u64| u128::from(blocks.min(MOST_BLOCKS));
        let all = count(self.blocks) + count(self.bad);
        if all == 0 {
            return 0;
        }
        let good = count(self.on_time.min(self.blocks));
        // (good + z²/2 − z·√(good·(all − good)/all + z²/4)) ÷ (all + z²), everything times a million.
        let spread = ((good * (all - good) * PPM / all + PPM) * PPM).isqrt();
        let lower = ((good + 2) * PPM).saturating_sub(2 * spread);
        u64::try_from(lower / (all + 4) / (u128::from(self.beside) + 1)).unwrap_or(0)
    }

    /// Share of `live_ms` that was supported, in parts per million.
    pub fn uptime_ppm(&self, live_ms: u64) -> u64 {
        share_ppm(self.uptime_ms, live_ms)
    }
}

/// `part` of `whole` in parts per million, at most a million; 0 of nothing.
pub fn share_ppm(part: u64, whole: u64) -> u64 {
    let ppm = (u128::from(part) * PPM).checked_div(u128::from(whole)).unwrap_or(0);
    u64::try_from(ppm.min(PPM)).unwrap_or(0)
}

/// What a pool of `per_hour` has gathered in an hour that was live for `live_ms`. Never more than `per_hour`.
pub fn accrued(per_hour: MicroUnits, live_ms: u64) -> MicroUnits {
    let live_ms = i128::from(live_ms.min(Hour::MS));
    let amount = i128::from(per_hour.0.max(0)) * live_ms / i128::from(Hour::MS);
    MicroUnits(i64::try_from(amount).unwrap_or(i64::MAX))
}

/// An amount by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// For having been there.
    pub uptime: MicroUnits,
    /// For blocks on time.
    pub quality: MicroUnits,
    /// For bytes.
    pub bandwidth: MicroUnits,
}

impl Parts {
    /// In the order uptime, quality, bandwidth.
    pub fn from_array([uptime, quality, bandwidth]: [MicroUnits; 3]) -> Self {
        Self { uptime, quality, bandwidth }
    }

    /// In the order uptime, quality, bandwidth.
    pub fn to_array(self) -> [MicroUnits; 3] {
        [self.uptime, self.quality, self.bandwidth]
    }

    /// Of each part as much as `most` has of it, and what is over.
    pub fn up_to(self, most: Self) -> (Self, Self) {
        let (own, most) = (self.to_array(), most.to_array());
        let sure = std::array::from_fn(|part| own[part].min(most[part]));
        let over = std::array::from_fn(|part| MicroUnits(own[part].0 - sure[part].0));
        (Self::from_array(sure), Self::from_array(over))
    }

    /// All three.
    pub fn total(self) -> MicroUnits {
        MicroUnits(self.to_array().iter().fold(0, |sum, part| part.0.saturating_add(sum)))
    }
}

/// A pool, divided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Division {
    /// Of every node that was there, whether it gets anything or not.
    pub shares: BTreeMap<NodeId, Parts>,
    /// Parts in which nobody has any weight. Shares and this sum to the pool exactly.
    pub unassigned: MicroUnits,
}

/// Divides `pool` among the nodes.
pub fn divide(pool: MicroUnits, scores: &BTreeMap<NodeId, Score>) -> Division {
    let parts = split(amount_of(pool), &[UPTIME_PERCENT, QUALITY_PERCENT, BANDWIDTH_PERCENT]);
    let weights: [fn(&Score) -> u64; 3] = [|score| score.uptime_ms, Score::quality_ppm, |score| score.bytes];

    let mut shares: BTreeMap<NodeId, [MicroUnits; 3]> =
        scores.keys().map(|node| (*node, Default::default())).collect();
    let mut left = amount_of(pool);
    for (at, (part, weight)) in parts.into_iter().zip(weights).enumerate() {
        // In the map's order, which is that of the ids, so that `split` breaks ties by id.
        let weights: Vec<u128> = scores.values().map(|score| u128::from(weight(score))).collect();
        for (share, amount) in shares.values_mut().zip(split(part, &weights)) {
            left -= amount;
            share[at] = money(amount);
        }
    }
    let shares = shares.into_iter().map(|(node, parts)| (node, Parts::from_array(parts))).collect();
    Division { shares, unassigned: money(left) }
}

/// What `pool` pays each node, nothing withheld: see [`divide`].
pub fn pay(
    pool: MicroUnits,
    scores: impl IntoIterator<Item = (NodeId, Score)>,
) -> BTreeMap<NodeId, MicroUnits> {
    let division = divide(pool, &scores.into_iter().collect());
    division.shares.into_iter().map(|(node, parts)| (node, parts.total())).collect()
}

fn amount_of(pool: MicroUnits) -> u128 {
    u128::try_from(pool.0).unwrap_or(0)
}

/// Of a part of some [`MicroUnits`], which therefore fits.
fn money(amount: u128) -> MicroUnits {
    MicroUnits(i64::try_from(amount).unwrap_or(i64::MAX))
}

/// Splits `amount` in proportion to `weights` by largest remainder, ties to the earlier one.
/// Without any weight everything stays unassigned.
///
/// Exact while amount × weight stays under 2¹²⁷: both are 64-bit numbers here.
pub(crate) fn split(amount: u128, weights: &[u128]) -> Vec<u128> {
    let total: u128 = weights.iter().sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    let mut shares: Vec<u128> = weights.iter().map(|weight| amount * weight / total).collect();
    let missing = amount - shares.iter().sum::<u128>();

    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    // A stable sort: equal remainders stay in the order of the weights.
    by_remainder.sort_by_key(|&at| std::cmp::Reverse(amount * weights[at] % total));
    for (_, at) in (0..missing).zip(by_remainder) {
        shares[at] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(byte: u8) -> NodeId {
        NodeId([byte; 32])
    }

    #[test]
    fn a_lone_node_that_did_everything_gets_the_whole_pool() {
        let all = Score { uptime_ms: 1000, bytes: 5, blocks: 1000, on_time: 1000, bad: 0, beside: 0 };
        let paid = pay(MicroUnits(1_000_001), [(node(1), all)]);
        assert_eq!(paid[&node(1)], MicroUnits(1_000_001));
    }

    #[test]
    fn a_part_in_which_nobody_has_weight_stays_unassigned() {
        let only_up = Score { uptime_ms: 1000, ..Score::default() };
        let paid = pay(MicroUnits(100), [(node(1), only_up), (node(2), only_up)]);
        assert_eq!(paid.values().map(|amount| amount.0).sum::<i64>(), 40);
    }

    #[test]
    fn the_odd_unit_goes_to_the_smaller_id_among_equals() {
        let same = Score { uptime_ms: 7, ..Score::default() };
        let paid = pay(MicroUnits(10), [(node(9), same), (node(2), same), (node(5), same)]);
        assert_eq!([paid[&node(2)].0, paid[&node(5)].0, paid[&node(9)].0], [2, 1, 1]);
    }

    #[test]
    fn the_odd_unit_goes_to_the_largest_remainder() {
        assert_eq!(split(10, &[1, 1, 4]), [2, 2, 6]);
        assert_eq!(split(1, &[1, 2]), [0, 1]);
    }

    #[test]
    fn a_pool_gathers_only_while_live_and_never_more_than_its_hour() {
        assert_eq!(accrued(MicroUnits(3_600_000), 1_000), MicroUnits(1_000));
        assert_eq!(accrued(MicroUnits(i64::MAX), Hour::MS), MicroUnits(i64::MAX));
        assert_eq!(accrued(MicroUnits(100), Hour::MS * 9), MicroUnits(100));
        assert_eq!(accrued(MicroUnits(-5), Hour::MS), MicroUnits(0));
    }

    #[test]
    fn quality_is_believed_slowly_and_lost_by_late_and_bad_blocks() {
        let of = |blocks, on_time, bad| Score { blocks, on_time, bad, ..Score::default() }.quality_ppm();
        assert_eq!(of(0, 0, 0), 0);
        assert_eq!(of(1, 1, 0), 200_000);
        assert_eq!(of(96, 96, 0), 960_000);
        assert!(of(1000, 1000, 0) > of(1000, 990, 0));
        assert!(of(1000, 1000, 0) > of(1000, 1000, 10));
        assert_eq!(of(0, 0, 50), 0);
        let shared = Score { blocks: 96, on_time: 96, beside: 2, ..Score::default() };
        assert_eq!(shared.quality_ppm(), 320_000);
        assert!(of(u64::MAX, u64::MAX, u64::MAX) <= 500_000);
    }

    prop_compose! {
        fn score()(uptime_ms in 0..Hour::MS, bytes in 0_u64..1 << 50, blocks in 0_u64..1 << 32, late in 0_u64..100, bad in 0_u64..100, beside in 0_u64..3)
            -> Score { Score { uptime_ms, bytes, blocks, on_time: blocks.saturating_sub(late), bad, beside } }
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_amount_exactly(
            amount in 0_u128..i64::MAX as u128,
            weights in proptest::collection::vec(0..u128::from(u64::MAX), 0..50),
        ) {
            let shares = split(amount, &weights);
            let sum: u128 = shares.iter().sum();
            prop_assert_eq!(sum, if weights.iter().any(|w| *w > 0) { amount } else { 0 });
            for (share, weight) in shares.iter().zip(&weights) {
                prop_assert!(*weight > 0 || *share == 0, "nothing for nothing");
                let exact = amount * weight / weights.iter().sum::<u128>().max(1);
                prop_assert!(*share == exact || *share == exact + 1, "within one unit of the exact share");
            }
        }

        #[test]
        fn the_order_of_arrival_does_not_matter(
            pool in 0..i64::MAX,
            (scores, shuffled) in proptest::collection::btree_map(any::<u8>(), score(), 0..20).prop_flat_map(|by_id| {
                let scores: Vec<_> = by_id.into_iter().map(|(id, score)| (node(id), score)).collect();
                (Just(scores.clone()), Just(scores).prop_shuffle())
            }),
        ) {
            let paid = pay(MicroUnits(pool), scores);
            prop_assert_eq!(&paid, &pay(MicroUnits(pool), shuffled));
            prop_assert!(paid.values().map(|amount| i128::from(amount.0)).sum::<i128>() <= i128::from(pool));
        }
    }
}
