//! Reading a live HLS origin over HTTP.
//!
//! An [`OriginReader`] reads from one origin only: the host and port of its playlist. Whatever the origin
//! answers, memory and time are bounded, and a failure is one [`OriginError`] whose text says what is
//! wrong. What was read is not believed: segments are verified against their manifest by the caller,
//! playlists go through `streamr_hls`.
//!
//! reqwest brings aws-lc-rs for TLS and needs no installed `CryptoProvider`; binaries install it anyway,
//! first thing in `main`, because libp2p's QUIC does.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, RANGE};
use reqwest::{Client, Response, StatusCode, redirect};
use streamr_hls::ByteRange;
use streamr_model::Manifest;
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

mod body;
mod error;
#[cfg(test)]
mod tests;

pub use body::{RangeBody, RangeKind};
pub use error::OriginError;

/// The most redirects followed, all within the origin's host.
const MAX_REDIRECTS: usize = 3;

/// How long an origin may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginPatience {
    /// Until it accepts a connection.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub stall: Duration,
    /// For a playlist as a whole.
    pub playlist: Duration,
    /// For a segment as a whole.
    pub segment: Duration,
}

impl Default for OriginPatience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            stall: Duration::from_secs(5),
            playlist: Duration::from_secs(10),
            segment: Duration::from_secs(60),
        }
    }
}

/// A playlist as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedPlaylist {
    /// Where, after redirects: what its URIs are relative to.
    pub url: Url,
    /// Its bytes, at most [`streamr_hls::guard::MAX_PLAYLIST_LEN`].
    pub bytes: Bytes,
}

/// What an origin gives when asked for a part of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeAnswer {
    /// Exactly the part.
    Partial(Bytes),
    /// The origin ignores Range (SRS does): the whole resource.
    Whole(Bytes),
}

/// Reads from one origin.
#[derive(Debug, Clone)]
pub struct OriginReader {
    client: Client,
    origin: Url,
    patience: OriginPatience,
}

impl OriginReader {
    /// The largest playlist, in bytes.
    pub const MAX_PLAYLIST_LEN: u64 = streamr_hls::guard::MAX_PLAYLIST_LEN as u64;
    /// The largest segment, in bytes.
    pub const MAX_SEGMENT_LEN: u64 = Manifest::MAX_SEGMENT_LEN as u64;

    /// A reader of the origin whose playlist is at `origin`.
    pub fn new(origin: &Url, patience: OriginPatience) -> Result<Self, OriginError> {
        if !matches!(origin.scheme(), "http" | "https") || origin.host().is_none() {
            return Err(OriginError::NotHttp { url: origin.to_string() });
        }
        let builder = Client::builder()
            .connect_timeout(patience.connect)
            .read_timeout(patience.stall)
            .redirect(same_host())
            .user_agent(concat!("streamrp2p/", env!("CARGO_PKG_VERSION")));
        let builder = if is_loopback(origin) { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| OriginError::down(&error))?;
        Ok(Self { client, origin: origin.clone(), patience })
    }

    /// Whether `url` is on this reader's origin: same host and port.
    pub fn serves(&self, url: &Url) -> bool {
        matches!(url.scheme(), "http" | "https")
            && url.host() == self.origin.host()
            && url.port_or_known_default() == self.origin.port_or_known_default()
    }

    /// Reads a playlist.
    pub async fn fetch_playlist(&self, url: &Url) -> Result<FetchedPlaylist, OriginError> {
        let deadline = Instant::now() + self.patience.playlist;
        let response = self.get(url, None, deadline).await?;
        let url = response.url().clone();
        let bytes = collect(RangeBody::whole(response, Self::MAX_PLAYLIST_LEN, deadline)?).await?;
        Ok(FetchedPlaylist { url, bytes })
    }

