//! Errors as `application/problem+json` (RFC 9457) with a code that programs match.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was refused. The UI words each in the person's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The body or a parameter is not what the endpoint takes.
    BadRequest,
    /// No or wrong bearer token.
    Unauthorised,
    /// No such stream.
    StreamUnknown,
    /// The stream id is taken.
    StreamTaken,
    /// No such invite.
    InviteUnknown,
    /// The invite was used before.
    InviteUsed,
    /// The invite's time is over.
    InviteExpired,
    /// The challenge is unknown, used or over a minute old.
    ChallengeStale,
    /// A signature does not hold.
    SignatureInvalid,
    /// A heartbeat's number or nonce is not the expected one.
    HeartbeatOutOfOrder,
    /// The node is not enrolled here.
    NodeUnknown,
    /// Too many requests.
    RateLimited,
    /// The coordinator's own fault.
    Internal,
}

/// RFC 9457 problem details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct Problem {
    /// `about:blank`: the code says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short sentence that is the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong this time and what to do.
    pub detail: String,
    /// What programs match.
    pub code: ErrorCode,
}
