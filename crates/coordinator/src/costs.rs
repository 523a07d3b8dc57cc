//! What carrying costs, and what it saved. Pure; integers only, rounded down.

use streamr_coordinator_api::{Carried, Costs, EnteredCosts, LATELY_DAYS, SetCosts};
use streamr_model::{MicroUnits, UnixMs};

use crate::hour::Hour;
use crate::storage::HourGiven;

const BYTES_PER_GB: u128 = 1_000_000_000;

/// The first of the hours that “lately” is about.
pub(crate) fn lately(now: UnixMs) -> Hour {
    Hour(Hour::of(now).0.saturating_sub(LATELY_DAYS * 24 - 1))
}

/// What `bytes` cost at a price for a gigabyte.
pub(crate) fn of_bytes(bytes: u64, per_gb: MicroUnits) -> MicroUnits {
    let price = u128::try_from(per_gb.0).unwrap_or(0);
    let cost = u128::from(bytes) * price / BYTES_PER_GB;
    MicroUnits(i64::try_from(cost).unwrap_or(i64::MAX))
}

/// Minutes of a stream in what was given, by its bit rate in each hour. Hours whose bit rate is not known add
/// nothing; `None` if none is known.
pub(crate) fn viewer_minutes(given: &[HourGiven]) -> Option<u64> {
    let known = given.iter().filter(|hour| hour.bitrate.0 > 0);
    let ms: Vec<u128> =
        known.map(|hour| u128::from(hour.bytes) * 8_000 / u128::from(hour.bitrate.0)).collect();
    let minutes = ms.iter().sum::<u128>() / 60_000;
    (!ms.is_empty()).then(|| u64::try_from(minutes).unwrap_or(u64::MAX))
}

/// What is published.
pub(crate) fn publish(carried: Carried, said: Option<(SetCosts, UnixMs)>, now: UnixMs) -> Costs {
    let entered = said.map(|(said, set_at)| {
        let egress = said.egress_per_gb.map(|price| of_bytes(carried.origin_bytes, price));
        let saved = said.egress_per_gb.map(|price| of_bytes(carried.peer_bytes, price));
        let amounts = said.items.iter().map(|item| item.amount).chain(egress);
        let total = MicroUnits(amounts.fold(0, |sum, amount| amount.0.saturating_add(sum)));
        EnteredCosts {
            currency: said.currency,
            set_at,
            items: said.items,
            egress_per_gb: said.egress_per_gb,
            egress,
            total,
            saved,
        }
    });
    Costs { as_of: now, days: LATELY_DAYS, carried, entered }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use streamr_coordinator_api::CostItem;
    use streamr_model::BitsPerSecond;

    fn hour(bytes: u64, bitrate: u64) -> HourGiven {
        HourGiven { bytes, bitrate: BitsPerSecond(bitrate) }
    }

    #[test]
    fn a_gigabyte_costs_its_price_and_a_part_of_it_a_part() {
        let price = MicroUnits(50_000);
        assert_eq!(of_bytes(1_000_000_000, price), MicroUnits(50_000));
        assert_eq!(of_bytes(10_000, price), MicroUnits(0));
        assert_eq!(of_bytes(u64::MAX, MicroUnits(i64::MAX)), MicroUnits(i64::MAX));
    }

    #[test]
    fn minutes_follow_from_bytes_and_bit_rates() {
        // 4 Mb/s are 30 MB a minute.
        assert_eq!(viewer_minutes(&[hour(300_000_000, 4_000_000), hour(60_000_000, 8_000_000)]), Some(11));
        assert_eq!(viewer_minutes(&[hour(300_000_000, 4_000_000), hour(1, 0)]), Some(10));
        assert_eq!(viewer_minutes(&[hour(300_000_000, 0)]), None);
        assert_eq!(viewer_minutes(&[]), None);
    }

    #[test]
    fn the_total_is_what_was_entered_and_what_was_measured() {
        let carried = Carried { origin_bytes: 2_000_000_000, peer_bytes: 100_000_000_000 };
        let items = [("server", 20_000_000), ("domain", 1_000_000)]
            .map(|(what, amount)| CostItem { what: what.into(), amount: MicroUnits(amount) });
        let said =
            SetCosts { currency: "EUR".into(), egress_per_gb: Some(MicroUnits(50_000)), items: items.into() };
        let entered = publish(carried, Some((said.clone(), UnixMs(1))), UnixMs(2)).entered.unwrap();
        assert_eq!(entered.egress, Some(MicroUnits(100_000)));
        assert_eq!(entered.saved, Some(MicroUnits(5_000_000)));
        assert_eq!(entered.total, MicroUnits(21_100_000));
        let without = SetCosts { egress_per_gb: None, ..said };
        let entered = publish(carried, Some((without, UnixMs(1))), UnixMs(2)).entered.unwrap();
        assert_eq!((entered.egress, entered.saved, entered.total.0), (None, None, 21_000_000));
        assert_eq!(publish(carried, None, UnixMs(2)).entered, None);
    }

    #[test]
    fn lately_is_four_weeks_with_the_present_hour() {
        let now = UnixMs(10_000 * Hour::MS + 5);
        assert_eq!(10_000 - lately(now).0 + 1, 28 * 24);
        assert_eq!(lately(UnixMs(0)), Hour(0));
    }

    proptest! {
        #[test]
        fn parts_never_cost_more_than_the_whole(a in 0_u64..1 << 60, b in 0_u64..1 << 60, price in 0_i64..1 << 30) {
            let of = |bytes| of_bytes(bytes, MicroUnits(price)).0;
            let (whole, parts) = (of(a + b), of(a) + of(b));
            prop_assert!(parts <= whole && whole - parts <= 1);
        }
    }
}
