//! One uplink shared among several streams: weighted max-min fairness, in whole bits per second.
//!
//! Water is poured into vessels as wide as each stream's weight and as high as it still asks for: whoever asks
//! for little gets all of it, and what it leaves is shared among the others by weight. So no stream can
//! get more except from one that has, for its weight, no more than itself. Bertsekas and Gallager, “Data
//! Networks”, 6.5.2, give the unweighted case.
//!
//! [`share`] is the arithmetic; [`Division`] says what each stream of a node asks for, and what each one's
//! [`Swarm`](crate::Swarm) may send.

mod division;

use std::num::NonZeroU32;

use streamr_model::BitsPerSecond;

pub use division::{Division, Seat};

/// What one stream asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// How much it counts beside the others: of two streams that both ask for more than they get, one of twice
    /// the weight gets twice as much.
    pub weight: NonZeroU32,
    /// The most it has use for.
    pub demand: BitsPerSecond,
}

/// The share of each claim, in the order of `claims`.
///
/// The shares add up to `total`, or to all demands if that is less; no share is larger than its demand. Single
/// bits that cannot be divided go to the largest remainders, and among equal ones to the first.
pub fn share(total: BitsPerSecond, claims: &[Claim]) -> Vec<BitsPerSecond> {
    let mut shares = vec![BitsPerSecond(0); claims.len()];
    let mut order: Vec<usize> = (0..claims.len()).collect();
    order.sort_by(|a, b| fills_before(&claims[*a], &claims[*b]));

    let mut left = u128::from(total.0);
    let mut weights: u128 = claims.iter().map(Claim::weight).sum();
    for (at, &index) in order.iter().enumerate() {
        let claim = &claims[index];
        if claim.demand() * weights > left * claim.weight() {
            // Nobody from here on can have all it asks for.
            for (index, bits) in divide(left, weights, claims, &order[at..]) {
                shares[index] = BitsPerSecond(bits);
            }
            break;
        }
        shares[index] = claim.demand;
        left -= claim.demand();
        weights -= claim.weight();
    }
    shares
}

impl Claim {
    fn weight(&self) -> u128 {
        self.weight.get().into()
    }

    fn demand(&self) -> u128 {
        self.demand.0.into()
    }
}

/// The lower vessel first: by demand for each unit of weight.
fn fills_before(a: &Claim, b: &Claim) -> std::cmp::Ordering {
    (a.demand() * b.weight()).cmp(&(b.demand() * a.weight()))
}

/// Divides `left` by weight, where each of `order` asks for more than that gives it; `weights` is the sum of
/// theirs.
fn divide<'a>(
    left: u128,
    weights: u128,
    claims: &'a [Claim],
    order: &[usize],
) -> impl Iterator<Item = (usize, u64)> + 'a {
    let mut parts: Vec<(u128, usize, u128)> = order
        .iter()
        .map(|&index| {
            let part = left * claims[index].weight();
            (part % weights, index, part / weights)
        })
        .collect();
    let whole: u128 = parts.iter().map(|(.., bits)| bits).sum();
    parts.sort_by_key(|(remainder, index, _)| (std::cmp::Reverse(*remainder), *index));
    // Fewer bits are left over than there are parts.
    let mut over = left - whole;
    parts.into_iter().map(move |(_, index, bits)| {
        let extra = over.min(1);
        over -= extra;
        // No part is larger than the demand that it falls short of.
        (index, u64::try_from(bits + extra).unwrap_or(claims[index].demand.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claim(weight: u32, demand: u64) -> Claim {
        Claim { weight: weight.try_into().unwrap(), demand: BitsPerSecond(demand) }
    }

    fn shares(total: u64, claims: &[(u32, u64)]) -> Vec<u64> {
        let claims: Vec<Claim> = claims.iter().map(|(weight, demand)| claim(*weight, *demand)).collect();
        share(BitsPerSecond(total), &claims).into_iter().map(|share| share.0).collect()
    }

    #[test]
    fn whoever_asks_for_little_gets_it_and_the_rest_is_shared_by_weight() {
        assert_eq!(shares(100, &[(1, 10), (1, 1_000), (2, 1_000)]), [10, 30, 60]);
        assert_eq!(shares(100, &[(2, 1_000), (1, 1_000), (1, 10)]), [60, 30, 10]);
    }

    #[test]
    fn where_there_is_enough_everybody_gets_all_and_no_more() {
        assert_eq!(shares(1_000, &[(1, 10), (5, 0), (2, 400)]), [10, 0, 400]);
        assert_eq!(shares(u64::MAX, &[(u32::MAX, u64::MAX)]), [u64::MAX]);
        assert_eq!(shares(1_000, &[]), [0; 0]);
    }

    #[test]
    fn a_heavy_stream_that_asks_for_little_leaves_the_rest_to_a_light_one() {
        assert_eq!(shares(100, &[(100, 20), (1, 1_000)]), [20, 80]);
    }

    #[test]
    fn bits_that_cannot_be_divided_go_to_the_largest_remainders_and_then_the_first() {
        assert_eq!(shares(11, &[(1, 99), (1, 99), (1, 99)]), [4, 4, 3]);
        assert_eq!(shares(10, &[(1, 99), (2, 99)]), [3, 7]);
        assert_eq!(shares(1, &[(1, 99), (1, 99)]), [1, 0]);
        assert_eq!(shares(0, &[(1, 99), (1, 99)]), [0, 0]);
    }

    proptest! {
        #[test]
        fn shares_are_whole_fair_and_leave_nothing(
            total in prop_oneof![0_u64..2_000, any::<u64>()],
            claims in proptest::collection::vec(
                (prop_oneof![1_u32..6, 1..=u32::MAX], prop_oneof![0_u64..2_000, any::<u64>()]), 0..12),
        ) {
            let got = shares(total, &claims);
            prop_assert_eq!(got.len(), claims.len());
            let sum = |of: &mut dyn Iterator<Item = u64>| of.map(u128::from).sum::<u128>();
            let demands = sum(&mut claims.iter().map(|(_, demand)| *demand));
            prop_assert_eq!(sum(&mut got.iter().copied()), demands.min(total.into()), "nothing is left idle");
            for ((weight, demand), share) in claims.iter().zip(&got) {
                prop_assert!(share <= demand);
                if share == demand {
                    continue;
                }
                // Somebody who goes short has no less for its weight than anybody else, to a bit for each.
                let (mine, my_weight) = (u128::from(*share), u128::from(*weight));
                for ((weight, _), other) in claims.iter().zip(&got) {
                    let (other, weight) = (u128::from(*other), u128::from(*weight));
                    prop_assert!(other * my_weight <= (mine + 1) * weight + my_weight);
                }
            }
        }

        #[test]
        fn the_order_of_streams_matters_to_a_bit_at_most(
            total in 0_u64..5_000,
            claims in proptest::collection::vec((1_u32..6, 0_u64..2_000), 1..8),
            by in 0_usize..8,
        ) {
            let by = by % claims.len();
            let mut turned = claims.clone();
            turned.rotate_left(by);
            let mut got = shares(total, &turned);
            got.rotate_right(by);
            for (one, other) in shares(total, &claims).into_iter().zip(got) {
                prop_assert!(one.abs_diff(other) <= 1);
            }
        }
    }
}
