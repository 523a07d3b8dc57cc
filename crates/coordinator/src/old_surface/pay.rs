//! What an hour of a stream of the old house pays its nodes. Pure; integers only.
//!
//! A balance lasts for [`BALANCE_HOURS`] hours in which somebody earned. An hour's part of it is split in
//! proportion to the time each node said to support the stream, as far as polls at random (Poisson) times bear
//! it out: of a node that half of its polls showed streaming, half of the time is believed, and of one that was
//! not polled, none. Nodes that answered from the same line share what one of them would have got, so that
//! twenty names earn what one earns.

use std::collections::BTreeMap;

use streamr_model::MicroUnits;

use super::names::OldNodeId;

/// Hours over which a balance is spread: thirty days.
pub const BALANCE_HOURS: i64 = 720;

/// What one node said, and polls showed of it, in an hour of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The node.
    pub node: OldNodeId,
    /// Whose line it answered from; see [`crate::polling::address::line`].
    pub line: String,
    /// Time it said to support the stream, by the coordinator's clock, in milliseconds.
    pub active_ms: u64,
    /// Polls.
    pub asked: u32,
    /// Of these, polls that showed the stream.
    pub good: u32,
}

impl Shown {
    /// Time that polls bear out, in milliseconds.
    fn believed_ms(&self) -> u64 {
        let believed = u128::from(self.active_ms) * u128::from(self.good.min(self.asked));
        let believed = believed.checked_div(u128::from(self.asked)).unwrap_or(0);
        u64::try_from(believed).unwrap_or(u64::MAX)
    }
}

/// What one hour takes of a balance of which `left` is left. Never more than that.
pub fn draw(balance: MicroUnits, left: MicroUnits) -> MicroUnits {
    let hourly = (balance.0 / BALANCE_HOURS).max(1);
    MicroUnits(hourly.min(left.0).max(0))
}

/// What `amount` pays each node; nobody gets nothing. The sum is `amount` exactly where anything is believed.
pub fn pay(amount: MicroUnits, shown: &[Shown]) -> BTreeMap<OldNodeId, MicroUnits> {
    let mut lines: BTreeMap<&str, BTreeMap<&OldNodeId, u64>> = BTreeMap::new();
    for one in shown.iter().filter(|one| one.believed_ms() > 0) {
        lines.entry(one.line.as_str()).or_default().insert(&one.node, one.believed_ms());
    }
    let weights: Vec<u64> = lines.values().map(|nodes| nodes.values().copied().max().unwrap_or(0)).collect();
    let amount = u128::try_from(amount.0).unwrap_or(0);

    let mut paid = BTreeMap::new();
    for (nodes, share) in lines.values().zip(split(amount, &weights)) {
        let weights: Vec<u64> = nodes.values().copied().collect();
        for (node, share) in nodes.keys().zip(split(share, &weights)).filter(|(_, share)| *share > 0) {
            paid.insert((*node).clone(), MicroUnits(i64::try_from(share).unwrap_or(i64::MAX)));
        }
    }
    paid
}

