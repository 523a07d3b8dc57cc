//! What is held for review because a consumer signs against assignment.

use serde::{Deserialize, Serialize};
use streamr_model::{MicroUnits, NodeId, StreamId};
use utoipa::ToSchema;

/// `GET /reviews` (operator): what nobody has decided about yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reviews {
    /// Oldest hour first, at most [`Reviews::MAX`].
    pub reviews: Vec<Review>,
}

impl Reviews {
    /// The most in one answer; the others follow when these are decided.
    pub const MAX: u32 = 100;
}

/// What an hour holds for a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// The hour, counted from 1970.
    pub hour: u64,
    /// For whom.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// How much, in millionths.
    #[schema(value_type = i64)]
    pub amount: MicroUnits,
    /// In which currency.
    pub currency: String,
    /// Whose signatures it rests on, of all that are suspected in the hour.
    pub suspects: Vec<Suspect>,
}

/// A consumer that signs against assignment: of `windows` of a day in which it was assigned anybody it signed for anything
/// in `signed`; of `assigned` in which `provider` was among them, in `signed_assigned`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Suspect {
    /// Who.
    #[schema(value_type = String)]
    pub consumer: NodeId,
    /// For whom it signs most against assignment.
    #[schema(value_type = String)]
    pub provider: NodeId,
    /// All windows.
    pub windows: u64,
    /// Of them, with anything signed.
    pub signed: u64,
    /// Windows in which the provider was assigned.
    pub assigned: u64,
    /// Of them, with anything signed.
    pub signed_assigned: u64,
}

/// Answer to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reviewed {
    /// The entry of the ledger.
    pub entry: u64,
    /// What it moved, in millionths.
    #[schema(value_type = i64)]
    pub amount: MicroUnits,
}
