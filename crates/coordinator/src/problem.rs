//! Refusals as `application/problem+json`, from our own reasons and from axum's.

use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use streamr_coordinator_api::{ErrorCode, Problem};

use crate::storage::StorageError;

/// What a handler answers instead of its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    problem: Problem,
    retry_after_s: Option<u32>,
}

impl Refused {
    /// With `detail` for the person: what was wrong this time and what to do.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { problem: Problem::new(code, detail), retry_after_s: None }
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> ErrorCode {
        self.problem.code
    }

    /// Says when to try again.
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem).expect("a problem is plain data: always JSON");
        let mut response = (status, [(header::CONTENT_TYPE, Problem::MEDIA_TYPE)], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StorageError> for Refused {
    /// Logged here, once; the client learns only that it was not its fault.
    fn from(error: StorageError) -> Self {
        if error.is_busy() {
            tracing::warn!(%error, "storage is busy");
            return Self::new(
                ErrorCode::Unavailable,
                "Too many requests at once. Try again in a few seconds.",
            )
            .retry_after(5);
        }
        tracing::error!(%error, "storage failed");
        Self::new(ErrorCode::Internal, "The coordinator could not use its database. Its log says why.")
    }
}

impl From<JsonRejection> for Refused {
    fn from(rejection: JsonRejection) -> Self {
        let code = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
            _ => ErrorCode::BadRequest,
        };
        Self::new(code, rejection.body_text())
    }
}

impl From<PathRejection> for Refused {
    fn from(rejection: PathRejection) -> Self {
        Self::new(ErrorCode::BadRequest, rejection.body_text())
    }
}
