//! The stability fund: what pays a stream's hours when its pool cannot. Pure. Published in docs/rewards.md.
//!
//! - An hour's promise is paid from the pool as far as the pool goes; the **shortfall** comes out of the fund
//!   as far as the fund goes. Neither is ever negative: what neither can pay is not promised any longer.
//! - What the pool holds after that is **surplus**, and goes into the fund until the fund has its target.
//! - The **target** is half of what came into the pool in a mean week, over the four weeks before the end of
//!   the hour. A stream whose deposits stop keeps its fund and adds nothing to it.
//! - What an hour did not pay out (a part in which nobody has weight, newcomers' excess) stays in the fund even
//!   beyond the target.

use streamr_model::{MicroUnits, UnixMs};

use crate::hour::Hour;

/// The span over which inflow is averaged, in milliseconds: four weeks.
pub const WINDOW_MS: u64 = 28 * 24 * Hour::MS;

/// Half of one of four weeks.
const TARGET_DIVISOR: i64 = 8;

/// What a stream has when one of its hours closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purse {
    /// In its pool.
    pub pool: MicroUnits,
    /// In its stability fund.
    pub fund: MicroUnits,
    /// Came into the pool in the [`window`] of the hour, less what was taken back.
    pub inflow: MicroUnits,
}

/// What a promise is paid from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Draw {
    /// From the pool.
    pub from_pool: MicroUnits,
    /// From the fund.
    pub from_fund: MicroUnits,
}

impl Draw {
    /// Both: never more than was promised.
    pub fn total(self) -> MicroUnits {
        MicroUnits(self.from_pool.0.saturating_add(self.from_fund.0))
    }
}

/// The four weeks before the end of `hour`: from the first moment to before the second.
pub fn window(hour: Hour) -> (UnixMs, UnixMs) {
    let end = hour.end();
    (UnixMs(end.0.saturating_sub(WINDOW_MS)), end)
}

/// What the fund is filled up to.
pub fn target(inflow: MicroUnits) -> MicroUnits {
    MicroUnits(inflow.0.max(0) / TARGET_DIVISOR)
}

/// Where `promise` comes from.
pub fn draw(purse: &Purse, promise: MicroUnits) -> Draw {
    let promise = promise.0.max(0);
    let from_pool = promise.min(purse.pool.0.max(0));
    let from_fund = (promise - from_pool).min(purse.fund.0.max(0));
    Draw { from_pool: MicroUnits(from_pool), from_fund: MicroUnits(from_fund) }
}

/// What goes from the pool into the fund after `draw`, of which `unpaid` stays in the fund.
pub fn surplus(purse: &Purse, draw: Draw, unpaid: MicroUnits) -> MicroUnits {
    let pool = purse.pool.0.max(0) - draw.from_pool.0;
    let fund = (purse.fund.0.max(0) - draw.from_fund.0).saturating_add(unpaid.0);
    let missing = target(purse.inflow).0.saturating_sub(fund).max(0);
    MicroUnits(missing.min(pool))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn purse(pool: i64, fund: i64, inflow: i64) -> Purse {
        Purse { pool: MicroUnits(pool), fund: MicroUnits(fund), inflow: MicroUnits(inflow) }
    }

    fn drawn(pool: i64, fund: i64, promise: i64) -> (i64, i64) {
        let draw = draw(&purse(pool, fund, 0), MicroUnits(promise));
        (draw.from_pool.0, draw.from_fund.0)
    }

    #[test]
    fn the_fund_pays_only_what_the_pool_cannot() {
        assert_eq!(drawn(100, 100, 60), (60, 0));
        assert_eq!(drawn(40, 100, 60), (40, 20));
        assert_eq!(drawn(0, 10, 60), (0, 10));
        assert_eq!(drawn(0, 0, 60), (0, 0));
        assert_eq!(drawn(100, 100, -5), (0, 0));
    }

    #[test]
    fn the_target_is_half_of_a_mean_week() {
        assert_eq!(target(MicroUnits(80_000_000)), MicroUnits(10_000_000));
        assert_eq!(target(MicroUnits(7)), MicroUnits(0));
        assert_eq!(target(MicroUnits(-80)), MicroUnits(0));
    }

    #[test]
    fn surplus_fills_the_fund_up_to_its_target_and_no_further() {
        let of = |purse: Purse, unpaid| surplus(&purse, draw(&purse, MicroUnits(10)), MicroUnits(unpaid)).0;
        assert_eq!(of(purse(100, 0, 400), 0), 50);
        assert_eq!(of(purse(30, 0, 400), 0), 20, "no more than the pool still has");
        assert_eq!(of(purse(100, 45, 400), 3), 2, "what was not paid out counts");
        assert_eq!(of(purse(100, 90, 400), 0), 0, "a fund above its target gives nothing back");
    }

    #[test]
    fn the_window_ends_with_the_hour() {
        let (from, to) = window(Hour(1_000));
        assert_eq!((from.0, to.0), ((1_001 - 672) * Hour::MS, 1_001 * Hour::MS));
        assert_eq!(window(Hour(0)).0, UnixMs(0));
    }

    proptest! {
        #[test]
        fn neither_pool_nor_fund_is_ever_negative(
            pool in 0_i64..=i64::MAX, fund in 0_i64..=i64::MAX, inflow: i64, promise: i64, paid_ppm in 0_i64..=1_000_000,
        ) {
            let purse = purse(pool, fund, inflow);
            let draw = draw(&purse, MicroUnits(promise));
            prop_assert!(draw.total().0 <= promise.max(0));
            let unpaid = i64::try_from(i128::from(draw.total().0) * i128::from(paid_ppm) / 1_000_000).unwrap();
            let surplus = surplus(&purse, draw, MicroUnits(unpaid)).0;
            prop_assert!(surplus >= 0 && pool - draw.from_pool.0 - surplus >= 0);
            prop_assert!(fund - draw.from_fund.0 >= 0);
            let after = i128::from(fund - draw.from_fund.0) + i128::from(unpaid) + i128::from(surplus);
            prop_assert!(surplus == 0 || after <= i128::from(target(MicroUnits(inflow)).0));
        }
    }
}
