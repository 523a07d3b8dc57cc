//! The origin of the first node of a chain; for nodes that shall take every block from the seed, one that
//! has lost its segments.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;

/// What is served under every name; nothing, if it is empty.
#[derive(Debug, Clone)]
pub(crate) struct Served(pub(crate) Bytes);

/// Serves until the process ends; returns where.
pub(crate) async fn serve(served: Served, ip: Ipv4Addr) -> anyhow::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind((ip, 0)).await.context("the origin's port")?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/{name}", get(answer)).with_state(served);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn answer(State(served): State<Served>, headers: HeaderMap) -> Response {
    let Served(segment) = served;
    if segment.is_empty() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let Some(span) = range.and_then(|range| parse(range, segment.len())) else {
        return segment.into_response();
    };
    let said = format!("bytes {}-{}/{}", span.start, span.end - 1, segment.len());
    (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, said)], segment.slice(span)).into_response()
}

fn parse(range: &str, len: usize) -> Option<std::ops::Range<usize>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (first, end): (usize, usize) = (first.parse().ok()?, last.parse::<usize>().ok()? + 1);
    (first < end && end <= len).then_some(first..end)
}