/// Splits `amount` in proportion to `weights` by largest remainder, ties to the earlier one.
fn split(amount: u128, weights: &[u64]) -> Vec<u128> {
    let total: u128 = weights.iter().copied().map(u128::from).sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    let exact = |at: usize| amount * u128::from(weights[at]);
    let mut shares: Vec<u128> = (0..weights.len()).map(|at| exact(at) / total).collect();
    let missing = amount - shares.iter().sum::<u128>();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    // A stable sort: equal remainders stay in the order of the weights.
    by_remainder.sort_by_key(|&at| std::cmp::Reverse(exact(at) % total));
    for (_, at) in (0..missing).zip(by_remainder) {
        shares[at] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    fn shown(node: &str, line: &str, minutes: u64, good: u32) -> Shown {
        Shown {
            node: node.parse().unwrap(),
            line: line.to_owned(),
            active_ms: minutes * 60_000,
            asked: 12,
            good,
        }
    }

    fn paid(amount: i64, all: &[Shown]) -> Vec<(String, i64)> {
        pay(MicroUnits(amount), all).into_iter().map(|(node, amount)| (node.to_string(), amount.0)).collect()
    }

    #[test]
    fn an_hour_pays_by_the_time_that_polls_bear_out() {
        let all = [
            shown("whole", "a", 60, 12),
            shown("half-the-hour", "b", 30, 12),
            shown("half-a-lie", "c", 60, 6),
            shown("lie", "d", 60, 0),
        ];
        assert_eq!(
            paid(200, &all),
            [("half-a-lie".to_owned(), 50), ("half-the-hour".to_owned(), 50), ("whole".to_owned(), 100)]
        );
    }

    #[test]
    fn twenty_names_for_one_line_earn_what_one_would() {
        let mut all: Vec<Shown> =
            (10..30).map(|n| shown(&format!("sybil{n}"), "198.51.100.0/24", 60, 12)).collect();
        all.push(shown("honest", "192.0.2.0/24", 60, 12));
        let paid = pay(MicroUnits(1_000_000), &all);
        assert_eq!(paid[&"honest".parse().unwrap()], MicroUnits(500_000));
        assert!(
            paid.iter().filter(|(node, _)| node.as_str() != "honest").all(|(_, amount)| amount.0 == 25_000)
        );
    }

    #[test]
    fn nothing_that_is_believed_is_nobody_paid() {
        let unasked = Shown { asked: 0, ..shown("a", "x", 60, 0) };
        for all in [vec![], vec![unasked], vec![shown("a", "x", 60, 0)], vec![shown("a", "x", 0, 12)]] {
            assert_eq!(paid(100, &all), [], "{all:?}");
        }
        assert_eq!(paid(0, &[shown("a", "x", 60, 5)]), []);
        assert_eq!(paid(-5, &[shown("a", "x", 60, 5)]), []);
    }

    #[test]
    fn a_balance_lasts_thirty_days_and_is_never_overdrawn() {
        assert_eq!(draw(MicroUnits(720_000_000), MicroUnits(720_000_000)), MicroUnits(1_000_000));
        assert_eq!(draw(MicroUnits(720_000_000), MicroUnits(400)), MicroUnits(400));
        assert_eq!(draw(MicroUnits(5), MicroUnits(5)), MicroUnits(1));
        assert_eq!(draw(MicroUnits(0), MicroUnits(0)), MicroUnits(0));
        assert_eq!(draw(MicroUnits(720), MicroUnits(-3)), MicroUnits(0));
    }

    prop_compose! {
        fn of_an_hour()(active_ms in 0..=HOUR_MS, line in 0_u8..10, asked in 0_u32..30, good in 0_u32..30)
            -> (u64, u8, u32, u32) { (active_ms, line, asked, good.min(asked)) }
    }

    proptest! {
        #[test]
        fn what_is_paid_is_the_hours_amount_exactly_in_whatever_order_nodes_come(
            amount in 0_i64..i64::MAX,
            (all, shuffled) in proptest::collection::btree_map(0_u8..60, of_an_hour(), 0..60).prop_flat_map(|raw| {
                let one = |(node, (active_ms, line, asked, good)): (u8, (u64, u8, u32, u32))| {
                    let (node, line) = (format!("n{node}").parse().unwrap(), format!("l{line}"));
                    Shown { node, line, active_ms, asked, good }
                };
                let all: Vec<Shown> = raw.into_iter().map(one).collect();
                (Just(all.clone()), Just(all).prop_shuffle())
            }),
        ) {
            let paid = pay(MicroUnits(amount), &all);
            prop_assert_eq!(&paid, &pay(MicroUnits(amount), &shuffled));
            let anybody = all.iter().any(|shown| shown.believed_ms() > 0);
            prop_assert_eq!(paid.values().map(|amount| amount.0).sum::<i64>(), if anybody { amount } else { 0 });
        }

        #[test]
        fn more_names_on_a_line_never_earn_more_than_one(
            names in 1_usize..20, own in 1_u32..=12, others in proptest::collection::vec(1_u32..=12, 0..8),
        ) {
            let rest = others.iter().enumerate().map(|(n, good)| shown(&format!("o{n}"), &format!("l{n}"), 60, *good));
            let of = |names: usize| {
                let mut all: Vec<Shown> = (0..names).map(|n| shown(&format!("s{n}"), "mine", 60, own)).collect();
                all.extend(rest.clone());
                let paid = pay(MicroUnits(1_000_000), &all);
                paid.iter().filter(|(node, _)| node.as_str().starts_with('s')).map(|(_, amount)| amount.0).sum::<i64>()
            };
            prop_assert_eq!(of(names), of(1));
        }
    }
}
