//! What a person says that supporting costs them. It stays on this machine.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::OutOfRange;
use crate::view::{CostsView, Spent};

const SECONDS_TIMES_WATTS_PER_KWH: u128 = 3_600_000;
const BYTES_PER_GB: u128 = 1_000_000_000;

/// Prices, in millionths of a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// ISO 4217 code.
    pub currency: String,
    /// What the machine draws more while supporting, in watts.
    pub power_w: u64,
    /// A kilowatt-hour.
    pub power_per_kwh: u64,
    /// A gigabyte (10⁹ bytes) given to others.
    pub data_per_gb: u64,
}

impl Costs {
    const POWER_W: RangeInclusive<u64> = 0..=2_000;
    const PRICE: RangeInclusive<u64> = 0..=1_000_000_000;

    /// As a person set it.
    pub(crate) fn from_view(view: &CostsView) -> Self {
        let CostsView { currency, power_w, power_per_kwh, data_per_gb } = view.clone();
        Self { currency, power_w, power_per_kwh, data_per_gb }
    }

    /// As a person sees it.
    pub(crate) fn view(&self) -> CostsView {
        let Self { currency, power_w, power_per_kwh, data_per_gb } = self.clone();
        CostsView { currency, power_w, power_per_kwh, data_per_gb }
    }

    /// Whether the currency is one. Which there are is the coordinator's matter.
    pub(crate) fn has_currency(&self) -> bool {
        self.currency.len() == 3 && self.currency.bytes().all(|byte| byte.is_ascii_uppercase())
    }

    /// Whether every number is in its range.
    pub(super) fn check(&self) -> Result<(), OutOfRange> {
        for (key, found, allowed) in [
            ("costs.power_w", self.power_w, Self::POWER_W),
            ("costs.power_per_kwh", self.power_per_kwh, Self::PRICE),
            ("costs.data_per_gb", self.data_per_gb, Self::PRICE),
        ] {
            if !allowed.contains(&found) {
                return Err(OutOfRange { key, found, allowed });
            }
        }
        Ok(())
    }

    /// What `supporting_s` seconds and `shared_bytes` bytes cost, rounded up.
    pub(crate) fn spent(&self, supporting_s: u64, shared_bytes: u64) -> Spent {
        let micro = |cost: u128| i64::try_from(cost).unwrap_or(i64::MAX);
        let watt_seconds = u128::from(supporting_s) * u128::from(self.power_w);
        let power = watt_seconds.saturating_mul(self.power_per_kwh.into());
        let data = u128::from(shared_bytes) * u128::from(self.data_per_gb);
        Spent {
            power: micro(power.div_ceil(SECONDS_TIMES_WATTS_PER_KWH)),
            data: micro(data.div_ceil(BYTES_PER_GB)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn costs() -> Costs {
        Costs { currency: "EUR".into(), power_w: 20, power_per_kwh: 350_000, data_per_gb: 10_000 }
    }

    #[test]
    fn power_costs_by_the_hour_and_data_by_the_gigabyte() {
        // 100 h of 20 W are 2 kWh.
        assert_eq!(costs().spent(360_000, 3_000_000_000), Spent { power: 700_000, data: 30_000 });
        assert_eq!(costs().spent(1, 1), Spent { power: 2, data: 1 }, "what is begun is counted");
        assert_eq!(costs().spent(0, 0), Spent { power: 0, data: 0 });
        assert_eq!(costs().spent(u64::MAX, u64::MAX).power, i64::MAX);
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        for (currency, expected) in
            [("EUR", true), ("eur", false), ("EURO", false), ("", false), ("E1R", false)]
        {
            assert_eq!(Costs { currency: currency.into(), ..costs() }.has_currency(), expected);
        }
    }

    proptest! {
        #[test]
        fn more_never_costs_less(a in 0_u64..1 << 40, b in 0_u64..1 << 40) {
            let (less, more) = (costs().spent(a, a), costs().spent(a + b, a + b));
            prop_assert!(less.power <= more.power && less.data <= more.data);
        }
    }
}
