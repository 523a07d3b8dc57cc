//! Requests of local players: GET and HEAD, Range, CORS, the right types.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE, RETRY_AFTER, USER_AGENT,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use streamr_model::RenditionId;
use tower_http::cors::{Any, CorsLayer};

use super::Playback;
use super::shelf::File;

/// A player that comes before the first segment waits so long for it.
const FIRST_SEGMENT_PATIENCE: Duration = Duration::from_secs(10);
/// The name of every playlist.
const INDEX: &str = "index.m3u8";

pub(super) fn router(playback: Arc<Playback>) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([RANGE])
        .expose_headers([CONTENT_LENGTH, CONTENT_RANGE]);
    Router::new()
        .route("/live/{stream}/{file}", get(file_of_stream))
        .route("/live/{stream}/{rendition}/{file}", get(file_of_rendition))
        .fallback(async || {
            (StatusCode::NOT_FOUND, "Only /live/STREAM/index.m3u8 and what it names is served here.")
        })
        .layer(cors)
        .with_state(playback)
}

/// What stands directly under the stream: its index, and the files of its only rendition.
async fn file_of_stream(
    State(playback): State<Arc<Playback>>,
    from: ConnectInfo<SocketAddr>,
    Path((stream, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refusal(&playback, from, &stream, &headers) {
        return refusal;
    }
    if name == INDEX {
        return playlist(&playback, |playback| playback.index_text()).await;
    }
    file(&playback, RenditionId(0), &name, &method, &headers)
}

/// A file of one of several renditions.
async fn file_of_rendition(
    State(playback): State<Arc<Playback>>,
    from: ConnectInfo<SocketAddr>,
    Path((stream, rendition, name)): Path<(String, String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refusal(&playback, from, &stream, &headers) {
        return refusal;
    }
    let rendition = rendition.parse().ok().map(RenditionId).filter(|id| playback.note_asked(*id));
    let Some(rendition) = rendition else {
        return (StatusCode::NOT_FOUND, "The stream has no such rendition.").into_response();
    };
    if name == INDEX {
        return playlist(&playback, |playback| playback.playlist_text(rendition)).await;
    }
    file(&playback, rendition, &name, &method, &headers)
}

/// Notes who asks; another stream than ours is refused.
fn refusal(
    playback: &Playback,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    stream: &str,
    headers: &HeaderMap,
) -> Option<Response> {
    if stream != playback.stream.as_str() {
        let told = format!("This node carries {} just now, not {stream:.80}.", playback.stream);
        return Some((StatusCode::NOT_FOUND, told).into_response());
    }
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    playback.note_viewer(from.ip(), agent);
    None
}

fn file(
    playback: &Playback,
    rendition: RenditionId,
    name: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Response {
    let Some(file) = playback.file(rendition, name) else {
        return (StatusCode::NOT_FOUND, "The segment has left the live window, or never was in it.")
            .into_response();
    };
    let response = segment(&file, headers.get(RANGE).and_then(|range| range.to_str().ok()));
    if *method == Method::GET {
        let sent = response.headers().get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
        playback.bytes_played.fetch_add(sent.unwrap_or(0), Ordering::Relaxed);
    }
    response
}

/// The playlist that `text` gives, as soon as there is one.
async fn playlist(playback: &Playback, text: impl Fn(&Playback) -> Option<Bytes>) -> Response {
    let mut filled = playback.filled.subscribe();
    let first = tokio::time::timeout(FIRST_SEGMENT_PATIENCE, filled.wait_for(|_| text(playback).is_some()));
    let _ = first.await;
    match text(playback) {
        Some(text) => {
            let headers = [(CONTENT_TYPE, "application/vnd.apple.mpegurl"), (CACHE_CONTROL, "no-cache")];
            (headers, text).into_response()
        }
        None => {
            let told = "No segment has arrived yet. The stream may be offline; try again in a moment.";
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "2")], told).into_response()
        }
    }
}

fn segment(file: &File, range: Option<&str>) -> Response {
    let headers = [
        (CONTENT_TYPE, file.content_type.to_owned()),
        (CACHE_CONTROL, "public, max-age=3600, immutable".to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
    ];
    // A header that is no range, or asks for several, is ignored (RFC 9110 section 14.2).
    let ranges = range.and_then(|range| http_range_header::parse_range_header(range).ok());
    let Some(ranges) = ranges else {
        let all = body(file, 0..=file.len.saturating_sub(1));
        return (headers, [(CONTENT_LENGTH, file.len.to_string())], all).into_response();
    };
    match ranges.validate(file.len).as_deref() {
        Ok([one]) => {
            let (start, end) = (*one.start(), *one.end());
            let partial = [
                (CONTENT_RANGE, format!("bytes {start}-{end}/{}", file.len)),
                (CONTENT_LENGTH, (end - start + 1).to_string()),
            ];
            (StatusCode::PARTIAL_CONTENT, headers, partial, body(file, start..=end)).into_response()
        }
        Ok(_) => {
            let all = body(file, 0..=file.len.saturating_sub(1));
            (headers, [(CONTENT_LENGTH, file.len.to_string())], all).into_response()
        }
        Err(_) => {
            let whole = [(CONTENT_RANGE, format!("bytes */{}", file.len))];
            (StatusCode::RANGE_NOT_SATISFIABLE, whole).into_response()
        }
    }
}

/// The bytes of `span`, as slices of the file's pieces.
fn body(file: &File, span: RangeInclusive<u64>) -> Body {
    let (mut at, start, end) = (0_u64, *span.start(), *span.end());
    let mut slices: Vec<Result<Bytes, std::convert::Infallible>> = Vec::new();
    for piece in file.pieces.iter() {
        let next = at + piece.len() as u64;
        if next > start && at <= end {
            let cut = |offset: u64| usize::try_from(offset).unwrap_or(piece.len()).min(piece.len());
            slices.push(Ok(piece.slice(cut(start.saturating_sub(at))..cut(end + 1 - at))));
        }
        at = next;
    }
    Body::from_stream(futures::stream::iter(slices))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file_of(pieces: &[usize]) -> (File, Vec<u8>) {
        let mut all = Vec::new();
        let pieces: Vec<Bytes> = pieces
            .iter()
            .map(|len| {
                let piece: Vec<u8> = (0..*len).map(|i| (all.len() + i).to_le_bytes()[0]).collect();
                all.extend_from_slice(&piece);
                Bytes::from(piece)
            })
            .collect();
        (File { content_type: "video/mp2t", len: all.len() as u64, pieces: pieces.into() }, all)
    }

    fn read(response: Response) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(axum::body::to_bytes(response.into_body(), 1 << 20)).unwrap().to_vec()
    }

    proptest! {
        #[test]
        fn a_range_is_exactly_those_bytes(pieces in proptest::collection::vec(1_usize..500, 1..8), a in 0_usize..4_000, b in 0_usize..4_000) {
            let (file, all) = file_of(&pieces);
            let (start, end) = (a.min(b), a.max(b));
            let response = segment(&file, Some(&format!("bytes={start}-{end}")));
            if start >= all.len() {
                prop_assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
            } else if end < all.len() {
                prop_assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
                let said = response.headers()[CONTENT_RANGE].to_str().unwrap().to_owned();
                prop_assert_eq!(said, format!("bytes {start}-{end}/{}", all.len()));
                prop_assert_eq!(read(response), &all[start..=end]);
            }
        }
    }

    #[test]
    fn without_a_range_or_with_nonsense_the_whole_segment_is_served() {
        let (file, all) = file_of(&[100, 1, 50]);
        for range in [None, Some("lines=1-2"), Some("bytes=abc")] {
            let response = segment(&file, range);
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers()[CONTENT_LENGTH], "151");
            assert_eq!(read(response), all);
        }
    }

    #[test]
    fn the_last_bytes_can_be_asked_for() {
        let (file, all) = file_of(&[100, 51]);
        assert_eq!(read(segment(&file, Some("bytes=-10"))), &all[141..]);
        assert_eq!(read(segment(&file, Some("bytes=140-"))), &all[140..]);
    }
}
