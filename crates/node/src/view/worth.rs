//! What support may bring and what it costs.

use serde::{Deserialize, Serialize};

/// What hours like the last ones would bring, in millionths of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Forecast {
    /// Closed hours it is made from.
    pub hours: u32,
    /// Hours it takes before anything is said.
    pub hours_needed: u32,
    /// An hour; `None` with fewer hours.
    pub hour: Option<AmountRange>,
    /// Hours that paid in the last seven days.
    pub week_hours: u32,
    /// A week with as many of them; `None` with fewer hours than are needed.
    pub week: Option<AmountRange>,
}

/// The middle half of what was paid: a quarter was less, a quarter more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct AmountRange {
    /// The lower quartile.
    #[cfg_attr(test, ts(type = "number"))]
    pub low: i64,
    /// The upper quartile.
    #[cfg_attr(test, ts(type = "number"))]
    pub high: i64,
}

/// What the person says that supporting costs them. It never leaves this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct CostsView {
    /// ISO 4217 code.
    pub currency: String,
    /// What the machine draws more while supporting, in watts.
    #[cfg_attr(test, ts(type = "number"))]
    pub power_w: u64,
    /// A kilowatt-hour, in millionths of the currency.
    #[cfg_attr(test, ts(type = "number"))]
    pub power_per_kwh: u64,
    /// A gigabyte (10⁹ bytes) given to others, in millionths of the currency.
    #[cfg_attr(test, ts(type = "number"))]
    pub data_per_gb: u64,
}

/// What supporting has cost so far by the person's own prices, in millionths of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Spent {
    /// For power.
    #[cfg_attr(test, ts(type = "number"))]
    pub power: i64,
    /// For data.
    #[cfg_attr(test, ts(type = "number"))]
    pub data: i64,
}

/// What can be saved as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "export", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Export {
    /// Every hour that paid, as a table (CSV).
    Earnings,
    /// What others signed for in an hour, with both signatures (JSON).
    Receipts {
        /// The stream.
        stream: String,
        /// When the hour began.
        #[cfg_attr(test, ts(type = "number"))]
        began_at_ms: u64,
    },
}
