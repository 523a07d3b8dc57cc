//! Disputes: what a supporter says against a closed hour, and what an operator answers.

use serde::{Deserialize, Serialize};
use streamr_model::{NodeId, StreamId, UnixMs};
use utoipa::ToSchema;

/// `PUT /nodes/{node}/disputes/{stream}/{hour}` (node token): this closed hour is wrong. Until it is answered it
/// may be worded anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MakeDispute {
    /// What is wrong, for the operator: 1 to 1,000 characters.
    pub text: String,
}

impl MakeDispute {
    /// Characters in its text.
    pub const MAX_CHARS: usize = 1_000;
    /// Disputes of a node that wait for an answer.
    pub const MAX_OPEN: u64 = 20;
}

/// A dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dispute {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// The hour, counted from 1970.
    pub hour: u64,
    /// What is said to be wrong.
    pub text: String,
    /// When it was last worded.
    #[schema(value_type = u64)]
    pub made_at: UnixMs,
    /// What the operator answered; `None` while it is open.
    pub answer: Option<DisputeAnswer>,
}

/// What an operator answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DisputeAnswer {
    /// Who was right.
    pub outcome: DisputeOutcome,
    /// Why.
    pub text: String,
    /// When.
    #[schema(value_type = u64)]
    pub answered_at: UnixMs,
}

/// Who was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisputeOutcome {
    /// The hour was wrong. The answer itself moves no money.
    Upheld,
    /// The hour stands.
    Rejected,
}

/// `PUT /disputes/{node}/{stream}/{hour}` (operator): answer one. A later answer takes the place of an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnswerDispute {
    /// Who was right.
    pub outcome: DisputeOutcome,
    /// Why, for the supporter: 1 to 1,000 characters.
    pub text: String,
}

/// `GET /disputes` (operator): open ones, or with `?answered=true` the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Disputes {
    /// Open ones: oldest first. Answered ones: answered last before the others. At most 200.
    pub disputes: Vec<ListedDispute>,
}

/// A dispute, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListedDispute {
    /// The node.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// What it says.
    pub dispute: Dispute,
}
