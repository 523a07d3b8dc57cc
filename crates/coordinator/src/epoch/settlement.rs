//! Who gets what.

use std::collections::{BTreeMap, BTreeSet};

use streamr_model::{MicroUnits, NodeId};

use super::newcomers::cap;
use super::{InputHash, Measured, Purse, Standing, Supporter};
use crate::fund::{Draw, draw, surplus};
use crate::ledger::{Account, Draft, Occasion};
use crate::rewards::{Parts, Score, divide};

/// What an hour pays, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settlement {
    /// Where the money comes from; together what is divided.
    pub draw: Draw,
    /// What each node that is paid gets; nobody with nothing.
    pub shares: BTreeMap<NodeId, Parts>,
    /// What is held for nodes until somebody has looked at who signed for it; for nobody nothing.
    pub held: BTreeMap<NodeId, Parts>,
    /// Parts in which nobody has weight. Into the fund.
    pub unassigned: MicroUnits,
    /// What newcomers would have got above their cap. Into the fund.
    pub withheld: MicroUnits,
    /// What goes from the pool into the fund because the pool has it to spare.
    pub surplus: MicroUnits,
}

/// Settles an hour with what its stream has.
pub fn settle(measured: &Measured, purse: &Purse) -> Settlement {
    if measured.promise.is_none() {
        return Settlement::default();
    }
    let draw = draw(purse, measured.promised());
    let pool = draw.total();
    let established: BTreeSet<NodeId> = measured
        .supporters
        .iter()
        .filter(|(_, supporter)| supporter.standing == Standing::Established)
        .map(|(node, _)| *node)
        .collect();
    let divided = |score: fn(&Supporter) -> Score| {
        let scores = measured.supporters.iter().map(|(node, supporter)| (*node, score(supporter))).collect();
        let mut division = divide(pool, &scores);
        let withheld = cap(pool, &mut division, &established);
        (division, withheld)
    };
    let (mut division, withheld) = divided(|supporter| supporter.score);
    let mut held = BTreeMap::new();
    if measured.supporters.values().any(|supporter| supporter.undisputed.is_some()) {
        let (less, _) = divided(|supporter| supporter.undisputed.unwrap_or(supporter.score));
        for (node, _) in measured.supporters.iter().filter(|(_, supporter)| supporter.undisputed.is_some()) {
            let Some(share) = division.shares.get_mut(node) else { continue };
            let sure = less.shares.get(node).copied().unwrap_or_default();
            let (sure, over) = share.up_to(sure);
            *share = sure;
            held.insert(*node, over);
        }
        held.retain(|_, parts| *parts != Parts::default());
    }
    let unassigned = division.unassigned;
    let unpaid = MicroUnits(unassigned.0.saturating_add(withheld.0));
    division.shares.retain(|_, parts| *parts != Parts::default());
    let surplus = surplus(purse, draw, unpaid);
    Settlement { draw, shares: division.shares, held, unassigned, withheld, surplus }
}

impl Settlement {
    /// What all nodes get.
    pub fn paid(&self) -> MicroUnits {
        MicroUnits(self.shares.values().fold(0, |sum, parts| parts.total().0.saturating_add(sum)))
    }

    /// What `purse` holds afterwards.
    pub fn leaves(&self, purse: &Purse) -> Purse {
        let unpaid = self.unassigned.0.saturating_add(self.withheld.0);
        let fund = purse.fund.0 - self.draw.from_fund.0;
        Purse {
            pool: MicroUnits(purse.pool.0 - self.draw.from_pool.0 - self.surplus.0),
            fund: MicroUnits(fund.saturating_add(unpaid).saturating_add(self.surplus.0)),
            inflow: purse.inflow,
        }
    }

