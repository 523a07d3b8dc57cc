//! Supporters as others see them: only those who agreed, under the name they chose.

use serde::{Deserialize, Serialize};
use streamr_model::{NodeId, StreamId, UnixMs};
use utoipa::ToSchema;

use crate::disputes::Dispute;
use crate::downtimes::Downtime;

/// How much somebody has supported, ever. What each takes is published in docs/rewards.md; none of them changes what
/// is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The first.
    NodeOperator,
    /// The second.
    StreamGuardian,
    /// The third.
    NetworkPioneer,
}

/// `PUT /nodes/{node}/name` (node token): show this node's support to everybody, under this name. `DELETE` on the
/// same path takes that back at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShowName {
    /// 1 to 40 characters. Names need not be unique.
    pub name: String,
}

impl ShowName {
    /// Characters in a name.
    pub const MAX_CHARS: usize = 40;
}

/// Somebody who agreed to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Supporter {
    /// What to call them by in requests. It is not the node's id, and another one after they agree anew.
    pub supporter: String,
    /// The name they chose.
    pub name: String,
    /// How much they have supported, ever, whatever stream; `None` below the first tier.
    pub tier: Option<Tier>,
    /// Bytes that others signed to have received from them.
    pub bytes: u64,
    /// Seconds they were there while the stream was live.
    pub live_s: u64,
}

/// `GET /streams/{stream}/supporters` (anybody).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Supporters {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// When this was worked out.
    #[schema(value_type = u64)]
    pub as_of: UnixMs,
    /// Those who agreed, by the bytes they gave for this stream, ever; at most 200.
    pub supporters: Vec<Supporter>,
    /// How many others there were who did not say that they agree.
    pub unnamed: u64,
}

/// `GET /leaderboard` (anybody): over all streams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Leaderboard {
    /// When this was worked out.
    #[schema(value_type = u64)]
    pub as_of: UnixMs,
    /// Those who agreed, by the bytes they gave, ever; at most 100.
    pub supporters: Vec<Supporter>,
}

/// `POST /streams/{stream}/thanks` (publish secret, its owner, operator): say something nice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GiveThanks {
    /// To whom: [`Supporter::supporter`]. `None`: to all who have supported the stream.
    #[serde(default)]
    pub to: Option<String>,
    /// Plain text of 1 to 280 characters on one line.
    pub text: String,
}

impl GiveThanks {
    /// Characters in its text.
    pub const MAX_CHARS: usize = 280;
    /// From one stream within a day.
    pub const MAX_A_DAY: u64 = 50;
}

/// What a streamer said to a supporter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Thanks {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// The streamer's name.
    pub streamer: String,
    /// Plain text.
    pub text: String,
    /// When.
    #[schema(value_type = u64)]
    pub sent_at: UnixMs,
    /// Whether it was said to this node alone.
    pub personal: bool,
}

/// `GET /nodes/{node}` (node token): how the node stands to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeSummary {
    /// The node.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// The coordinator's clock.
    #[schema(value_type = u64)]
    pub as_of: UnixMs,
    /// The handle of the account whose it is; `None` if it is nobody's.
    pub account: Option<String>,
    /// The name it is shown under; `None` if it is shown to nobody.
    pub name: Option<String>,
    /// The tier it has reached; `None` below the first.
    pub tier: Option<Tier>,
    /// The next tier and what it takes; `None` at the last.
    pub next_tier: Option<NextTier>,
    /// Bytes that others signed to have received from it, ever.
    pub bytes: u64,
    /// Seconds it was there while a stream it supported was live, ever.
    pub live_s: u64,
    /// Declared downtime that is not over, the next first.
    pub downtimes: Vec<Downtime>,
    /// Its disputes, the newest hour first; at most 50.
    pub disputes: Vec<Dispute>,
    /// What streamers said to it, the newest first; at most 20.
    pub thanks: Vec<Thanks>,
}

/// A tier that is not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextTier {
    /// Which.
    pub tier: Tier,
    /// Bytes it takes.
    pub bytes: u64,
    /// Seconds it takes.
    pub live_s: u64,
}
