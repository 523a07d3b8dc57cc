//! What a node's support has done, as far as others have signed for it.

use serde::{Deserialize, Serialize};
use streamr_model::{MicroUnits, NodeId, StreamId, UnixMs};
use utoipa::ToSchema;

/// `GET /nodes/{node}/impact` (node token).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Impact {
    /// The node.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// The coordinator's clock when this was worked out.
    #[schema(value_type = u64)]
    pub as_of: UnixMs,
    /// Bytes that consumers signed for, since midnight UTC.
    pub bytes_served_today: u64,
    /// Bytes that consumers signed for, ever.
    pub bytes_served_ever: u64,
    /// Different nodes that signed for bytes of this one, ever.
    pub peers_helped_ever: u32,
    /// Seconds supporting, ever, by the coordinator's clock.
    pub supporting_s: u64,
    /// Provisional earnings of the current hour, one per stream supported in it.
    pub provisional: Vec<Provisional>,
}

/// What one stream's current hour would pay if it closed now. Never a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Provisional {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// The amount; `None` where the stream has no pool.
    #[schema(value_type = Option<i64>)]
    pub amount: Option<MicroUnits>,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// What it is made of.
    pub parts: ScoreParts,
}

/// The three parts of the score, in parts per million of the best possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScoreParts {
    /// Share of the live time of this hour that this node supported (40 % of the pool).
    pub uptime_ppm: u32,
    /// Share of its delivered blocks that came on time and verified (30 %): the lower 95 % confidence bound,
    /// so that a handful of good blocks is not yet a record.
    pub quality_ppm: u32,
    /// Its share of all credited bytes of the stream's hour (30 %).
    pub bandwidth_ppm: u32,
}
