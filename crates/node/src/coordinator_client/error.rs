//! What can go wrong with the coordinator, and how a person is told.

use streamr_coordinator_api::{ErrorCode, Problem};

use crate::view::{UiError, UiErrorCode};

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    /// No connection, or no answer in time.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// An answer that no coordinator gives.
    #[error("an answer that makes no sense: {0}")]
    Confused(String),
    /// The answers of a coordinator of June 2025.
    #[error("a coordinator of June 2025")]
    OfJune2025,
    /// A reasoned no.
    #[error("refused: {0}")]
    Refused(Problem),
}

impl From<reqwest::Error> for ClientError {
    fn from(error: reqwest::Error) -> Self {
        let detail = with_causes(&error.without_url());
        Self::Unreachable(detail)
    }
}

/// An error and what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

impl ClientError {
    /// Whether the same request may be answered later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Confused(_) => true,
            Self::OfJune2025 => false,
            Self::Refused(problem) => matches!(
                problem.code,
                ErrorCode::RateLimited
                    | ErrorCode::Internal
                    | ErrorCode::Unavailable
                    | ErrorCode::ChallengeStale
                    | ErrorCode::HeartbeatOutOfOrder
            ),
        }
    }

    /// Whether enrolling again is the cure.
    pub(crate) fn wants_enrolment(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::NodeUnknown | ErrorCode::Unauthorised))
    }

    /// Whether the coordinator expects another heartbeat than this one.
    pub(crate) fn is_out_of_order(&self) -> bool {
        self.code() == Some(ErrorCode::HeartbeatOutOfOrder)
    }

    /// Whether the coordinator is there and in its senses, though it said no.
    pub(crate) fn came_from_a_healthy_coordinator(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            Self::Unreachable(_) | Self::Confused(_) | Self::OfJune2025 => None,
        }
    }

    /// For a person. `address` is the coordinator's.
    pub(crate) fn to_ui(&self, address: &str) -> UiError {
        let (code, message) = match self {
            Self::Unreachable(_) => (
                UiErrorCode::CoordinatorUnreachable,
                format!(
                    "The coordinator at {address} does not answer; check your network, or try again later."
                ),
            ),
            Self::Confused(_) => (
                UiErrorCode::CoordinatorConfused,
                format!(
                    "What answers at {address} does not speak as a coordinator does; \
                     check the address, or ask whoever runs it."
                ),
            ),
            Self::OfJune2025 => (
                UiErrorCode::CoordinatorOld,
                format!(
                    "The coordinator at {address} is one of June 2025: its streams have no signer, so nothing may be \
                     taken from other supporters for them, and this app does not carry them; ask whoever runs it to update."
                ),
            ),
            Self::Refused(problem) => refused(problem, address),
        };
        UiError::new(code, message, self.to_string())
    }
}

fn refused(problem: &Problem, address: &str) -> (UiErrorCode, String) {
    match problem.code {
        ErrorCode::InviteUnknown => (
            UiErrorCode::InviteUnknown,
            "The coordinator does not know this invite; copy the whole link again, or ask for a new one."
                .into(),
        ),
        ErrorCode::InviteExpired => {
            (UiErrorCode::InviteExpired, "This invite's time is over; ask the streamer for a new one.".into())
        }
        ErrorCode::InviteUsed => {
            (UiErrorCode::InviteUsed, "This invite was used before; ask the streamer for a new one.".into())
        }
        ErrorCode::ClaimStale | ErrorCode::AccountUnknown => (
            UiErrorCode::ClaimStale,
            "This code does not fit this account and this node, or its time is over; ask for a new one."
                .into(),
        ),
        ErrorCode::NodeOwned => (
            UiErrorCode::NodeOwned,
            "This node belongs to another account, which has to release it first.".into(),
        ),
        ErrorCode::StreamUnknown => (
            UiErrorCode::StreamUnknown,
            "The coordinator does not know this stream any more; choose another one.".into(),
        ),
        ErrorCode::RateLimited | ErrorCode::Unavailable => (
            UiErrorCode::CoordinatorRefused,
            format!("The coordinator at {address} has too much to do; this is tried again later."),
        ),
        ErrorCode::CoordinatorMismatch => (
            UiErrorCode::CoordinatorRefused,
            format!(
                "The coordinator goes by another address than {address}; join with the very address in its invite links."
            ),
        ),
        _ => (
            UiErrorCode::CoordinatorRefused,
            format!("The coordinator at {address} refused: {}. {}", problem.title, problem.detail),
        ),
    }
}
