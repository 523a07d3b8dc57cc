//! Nodes: enrolment and heartbeats.

use serde::{Deserialize, Serialize};
use streamr_model::{EnrolmentProof, Grant, Heartbeat, NodeId, Signed, UnixMs, Window};
use utoipa::ToSchema;

/// `POST /nodes/challenge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChallengeRequest {
    /// The node that wants to enrol.
    #[schema(value_type = String)]
    pub node: NodeId,
}

/// Answer to [`ChallengeRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Challenge {
    /// To be signed within a minute.
    pub challenge: String,
}

/// `POST /nodes`: enrol, or enrol again after losing the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enrol {
    /// The node.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// The challenge, signed by the node.
    #[schema(value_type = Object)]
    pub proof: Signed<EnrolmentProof>,
    /// An invite to use up, where there is one.
    pub invite: Option<String>,
}

/// Answer to [`Enrol`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enrolled {
    /// Authorises this node's reads. Appears only here.
    pub token: String,
}

impl std::fmt::Debug for Enrolled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolled").finish_non_exhaustive()
    }
}

/// `POST /heartbeats`. Needs no token: the document is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeartbeatRequest {
    /// The reporting node.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// The report, signed by it.
    #[schema(value_type = Object)]
    pub heartbeat: Signed<Heartbeat>,
}

impl HeartbeatRequest {
    /// Seconds between two heartbeats of a session that is under way.
    pub const INTERVAL_S: u32 = 30;
    /// Seconds to the next heartbeat after the first of a session, and after a repeated one.
    pub const FIRST_INTERVAL_S: u32 = 5;
    /// A node not heard of for this long (two and a half intervals) is no longer a member.
    pub const LAPSE_MS: u64 = 75_000;
}

/// Answer to a heartbeat. A node that lost it sends the same number with the same nonce again and gets the
/// same next nonce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeartbeatAnswer {
    /// To be carried by the next heartbeat of the session.
    pub nonce: String,
    /// Seconds until the next is due, before the node's own jitter.
    pub next_in_s: u32,
    /// The coordinator's clock, the only one that pays.
    #[schema(value_type = u64)]
    pub now: UnixMs,
    /// The stream's membership version; a node whose view is older asks for it.
    pub membership_version: u64,
    /// Whose deliveries to this node count in the present window; told once in a window, and with the first
    /// answer of a session. At most [`Granted::PER_WINDOW`].
    #[serde(default)]
    pub grants: Vec<Granted>,
    /// The operator trusts this node to measure others: it hands in what it signs, too
    /// ([`crate::SamplesRequest`]). Nobody else is told.
    #[serde(default)]
    pub measures: bool,
}

/// A grant to pass on with receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Granted {
    /// Who may give.
    #[schema(value_type = String)]
    pub provider: NodeId,
    /// The window of five minutes, counted from 1970.
    #[schema(value_type = u64)]
    pub window: Window,
    /// The coordinator's signed word.
    #[schema(value_type = Object)]
    pub grant: Signed<Grant>,
}

impl Granted {
    /// Providers that a consumer is assigned in a window.
    pub const PER_WINDOW: usize = 3;
}

/// `GET /keys`: with what the coordinator signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicKeys {
    /// The Ed25519 key of grants.
    #[schema(value_type = String)]
    pub grants: NodeId,
}
