//! Refusals of the old surface, in the shape its clients know.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use streamr_coordinator_api::old::{OldIssue, OldIssues, OldProblem};

use crate::extract::Json;
use crate::storage::StorageError;

/// What a handler of the old surface answers instead of its response.
#[derive(Debug)]
pub(crate) enum OldRefused {
    /// With a sentence.
    Sentence(StatusCode, String),
    /// With everything that was wrong with a body or a query.
    Issues(Vec<OldIssue>),
}

impl OldRefused {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::Sentence(status, detail.into())
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }
}

impl IntoResponse for OldRefused {
    fn into_response(self) -> Response {
        match self {
            Self::Issues(detail) => {
                (StatusCode::UNPROCESSABLE_ENTITY, Json(OldIssues { detail })).into_response()
            }
            Self::Sentence(status, detail) => {
                let mut response = (status, Json(OldProblem { detail })).into_response();
                if status == StatusCode::UNAUTHORIZED {
                    let scheme = HeaderValue::from_static("Bearer");
                    response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
                }
                response
            }
        }
    }
}

impl From<Vec<OldIssue>> for OldRefused {
    fn from(issues: Vec<OldIssue>) -> Self {
        Self::Issues(issues)
    }
}

impl From<StorageError> for OldRefused {
    /// Logged here, once; the client learns only that it was not its fault.
    fn from(error: StorageError) -> Self {
        if error.is_busy() {
            tracing::warn!(%error, "storage is busy");
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "Too many requests at once, try again later");
        }
        tracing::error!(%error, "storage failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }
}
