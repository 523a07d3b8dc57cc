//! The app's page for a node without a window: the same UI in a browser, on the loopback interface only.
//!
//! Whoever can reach the port is not yet trusted: other users of the machine can, and so can any web page the
//! person has open. So the API wants a token of 32 random bytes, every request must name this very address as
//! its host (a page of another site that points its name here does not), and a command must be JSON, which a
//! foreign page cannot send without asking first.

mod api;
mod assets;
mod guard;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use streamr_node::Node;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use guard::Token;

/// Open pages; one more is refused.
const EVENT_STREAMS: usize = 16;
/// A command is far shorter.
const BODY_LIMIT: usize = 16 * 1024;

/// What handlers share.
#[derive(Debug, Clone)]
struct PageState {
    node: Node,
    token: Arc<Token>,
    events: Arc<Semaphore>,
    stop: CancellationToken,
}

/// A page that is listened for but not yet served.
#[derive(Debug)]
pub(crate) struct Page {
    listener: TcpListener,
    address: SocketAddr,
    token: Arc<Token>,
}

impl Page {
    /// Listens on 127.0.0.1 and draws the token.
    pub(crate) async fn bind(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, token: Arc::new(Token::draw()?) })
    }

    /// What a person opens. Holds the token.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/?token={}", self.address, self.token.as_text())
    }

    /// Serves until `stop`.
    pub(crate) async fn serve(self, node: Node, stop: CancellationToken) -> std::io::Result<()> {
        let router = router(node, self.token, self.address.port(), stop.clone());
        axum::serve(self.listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

fn router(node: Node, token: Arc<Token>, port: u16, stop: CancellationToken) -> Router {
    let state = PageState { node, token, events: Arc::new(Semaphore::new(EVENT_STREAMS)), stop };
    Router::new()
        .route("/api/snapshot", get(api::snapshot))
        .route("/api/events", get(api::events))
        .route("/api/command", post(api::command))
        .route("/api/export", post(api::export))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .route_layer(middleware::from_fn_with_state(state.clone(), guard::token))
        .fallback(assets::serve)
        .with_state(state)
        .layer(middleware::from_fn_with_state(guard::Hosts::of(port), guard::host))
        .layer(middleware::map_response(guard::security_headers))
}

#[cfg(test)]
mod tests;
