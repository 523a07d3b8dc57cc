//! The interface of the coordinator of June 2025, which is still in the field: what its nodes send, and what
//! they are answered.
//!
//! That house had no sign-in, so nothing in it is proven: whatever is earned there is *unverified*. Its paths
//! stand at the root, not under [`crate::PREFIX`]; its times are UTC without saying so ([`naive_utc`]); its
//! amounts are JSON numbers ([`Tokens`]); its refusals are `{"detail": …}` ([`OldProblem`], [`OldIssue`]).

mod issue;
mod naive_utc;
mod tokens;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use issue::{OldIssue, OldIssues, OldProblem};
pub use naive_utc::naive_utc;
pub use tokens::{InvalidTokens, Tokens};

/// Seconds between two heartbeats of a node of June 2025.
pub const HEARTBEAT_INTERVAL_S: u64 = 30;

/// `GET /` and `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldHealth {
    /// `healthy`.
    pub status: String,
    /// Which service answers.
    pub service: String,
}

/// `POST /streams`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldNewStream {
    /// The stream's id: 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
    pub stream_id: String,
    /// Who pays, as the sponsor writes it.
    pub sponsor_address: String,
    /// What is set aside for the stream's nodes.
    #[schema(value_type = f64)]
    pub token_balance: Tokens,
    /// Where the stream is sent to. It may hold the stream key, so of it only what is public is kept.
    pub rtmp_url: String,
}

/// A stream, in the answer to [`OldNewStream`] and in `GET /streams`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldStream {
    /// The how-manyth it was to be registered.
    pub id: u64,
    /// Its id.
    pub stream_id: String,
    /// Who pays.
    pub sponsor_address: String,
    /// What was set aside when it was registered.
    #[schema(value_type = f64)]
    pub token_balance: Tokens,
    /// Host and application only, unless the stream key is the stream's id and so public.
    pub rtmp_url: String,
    /// Whether nodes are heard for it.
    pub status: OldStreamStatus,
    /// When it was registered; see [`naive_utc`].
    pub created_at: String,
}

/// Whether a stream takes heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OldStreamStatus {
    /// It does.
    Active,
    /// The operator ended it.
    Ended,
}

/// `POST /nodes/heartbeat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldHeartbeat {
    /// The node's name, chosen by itself: 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_`, `:` and `-`.
    pub node_id: String,
    /// The stream it supports.
    pub stream_id: String,
    /// Where it says what it does; see [`OldStats`].
    pub stats_url: String,
    /// The node's clock; see [`naive_utc`]. Never believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
}

/// Answer to [`OldHeartbeat`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldHeartbeatAnswer {
    /// `success`.
    pub status: String,
    /// `Heartbeat received`.
    pub message: String,
}

/// What a node serves at its `stats_url`. Whatever else stands there is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldStats {
    /// The streams it carries.
    pub streams: Vec<OldStatsStream>,
}

/// One stream of [`OldStats`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldStatsStream {
    /// Contains the stream's id.
    pub stream_name: String,
    /// Who is connected to it.
    #[serde(default)]
    pub connections: Vec<OldStatsConnection>,
}

/// One connection of [`OldStatsStream`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldStatsConnection {
    /// `streaming` while media flows.
    pub state: String,
}

impl OldStats {
    /// The state of a connection through which media flows.
    pub const STREAMING: &str = "streaming";

    /// Whether they claim that `stream` is being streamed.
    pub fn show_streaming(&self, stream: &str) -> bool {
        self.streams
            .iter()
            .filter(|carried| carried.stream_name.contains(stream))
            .any(|carried| carried.connections.iter().any(|connection| connection.state == Self::STREAMING))
    }
}

/// `GET /dashboard`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldDashboard {
    /// The active streams, in the order of their registration.
    pub streams: Vec<OldDashboardStream>,
}

/// One stream of [`OldDashboard`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldDashboardStream {
    /// The stream's id.
    pub stream_id: String,
    /// Who pays.
    pub sponsor: String,
    /// What was set aside when it was registered.
    #[schema(value_type = f64)]
    pub token_balance: Tokens,
    /// How many nodes were heard of lately.
    pub active_nodes: u32,
    /// Which, by id.
    pub nodes: Vec<OldDashboardNode>,
}

/// One node of [`OldDashboardStream`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldDashboardNode {
    /// Its name.
    pub node_id: String,
    /// Where it says what it does, without the query, which may hold a secret.
    pub stats_url: String,
}

/// `GET /payouts?hours_back=24`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldPayouts {
    /// Over how many of the last closed hours.
    pub hours_back: u32,
    /// Always false: see the module's documentation.
    pub verified: bool,
    /// What each node earned from each stream, by stream and node.
    pub payouts: Vec<OldPayout>,
    /// Their sum.
    #[schema(value_type = f64)]
    pub total: Tokens,
}

/// What one node earned from one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldPayout {
    /// The node.
    pub node_id: String,
    /// The stream.
    pub stream_id: String,
    /// How much.
    #[schema(value_type = f64)]
    pub amount: Tokens,
    /// In how many hours.
    pub hours: u32,
}

/// `GET /nodes/{node_id}/earnings?days_back=7`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldEarnings {
    /// The node.
    pub node_id: String,
    /// Over how many of the last days, up to the last closed hour.
    pub days_back: u32,
    /// Always false: see the module's documentation.
    pub verified: bool,
    /// The sum over all streams.
    #[schema(value_type = f64)]
    pub total_earnings: Tokens,
    /// What each stream paid, by id.
    pub streams: Vec<OldPayout>,
}

/// `GET /leaderboard`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldLeaderboard {
    /// Always false: see the module's documentation.
    pub verified: bool,
    /// Who earned most, first; of equals the smaller id first.
    pub leaderboard: Vec<OldRank>,
}

/// One line of [`OldLeaderboard`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OldRank {
    /// From 1.
    pub rank: u32,
    /// The node.
    pub node_id: String,
    /// What it earned, ever.
    #[schema(value_type = f64)]
    pub total_earnings: Tokens,
    /// In how many hours.
    pub hours: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_show_a_stream_by_a_name_that_contains_its_id_and_a_connection_that_streams() {
        let stats: OldStats = serde_json::from_str(
            r#"{"version": 1, "streams": [
                {"stream_name": "live/obs-test", "kbps": {"a": [1]}, "connections": [{"state": "idle"}, {"state": "streaming", "ip": "x"}]},
                {"stream_name": "live/other", "connections": [{"state": "idle"}]},
                {"stream_name": "live/third"}]}"#,
        )
        .unwrap();
        assert!(stats.show_streaming("obs-test"));
        assert!(
            !stats.show_streaming("other")
                && !stats.show_streaming("third")
                && !stats.show_streaming("alice")
        );
    }
}
