//! What running the network costs, and what support saved. Published.

use serde::{Deserialize, Serialize};
use streamr_model::{MicroUnits, StreamId, UnixMs};
use utoipa::ToSchema;

/// Days that figures of "lately" are about: four weeks.
pub const LATELY_DAYS: u64 = 28;

/// `PUT /costs` (operator): in the place of what was said before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetCosts {
    /// ISO 4217 code.
    pub currency: String,
    /// What a gigabyte (10⁹ bytes) that leaves an origin costs; `None` where that is not known.
    #[schema(value_type = Option<i64>)]
    pub egress_per_gb: Option<MicroUnits>,
    /// Everything else that costs something every month, at most 20.
    pub items: Vec<CostItem>,
}

impl SetCosts {
    /// Items.
    pub const MAX_ITEMS: usize = 20;
    /// Characters of what an item is for.
    pub const MAX_CHARS: usize = 80;
    /// The largest amount, a thousand million: sums of 20 stay far inside 64 bits.
    pub const MAX_AMOUNT: i64 = 1_000_000_000_000_000;
}

/// Something that costs money every month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostItem {
    /// What for: 1 to 80 characters.
    pub what: String,
    /// How much in a month.
    #[schema(value_type = i64)]
    pub amount: MicroUnits,
}

/// What was carried in the last [`LATELY_DAYS`] days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Carried {
    /// Media bytes that nodes say they fetched from origins.
    pub origin_bytes: u64,
    /// Media bytes that others signed to have received from supporters: each of them did not leave an origin.
    pub peer_bytes: u64,
}

/// `GET /costs` (anybody).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Costs {
    /// When this was worked out.
    #[schema(value_type = u64)]
    pub as_of: UnixMs,
    /// Days that the measured figures are about.
    pub days: u64,
    /// What was measured, over all streams.
    pub carried: Carried,
    /// What the operator said; `None` before anything was.
    pub entered: Option<EnteredCosts>,
}

/// What the operator said, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnteredCosts {
    /// ISO 4217 code.
    pub currency: String,
    /// When it was said.
    #[schema(value_type = u64)]
    pub set_at: UnixMs,
    /// What costs something every month.
    pub items: Vec<CostItem>,
    /// What a gigabyte that leaves an origin costs.
    #[schema(value_type = Option<i64>)]
    pub egress_per_gb: Option<MicroUnits>,
    /// What the measured egress of the origins cost at that price.
    #[schema(value_type = Option<i64>)]
    pub egress: Option<MicroUnits>,
    /// All items and the egress.
    #[schema(value_type = i64)]
    pub total: MicroUnits,
    /// What the bytes that supporters gave would have cost from the origins.
    #[schema(value_type = Option<i64>)]
    pub saved: Option<MicroUnits>,
}

/// `GET /streams/{stream}/impact` (anybody): what support did for a stream in the last [`LATELY_DAYS`] days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamImpact {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// What the live is called.
    pub title: String,
    /// The streamer's name.
    pub streamer: String,
    /// When this was worked out.
    #[schema(value_type = u64)]
    pub as_of: UnixMs,
    /// Days that the figures are about.
    pub days: u64,
    /// Seconds live.
    pub live_s: u64,
    /// Nodes that supported it.
    pub supporters: u64,
    /// What was carried.
    pub carried: Carried,
    /// Minutes of the stream in what supporters gave, by its bit rate in each hour; `None` while no bit rate is known.
    pub viewer_minutes: Option<u64>,
    /// What the bytes that supporters gave would have cost from the origin; `None` where no price is known.
    pub saved: Option<Saved>,
}

/// An amount that was not spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Saved {
    /// How much.
    #[schema(value_type = i64)]
    pub amount: MicroUnits,
    /// ISO 4217 code.
    pub currency: String,
}

/// `GET /streams/{stream}/pool` (publish secret, its owner, operator): a stream's money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamPool {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// When this was worked out.
    #[schema(value_type = u64)]
    pub as_of: UnixMs,
    /// Days that `deposited` and `paid` are about.
    pub days: u64,
    /// What is promised for each hour live, and its currency; `None` where the stream pays nothing.
    pub per_hour: Option<PoolPerHour>,
    /// One for each currency that was ever deposited.
    pub money: Vec<PoolMoney>,
}

/// What is promised for each hour live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolPerHour {
    /// How much.
    #[schema(value_type = i64)]
    pub amount: MicroUnits,
    /// ISO 4217 code.
    pub currency: String,
}

/// A stream's money in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolMoney {
    /// ISO 4217 code.
    pub currency: String,
    /// What is in the pool.
    #[schema(value_type = i64)]
    pub pool: MicroUnits,
    /// What is in the stability fund.
    #[schema(value_type = i64)]
    pub fund: MicroUnits,
    /// What was deposited lately, less what was taken back.
    #[schema(value_type = i64)]
    pub deposited: MicroUnits,
    /// What the hours that closed lately paid to supporters, less what was corrected.
    #[schema(value_type = i64)]
    pub paid: MicroUnits,
}
