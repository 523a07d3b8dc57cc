//! Measurers: nodes whose word the operator trusts about others.

use serde::{Deserialize, Serialize};
use streamr_model::{NodeId, StreamId, UnixMs};
use utoipa::ToSchema;

/// `GET /measurers` (operator).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Measurers {
    /// By id.
    pub measurers: Vec<Measurer>,
}

/// A node that measures others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Measurer {
    /// Which.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// Since when the operator trusts it.
    #[schema(value_type = u64)]
    pub since: UnixMs,
}

/// `GET /nodes/{node}/checks/{stream}/{hour}` (the node's token): what measurers saw of a node in an hour that is over.
/// Neither who they were nor what exactly they were given is told: a node that knew would serve them better than others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpotChecks {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// The hour, counted from 1970.
    pub hour: u64,
    /// How often the node was looked at.
    pub checks: u64,
    /// Of what it was asked for then, how much came in time and was right, in whole percent; `None` of nothing.
    pub in_time_percent: Option<u64>,
    /// It did not give what it was asked for: its quality is that of these checks.
    pub drops: bool,
}
