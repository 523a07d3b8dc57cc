//! The body of an answer, chunk by chunk, never more than was agreed.

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::CONTENT_RANGE;
use tokio::time::{Instant, timeout_at};

use super::error::OriginError;

/// What a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeKind {
    /// The part that was asked for.
    Partial,
    /// The whole resource: the origin ignores Range.
    Whole,
}

/// A body as it comes. Dropping it ends the transfer.
#[derive(Debug)]
pub struct RangeBody {
    response: Response,
    kind: RangeKind,
    expected: Option<u64>,
    received: u64,
    limit: u64,
    deadline: Instant,
}

impl RangeBody {
    /// A whole resource of at most `limit` bytes. One that announces more is refused at once.
    pub(super) fn whole(response: Response, limit: u64, deadline: Instant) -> Result<Self, OriginError> {
        let expected = response.content_length();
        if expected.is_some_and(|len| len > limit) {
            return Err(OriginError::TooLarge { limit });
        }
        Ok(Self { response, kind: RangeKind::Whole, expected, received: 0, limit, deadline })
    }

    /// Exactly `len` bytes from `start`, as Content-Range must say.
    pub(super) fn partial(
        response: Response,
        start: u64,
        len: u64,
        by: Instant,
    ) -> Result<Self, OriginError> {
        let header = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        if header.and_then(content_range) != Some((start, start.saturating_add(len - 1))) {
            return Err(OriginError::WrongRange);
        }
        Ok(Self {
            response,
            kind: RangeKind::Partial,
            expected: Some(len),
            received: 0,
            limit: len,
            deadline: by,
        })
    }

    /// What the body holds.
    pub fn kind(&self) -> RangeKind {
        self.kind
    }

    /// Length of the body where it is known.
    pub fn len_hint(&self) -> Option<u64> {
        self.expected
    }

    /// The next bytes; `None` after the last one, when as many came as were announced.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, OriginError> {
        let answer = timeout_at(self.deadline, self.response.chunk()).await.map_err(|_| OriginError::Slow)?;
        match answer {
            Ok(Some(chunk)) => {
                self.received += chunk.len() as u64;
                if self.received > self.limit {
                    return Err(OriginError::TooLarge { limit: self.limit });
                }
                Ok(Some(chunk))
            }
            Ok(None) if self.expected.is_some_and(|len| self.received < len) => Err(self.truncated()),
            Ok(None) => Ok(None),
            Err(error) if error.is_timeout() => Err(OriginError::Slow),
            Err(_) => Err(self.truncated()),
        }
    }

    fn truncated(&self) -> OriginError {
        OriginError::Truncated { received: self.received, expected: self.expected }
    }
}

/// First and last byte of `bytes 0-99/200`.
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, _total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}
