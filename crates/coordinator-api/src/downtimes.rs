//! Downtime that a node announces, so that it does not lower its uptime.

use serde::{Deserialize, Serialize};
use streamr_model::UnixMs;
use utoipa::ToSchema;

/// `POST /nodes/{node}/downtimes` (node token): the node will not be there.
///
/// Of each hour at most half can be declared; what the node does in the rest is then taken for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeclareDowntime {
    /// From when, by the coordinator's clock.
    #[schema(value_type = u64)]
    pub begins_at: UnixMs,
    /// Until when.
    #[schema(value_type = u64)]
    pub ends_at: UnixMs,
}

impl DeclareDowntime {
    /// It is announced at least so long before it begins.
    pub const LEAD_MS: u64 = 60 * 60_000;
    /// And at most so long.
    pub const AHEAD_MS: u64 = 30 * 24 * 60 * 60_000;
    /// The shortest that is taken.
    pub const SHORTEST_MS: u64 = 10 * 60_000;
    /// The longest that is taken.
    pub const LONGEST_MS: u64 = 4 * 60 * 60_000;
    /// All that begin within [`Self::WEEK_MS`] of each other are together no longer.
    pub const IN_A_WEEK_MS: u64 = 6 * 60 * 60_000;
    /// Seven days.
    pub const WEEK_MS: u64 = 7 * 24 * 60 * 60_000;
}

/// Declared downtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Downtime {
    /// From when. A node has no two with the same beginning.
    #[schema(value_type = u64)]
    pub begins_at: UnixMs,
    /// Until when.
    #[schema(value_type = u64)]
    pub ends_at: UnixMs,
    /// When it was declared.
    #[schema(value_type = u64)]
    pub declared_at: UnixMs,
}
