//! What a node has earned, and why.

use serde::{Deserialize, Serialize};
use streamr_model::{MicroUnits, NodeId, StreamId, UnixMs};
use utoipa::ToSchema;

use crate::impact::ScoreParts;
use crate::payouts::PayeeView;

/// `GET /nodes/{node}/earnings` (node token). `?before=HOUR/STREAM` pages, `?limit=` up to 200, `?format=csv`
/// gives the epochs as a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Earnings {
    /// The node.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// The coordinator's clock when this was worked out.
    #[schema(value_type = u64)]
    pub as_of: UnixMs,
    /// One for each currency in which anything was or may be earned, by code.
    pub currencies: Vec<CurrencyEarnings>,
    /// Where payouts go, as far as it is shown; `None` until it is set.
    pub payee: Option<PayeeView>,
    /// Closed epochs in which it was paid, newest first.
    pub epochs: Vec<EpochEarnings>,
    /// `before` for the next page; `None` on the last.
    pub older: Option<String>,
}

/// What was earned in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CurrencyEarnings {
    /// ISO 4217 code.
    pub currency: String,
    /// What hours that are still open would pay if they closed now. Never a promise.
    #[schema(value_type = i64)]
    pub provisional: MicroUnits,
    /// Earned in closed hours and not yet on its way.
    #[schema(value_type = i64)]
    pub settled: MicroUnits,
    /// On its way.
    #[schema(value_type = i64)]
    pub pending: MicroUnits,
    /// Arrived, ever, after fees.
    #[schema(value_type = i64)]
    pub paid: MicroUnits,
    /// The least that is paid out at once.
    #[schema(value_type = i64)]
    pub payout_threshold: MicroUnits,
    /// When the operator next means to pay out; `None` where no day is set.
    #[schema(value_type = Option<u64>)]
    pub next_payout: Option<UnixMs>,
}

/// Whether an epoch's payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EpochState {
    /// It stands.
    Settled,
    /// A later entry undid it.
    Corrected,
}

/// What one closed epoch paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EpochEarnings {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// The hour, counted from 1970.
    pub hour: u64,
    /// When it began.
    #[schema(value_type = u64)]
    pub began_at: UnixMs,
    /// ISO 4217 code.
    pub currency: String,
    /// All of it.
    #[schema(value_type = i64)]
    pub amount: MicroUnits,
    /// What it is made of.
    pub parts: AmountParts,
    /// Whether it stands.
    pub state: EpochState,
}

/// An amount by what it was paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AmountParts {
    /// For having been there (of 40 % of the pool).
    #[schema(value_type = i64)]
    pub uptime: MicroUnits,
    /// For blocks on time (of 30 %).
    #[schema(value_type = i64)]
    pub quality: MicroUnits,
    /// For bytes (of 30 %).
    #[schema(value_type = i64)]
    pub bandwidth: MicroUnits,
}

/// `GET /nodes/{node}/earnings/{stream}/{hour}` (node token): everything that decided what the epoch paid this
/// node, so that it can be worked out again by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EpochDetail {
    /// What it paid this node.
    pub epoch: EpochEarnings,
    /// When it was closed.
    #[schema(value_type = u64)]
    pub closed_at: UnixMs,
    /// The number of the ledger entry that closed it.
    pub entry: u64,
    /// What the entry binds the input by (BLAKE3, hex).
    pub input_digest: String,
    /// How long the stream was live in it, in milliseconds.
    pub live_ms: u64,
    /// What it should pay all nodes together.
    #[schema(value_type = i64)]
    pub promised: MicroUnits,
    /// What it paid all nodes together. The rest stayed with the stream.
    #[schema(value_type = i64)]
    pub paid: MicroUnits,
    /// What is held for this node beside that, because it rests on a consumer that signs against assignment: an operator
    /// decides whether it is paid.
    #[schema(value_type = i64)]
    pub under_review: MicroUnits,
    /// Nodes that took part.
    pub supporters: u32,
    /// What this node did.
    pub own: Work,
    /// What all nodes did, itself included: the other side of each fraction.
    pub all: Work,
    /// The same as parts of the best possible.
    pub parts: ScoreParts,
    /// Whether it counted as a newcomer, who together get at most a quarter of what an hour pays.
    pub newcomer: bool,
}

/// Work in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Work {
    /// Time supported while live, in milliseconds: the weight for uptime.
    pub uptime_ms: u64,
    /// The weight for quality, in parts per million; of all nodes, the sum of theirs.
    pub quality_ppm: u64,
    /// Credited bytes: the weight for bandwidth.
    pub bytes: u64,
    /// Credited blocks that verified.
    pub blocks: u64,
    /// Of these, blocks on time.
    pub on_time: u64,
    /// Blocks that did not verify.
    pub bad: u64,
}