    /// Reads a whole segment, or the part of a resource that is one.
    pub async fn fetch_segment(
        &self,
        url: &Url,
        byte_range: Option<ByteRange>,
    ) -> Result<Bytes, OriginError> {
        let Some(range) = byte_range else {
            let deadline = Instant::now() + self.patience.segment;
            let response = self.get(url, None, deadline).await?;
            let bytes = collect(RangeBody::whole(response, Self::MAX_SEGMENT_LEN, deadline)?).await?;
            return if bytes.is_empty() { Err(OriginError::Empty) } else { Ok(bytes) };
        };
        match self.fetch_range(url, range.start, range.len).await? {
            RangeAnswer::Partial(bytes) => Ok(bytes),
            RangeAnswer::Whole(bytes) => {
                let start = usize::try_from(range.start).unwrap_or(usize::MAX);
                let end = usize::try_from(range.end()).unwrap_or(usize::MAX);
                let held = bytes.len() as u64;
                let cut = (start < end && end <= bytes.len()).then(|| bytes.slice(start..end));
                cut.ok_or(OriginError::Truncated { received: held, expected: Some(range.end()) })
            }
        }
    }

    /// Reads `len` bytes of a resource from `start`, or all of it where the origin ignores Range.
    pub async fn fetch_range(&self, url: &Url, start: u64, len: u64) -> Result<RangeAnswer, OriginError> {
        let body = self.stream_range(url, start, len).await?;
        match body.kind() {
            RangeKind::Partial => collect(body).await.map(RangeAnswer::Partial),
            RangeKind::Whole => collect(body).await.map(RangeAnswer::Whole),
        }
    }

    /// Like [`fetch_range`](Self::fetch_range), but gives the bytes as they come, so that each block can
    /// be verified and passed on before the next is here.
    ///
    /// After [`RangeKind::Partial`] the first byte is the one at `start`; after [`RangeKind::Whole`] it is
    /// the resource's first.
    pub async fn stream_range(&self, url: &Url, start: u64, len: u64) -> Result<RangeBody, OriginError> {
        if len == 0 || len > Self::MAX_SEGMENT_LEN {
            return Err(OriginError::TooLarge { limit: Self::MAX_SEGMENT_LEN });
        }
        let deadline = Instant::now() + self.patience.segment;
        let response = self.get(url, Some((start, len)), deadline).await?;
        if response.status() == StatusCode::PARTIAL_CONTENT {
            RangeBody::partial(response, start, len, deadline)
        } else {
            RangeBody::whole(response, Self::MAX_SEGMENT_LEN, deadline)
        }
    }

    async fn get(&self, url: &Url, range: Option<(u64, u64)>, by: Instant) -> Result<Response, OriginError> {
        if !self.serves(url) {
            return Err(OriginError::Elsewhere { url: url.to_string() });
        }
        let mut request = self.client.get(url.clone());
        if let Some((start, len)) = range {
            request = request.header(RANGE, format!("bytes={start}-{}", start.saturating_add(len - 1)));
        }
        let answer = timeout_at(by, request.send()).await.map_err(|_| OriginError::Slow)?;
        let response = answer.map_err(|error| OriginError::from_reqwest(&error))?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(OriginError::NotFound),
            StatusCode::PARTIAL_CONTENT if range.is_none() => Err(OriginError::WrongRange),
            status if status.is_success() => check_type(response),
            status => Err(OriginError::Status { status: status.as_u16() }),
        }
    }
}

/// Refuses what is a page about media rather than media.
fn check_type(response: Response) -> Result<Response, OriginError> {
    const PAGES: [&str; 4] =
        ["text/html", "application/xhtml+xml", "application/json", "multipart/byteranges"];
    let found =
        response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let found = found.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if PAGES.contains(&found.as_str()) { Err(OriginError::WrongType { found }) } else { Ok(response) }
}

async fn collect(mut body: RangeBody) -> Result<Bytes, OriginError> {
    let mut all = BytesMut::new();
    while let Some(chunk) = body.chunk().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}

fn same_host() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let host = |url: &Url| url.host().map(|host| host.to_owned());
        let stays = attempt.previous().first().is_some_and(|first| host(first) == host(attempt.url()));
        let stays = stays && matches!(attempt.url().scheme(), "http" | "https");
        if stays && attempt.previous().len() <= MAX_REDIRECTS {
            attempt.follow()
        } else {
            // The redirect itself becomes the answer, and its status the error.
            attempt.stop()
        }
    })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