    /// As movements in the book. An hour that moves nothing has none.
    pub fn draft(&self, measured: &Measured) -> Draft {
        let (stream, hour) = (measured.stream.clone(), measured.hour);
        let input = InputHash::of(&measured.to_bytes());
        let mut draft = Draft::new(Occasion::EpochClosed { stream: stream.clone(), hour, input });
        let Some(promise) = measured.promise else { return draft };
        // All of it passes through the fund; what is left there is what was not paid, and the surplus.
        let (pool, fund) = (Account::Pool(stream.clone()), Account::Fund(stream));
        draft.transfer(promise.currency, pool.clone(), fund.clone(), self.draw.from_pool);
        draft.transfer(promise.currency, pool, fund.clone(), self.surplus);
        for (node, parts) in &self.shares {
            draft.transfer(promise.currency, fund.clone(), Account::Payable(*node), parts.total());
        }
        for (node, parts) in &self.held {
            draft.transfer(promise.currency, fund.clone(), Account::Held(*node), parts.total());
        }
        draft
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::measured::tests::measured;
    use crate::epoch::{NEWCOMERS_PPM, Promise};
    use crate::hour::Hour;
    use proptest::prelude::*;

    fn purse(pool: i64, fund: i64, inflow: i64) -> Purse {
        Purse { pool: MicroUnits(pool), fund: MicroUnits(fund), inflow: MicroUnits(inflow) }
    }

    /// An hour of 1,000 in which one node was there throughout and delivered nothing.
    fn idle_hour() -> Measured {
        let score = Score { uptime_ms: Hour::MS, ..Score::default() };
        Measured {
            stream: "alice".parse().unwrap(),
            hour: Hour(500_000),
            live_ms: Hour::MS,
            promise: Some(Promise { per_hour: MicroUnits(1_000), currency: "EUR".parse().unwrap() }),
            supporters: [(
                NodeId([1; 32]),
                Supporter { score, undisputed: None, standing: Standing::Newcomer },
            )]
            .into(),
        }
    }

    fn moved(settlement: &Settlement, measured: &Measured) -> Vec<(String, i64)> {
        let postings = settlement.draft(measured).postings().unwrap();
        postings.into_iter().map(|posting| (posting.account.to_string(), posting.amount.0)).collect()
    }

    #[test]
    fn an_empty_part_goes_into_the_fund() {
        let measured = idle_hour();
        let settlement = settle(&measured, &purse(5_000, 0, 0));
        assert_eq!((settlement.paid(), settlement.unassigned), (MicroUnits(400), MicroUnits(600)));
        let node = format!("payable:{}", NodeId([1; 32]));
        let expected = [("fund:alice".to_owned(), 600), (node, 400), ("pool:alice".to_owned(), -1_000)];
        assert_eq!(moved(&settlement, &measured), expected);
    }

    #[test]
    fn a_pool_that_cannot_pay_is_helped_by_the_fund_and_no_further() {
        let measured = idle_hour();
        let settlement = settle(&measured, &purse(300, 200, 0));
        assert_eq!(settlement.draw, Draw { from_pool: MicroUnits(300), from_fund: MicroUnits(200) });
        assert_eq!((settlement.paid(), settlement.unassigned), (MicroUnits(200), MicroUnits(300)));
        assert_eq!(settle(&measured, &purse(0, 0, 0)).shares, BTreeMap::new());
    }

    #[test]
    fn what_is_disputed_is_held_and_nobody_elses() {
        let mut measured = idle_hour();
        let score = Score { bytes: 300, ..measured.supporters[&NodeId([1; 32])].score };
        let supporter = Supporter { score, undisputed: None, standing: Standing::Newcomer };
        let undisputed = Some(Score { bytes: 0, uptime_ms: 0, ..score });
        measured.supporters.insert(NodeId([1; 32]), supporter);
        measured.supporters.insert(NodeId([2; 32]), Supporter { undisputed, ..supporter });
        let settlement = settle(&measured, &purse(5_000, 0, 0));
        let share = |uptime, bandwidth| Parts {
            uptime: MicroUnits(uptime),
            quality: MicroUnits(0),
            bandwidth: MicroUnits(bandwidth),
        };
        assert_eq!(settlement.shares, [(NodeId([1; 32]), share(200, 150))].into());
        assert_eq!(settlement.held, [(NodeId([2; 32]), share(200, 150))].into());
        let moved = moved(&settlement, &measured);
        assert!(moved.contains(&(format!("held:{}", NodeId([2; 32])), 350)), "{moved:?}");
    }

    #[test]
    fn a_stream_that_promises_nothing_moves_nothing() {
        let measured = Measured { promise: None, ..idle_hour() };
        let settlement = settle(&measured, &purse(5_000, 5_000, 80_000));
        assert_eq!(moved(&settlement, &measured), []);
    }

    proptest! {
        #[test]
        fn no_money_is_made_or_lost_and_none_is_paid_that_was_not_there(
            measured in measured(), pool in 0_i64..1 << 60, fund in 0_i64..1 << 60, inflow in 0_i64..1 << 60,
        ) {
            let settlement = settle(&measured, &purse(pool, fund, inflow));
            let postings = settlement.draft(&measured).postings().expect("balanced");
            let change = |name: &str| postings.iter().find(|posting| posting.account.to_string() == name)
                .map_or(0, |posting| posting.amount.0);
            let (pool_after, fund_after) = (pool + change("pool:alice"), fund + change("fund:alice"));
            prop_assert!(pool_after >= 0 && fund_after >= 0);
            prop_assert_eq!(settlement.leaves(&purse(pool, fund, inflow)), purse(pool_after, fund_after, inflow));
            prop_assert!(settlement.paid() <= measured.promised());
            let held: i64 = settlement.held.values().map(|parts| parts.total().0).sum();
            prop_assert_eq!(pool + fund, pool_after + fund_after + settlement.paid().0 + held);
            let of_newcomers: i64 = settlement.shares.iter()
                .filter(|(node, _)| measured.supporters[node].standing == Standing::Newcomer)
                .map(|(_, parts)| parts.total().0).sum();
            // What is held may be what somebody established is paid.
            let all_new = of_newcomers == settlement.paid().0;
            let most = i128::from(settlement.draw.total().0) * i128::from(NEWCOMERS_PPM) / 1_000_000;
            prop_assert!(all_new || i128::from(of_newcomers) <= most);
        }
    }
}
