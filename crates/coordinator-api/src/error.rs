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
    /// A proof names another coordinator than the one it was given to.
    CoordinatorMismatch,
    /// A signature does not hold.
    SignatureInvalid,
    /// A heartbeat's number or nonce is not the expected one. The node begins a new session.
    HeartbeatOutOfOrder,
    /// The node is not enrolled here.
    NodeUnknown,
    /// An idempotency key was used for something else.
    KeyReused,
    /// No such entry in the ledger.
    EntryUnknown,
    /// The hour is not closed, or paid this node nothing.
    EpochUnknown,
    /// No such payout.
    PayoutUnknown,
    /// Nobody disputed this hour.
    DisputeUnknown,
    /// The dispute has its answer.
    DisputeAnswered,
    /// Nobody who agreed to be shown is called so.
    SupporterUnknown,
    /// What is asked for does not fit where money or a payout stands now.
    LedgerConflict,
    /// The payment provider failed or refused.
    ProviderFailed,
    /// The streamer has taken the invite back.
    InviteRevoked,
    /// Another account has this handle.
    HandleTaken,
    /// The password is too short, too long, or one that is guessed first.
    PasswordUnsuitable,
    /// No account has this handle and password, or this passkey. Which of them is wrong is not said.
    SignInFailed,
    /// Whoever asks is known and may not do this.
    Forbidden,
    /// No such account.
    AccountUnknown,
    /// The node belongs to another account.
    NodeOwned,
    /// The claim code is unknown, used, too old or for another node.
    ClaimStale,
    /// There are as many of these as one account or stream may have.
    LimitReached,
    /// The passkey's answer does not hold, or is for another ceremony.
    PasskeyRefused,
    /// No such path.
    NotFound,
    /// The path is right and the method is not.
    MethodNotAllowed,
    /// The body is longer than the endpoint takes.
    PayloadTooLarge,
    /// The body is not announced as `application/json`.
    UnsupportedMediaType,
    /// Too many requests.
    RateLimited,
    /// The coordinator's own fault.
    Internal,
    /// The coordinator has too much to do, or took too long. Trying again later helps.
    Unavailable,
}

impl ErrorCode {
    /// Every code, for tests and documents.
    pub const ALL: [Self; 38] = [
        Self::BadRequest,
        Self::Unauthorised,
        Self::StreamUnknown,
        Self::StreamTaken,
        Self::InviteUnknown,
        Self::InviteUsed,
        Self::InviteExpired,
        Self::ChallengeStale,
        Self::CoordinatorMismatch,
        Self::SignatureInvalid,
        Self::HeartbeatOutOfOrder,
        Self::NodeUnknown,
        Self::KeyReused,
        Self::EntryUnknown,
        Self::EpochUnknown,
        Self::PayoutUnknown,
        Self::DisputeUnknown,
        Self::DisputeAnswered,
        Self::SupporterUnknown,
        Self::LedgerConflict,
        Self::ProviderFailed,
        Self::InviteRevoked,
        Self::HandleTaken,
        Self::PasswordUnsuitable,
        Self::SignInFailed,
        Self::Forbidden,
        Self::AccountUnknown,
        Self::NodeOwned,
        Self::ClaimStale,
        Self::LimitReached,
        Self::PasskeyRefused,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The HTTP status that carries it.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::CoordinatorMismatch | Self::PasswordUnsuitable => 400,
            Self::Unauthorised | Self::SignInFailed => 401,
            Self::SignatureInvalid | Self::Forbidden | Self::PasskeyRefused => 403,
            Self::StreamUnknown
            | Self::InviteUnknown
            | Self::NodeUnknown
            | Self::AccountUnknown
            | Self::EntryUnknown
            | Self::EpochUnknown
            | Self::PayoutUnknown
            | Self::DisputeUnknown
            | Self::SupporterUnknown
            | Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::StreamTaken
            | Self::ChallengeStale
            | Self::HeartbeatOutOfOrder
            | Self::HandleTaken
            | Self::NodeOwned
            | Self::ClaimStale
            | Self::KeyReused
            | Self::LedgerConflict
            | Self::DisputeAnswered
            | Self::LimitReached => 409,
            Self::InviteUsed | Self::InviteExpired | Self::InviteRevoked => 410,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::ProviderFailed => 502,
            Self::Unavailable => 503,
        }
    }

    /// A short sentence that is the same for every occurrence.
    pub fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request is not what this endpoint takes",
            Self::Unauthorised => "The token is missing or wrong",
            Self::StreamUnknown => "No such stream",
            Self::StreamTaken => "The stream id is taken",
            Self::InviteUnknown => "No such invite",
            Self::InviteUsed => "The invite was used before",
            Self::InviteExpired => "The invite has expired",
            Self::ChallengeStale => "The challenge is unknown, used or over a minute old",
            Self::CoordinatorMismatch => "The proof was made for another coordinator",
            Self::SignatureInvalid => "The signature does not hold",
            Self::HeartbeatOutOfOrder => "The heartbeat does not follow the last one",
            Self::NodeUnknown => "The node is not enrolled here",
            Self::KeyReused => "The idempotency key was used for something else",
            Self::EntryUnknown => "No such ledger entry",
            Self::EpochUnknown => "No such closed hour",
            Self::PayoutUnknown => "No such payout",
            Self::DisputeUnknown => "Nobody disputed this hour",
            Self::DisputeAnswered => "The dispute has its answer",
            Self::SupporterUnknown => "No such supporter",
            Self::LedgerConflict => "The ledger does not stand so that this can be done",
            Self::ProviderFailed => "The payment provider failed",
            Self::InviteRevoked => "The invite was taken back",
            Self::HandleTaken => "The handle is taken",
            Self::PasswordUnsuitable => "The password is not suitable",
            Self::SignInFailed => "The handle or password is wrong",
            Self::Forbidden => "This account may not do that",
            Self::AccountUnknown => "No such account",
            Self::NodeOwned => "The node belongs to another account",
            Self::ClaimStale => "The claim code is unknown, used or too old",
            Self::LimitReached => "There are too many of these already",
            Self::PasskeyRefused => "The passkey's answer is refused",
            Self::NotFound => "No such path",
            Self::MethodNotAllowed => "This path does not take this method",
            Self::PayloadTooLarge => "The body is too long",
            Self::UnsupportedMediaType => "The body must be application/json",
            Self::RateLimited => "Too many requests",
            Self::Internal => "The coordinator failed",
            Self::Unavailable => "The coordinator is too busy",
        }
    }
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

impl Problem {
    /// The media type of a problem.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// The problem `code`, of which `detail` says what was wrong this time and what to do.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_the_wire_under_an_error_status() {
        for code in ErrorCode::ALL {
            let text = serde_json::to_string(&Problem::new(code, "so it is")).unwrap();
            let back: Problem = serde_json::from_str(&text).unwrap();
            assert_eq!(back.code, code);
            assert!((400..600).contains(&back.status) && back.kind == "about:blank", "{text}");
        }
    }
}
