//! How the node stands to people: whose it is, under what name it is shown, what it declared, disputed and was told.

use serde::{Deserialize, Serialize};

/// How the node stands to people, as the coordinator says. Never empty for "not known".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Profile {
    /// The coordinator has not been asked yet.
    NotYet,
    /// The coordinator cannot be reached.
    UnknownSince {
        /// When the last answer came, or when asking first failed.
        #[cfg_attr(test, ts(type = "number"))]
        since_ms: u64,
    },
    /// As of the last answer.
    Known {
        /// By the coordinator's clock.
        #[cfg_attr(test, ts(type = "number"))]
        as_of_ms: u64,
        /// The handle of the account whose the node is; `None` if it is nobody's.
        account: Option<String>,
        /// The name it is shown under; `None` if it is shown to nobody.
        name: Option<String>,
        /// The tier it has reached; `None` below the first.
        tier: Option<Tier>,
        /// The tier after it; `None` at the last.
        next_tier: Option<NextTier>,
        /// Bytes that others signed to have received from it, ever.
        #[cfg_attr(test, ts(type = "number"))]
        bytes: u64,
        /// Seconds it was there while a stream it supported was live, ever.
        #[cfg_attr(test, ts(type = "number"))]
        live_s: u64,
        /// Declared downtime that is not over, the next first.
        downtimes: Vec<Downtime>,
        /// Disputes, the newest hour first.
        disputes: Vec<Dispute>,
        /// What streamers said, the newest first.
        thanks: Vec<Thanks>,
    },
}

/// How much somebody has supported, ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Tier {
    /// The first.
    NodeOperator,
    /// The second.
    StreamGuardian,
    /// The third.
    NetworkPioneer,
}

/// A tier that is not reached, and what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct NextTier {
    /// Which.
    pub tier: Tier,
    /// Bytes that others signed for.
    #[cfg_attr(test, ts(type = "number"))]
    pub bytes: u64,
    /// Seconds there while the stream was live.
    #[cfg_attr(test, ts(type = "number"))]
    pub live_s: u64,
}

/// Declared downtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Downtime {
    /// From when. No two begin at the same moment.
    #[cfg_attr(test, ts(type = "number"))]
    pub begins_at_ms: u64,
    /// Until when.
    #[cfg_attr(test, ts(type = "number"))]
    pub ends_at_ms: u64,
}

/// What the person said against a closed hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Dispute {
    /// The stream.
    pub stream: String,
    /// When the hour began.
    #[cfg_attr(test, ts(type = "number"))]
    pub began_at_ms: u64,
    /// What is said to be wrong.
    pub text: String,
    /// How it stands.
    pub state: DisputeState,
    /// What the operator answered.
    pub answer: Option<String>,
}

/// How a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum DisputeState {
    /// It waits for an answer.
    Open,
    /// The hour was wrong.
    Upheld,
    /// The hour stands.
    Rejected,
}

/// What a streamer said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Thanks {
    /// The streamer's name.
    pub streamer: String,
    /// Plain text.
    pub text: String,
    /// When.
    #[cfg_attr(test, ts(type = "number"))]
    pub sent_at_ms: u64,
    /// Whether it was said to this node alone.
    pub personal: bool,
}
