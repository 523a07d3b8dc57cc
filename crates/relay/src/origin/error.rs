//! What can go wrong at an origin, each as a sentence.

use std::error::Error as _;

/// Why an origin could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Nobody answers there.
    #[error("the origin is down: {detail}")]
    Down {
        /// The network's reason.
        detail: String,
    },
    /// 404 or 410.
    #[error("the origin answers that there is no such file (404)")]
    NotFound,
    /// Another status that is not a success.
    #[error("the origin answers with an error (HTTP status {status})")]
    Status {
        /// The status.
        status: u16,
    },
    /// Nothing came for too long.
    #[error("the origin is too slow: the answer did not come in time")]
    Slow,
    /// The answer stopped before its end.
    #[error("the origin broke off its answer after {received} bytes{}", expected.map(|len| format!(" of {len}")).unwrap_or_default())]
    Truncated {
        /// Bytes that came.
        received: u64,
        /// Bytes announced, where they were.
        expected: Option<u64>,
    },
    /// The file is empty.
    #[error("the origin answers with an empty file")]
    Empty,
    /// A web page or the like where media was expected.
    #[error("the origin answers with {found} instead of media; is the address right?")]
    WrongType {
        /// The Content-Type.
        found: String,
    },
    /// Longer than is read.
    #[error("the origin's answer is larger than the {limit} bytes that are read")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// 206 with another part than was asked for.
    #[error("the origin answers with another part of the file than was asked for")]
    WrongRange,
    /// The URL is not on the origin.
    #[error("{url} is not on the origin's host and port, so it is not read")]
    Elsewhere {
        /// The URL.
        url: String,
    },
    /// The address is not http or https.
    #[error("{url} is not an http or https address")]
    NotHttp {
        /// The address.
        url: String,
    },
}

impl OriginError {
    /// Whether the origin says that there is no such file, and so no such live or segment now.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound)
    }

    pub(super) fn from_reqwest(error: &reqwest::Error) -> Self {
        // A connect timeout is a machine that does not answer: down, not slow.
        if error.is_timeout() && !error.is_connect() { Self::Slow } else { Self::down(error) }
    }

    /// Down, for the innermost reason there is.
    pub(super) fn down(error: &reqwest::Error) -> Self {
        let mut innermost = error.source();
        while let Some(source) = innermost.and_then(|source| source.source()) {
            innermost = Some(source);
        }
        let detail = innermost.map_or_else(|| error.to_string(), ToString::to_string);
        Self::Down { detail }
    }
}
