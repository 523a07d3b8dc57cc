//! Who is let in, and what a browser is told to refuse.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;

use super::PageState;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; font-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the API wants to see. Never logged.
pub(super) struct Token(String);

impl Token {
    /// 32 bytes that nobody can guess.
    pub(super) fn draw() -> std::io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(HEXLOWER.encode(&bytes)))
    }

    /// For the address that a person opens.
    pub(super) fn as_text(&self) -> &str {
        &self.0
    }

    /// Whether `given` is it. Takes as long for a near miss as for a far one.
    fn is(&self, given: &str) -> bool {
        let (own, given) = (self.0.as_bytes(), given.as_bytes());
        own.len() == given.len()
            && own.iter().zip(given).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The two names under which this page may be asked for.
#[derive(Debug, Clone)]
pub(super) struct Hosts(Arc<[String; 2]>);

impl Hosts {
    pub(super) fn of(port: u16) -> Self {
        Self(Arc::new([format!("127.0.0.1:{port}"), format!("localhost:{port}")]))
    }
}

/// Refuses requests that were meant for another host: a foreign site's name that points here.
pub(super) async fn host(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if named.is_some_and(|named| hosts.0.iter().any(|host| named.eq_ignore_ascii_case(host))) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "This page is reached as 127.0.0.1 only.").into_response()
    }
}

/// Refuses requests without the token, in the header or (for event streams, which cannot set one) the address.
pub(super) async fn token(State(state): State<PageState>, request: Request, next: Next) -> Response {
    let given = bearer(request.headers()).or_else(|| in_query(request.uri()));
    if given.is_some_and(|given| state.token.is(given)) {
        next.run(request).await
    } else {
        (StatusCode::UNAUTHORIZED, "Open the page with the address that streamr-node printed.")
            .into_response()
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The token is hex digits: nothing in it is ever escaped.
fn in_query(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// For every answer.
pub(super) async fn security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
