//! `GET /old/openapi.json`: the old surface as a document of its own, as it has a switch of its own.

use axum::extract::Extension;
use axum::response::IntoResponse;
use utoipa::OpenApi;

use crate::handlers::openapi::Tokens;

/// The document without its paths; those come with the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "StreamrP2P coordinator: the surface of June 2025",
        description = "For nodes of June 2025. Nobody signs anything here: whatever is earned is unverified."
    ),
    modifiers(&Tokens)
)]
pub(crate) struct Document;

/// The document as text, made once at the start.
#[derive(Clone)]
pub(crate) struct Rendered(pub(crate) axum::body::Bytes);

/// This document.
#[utoipa::path(get, path = "/old/openapi.json", tag = "service", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn document(Extension(Rendered(text)): Extension<Rendered>) -> impl IntoResponse {
    ([(axum::http::header::CONTENT_TYPE, "application/json")], text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use streamr_coordinator_api::ErrorCode;

    use crate::testing::{Running, code_of};

    const ROUTES: [(&str, &str); 12] = [
        ("delete", "/nodes/{node_id}"),
        ("delete", "/streams/{stream_id}"),
        ("get", "/"),
        ("get", "/dashboard"),
        ("get", "/health"),
        ("get", "/leaderboard"),
        ("get", "/nodes/{node_id}/earnings"),
        ("get", "/old/openapi.json"),
        ("get", "/payouts"),
        ("get", "/streams"),
        ("post", "/nodes/heartbeat"),
        ("post", "/streams"),
    ];

    #[tokio::test]
    async fn the_document_lists_every_route_and_who_may_use_it() {
        let document: Value = Running::start().await.get("/old/openapi.json").await.json().await.unwrap();
        let mut listed = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["security"].is_array(), "{method} {path} does not say who may use it");
                listed.insert((method.as_str(), path.as_str()));
            }
        }
        assert_eq!(listed, BTreeSet::from(ROUTES));
    }

    #[tokio::test]
    async fn a_switch_takes_the_whole_surface_away_and_nothing_else() {
        let coordinator = Running::start_with(|config| config.old_surface = None).await;
        for (method, path) in ROUTES {
            let answer =
                coordinator.request(method.to_uppercase().parse().unwrap(), path, None, None::<&()>).await;
            assert_eq!(
                (answer.status().as_u16(), code_of(answer).await),
                (404, ErrorCode::NotFound),
                "{method} {path}"
            );
        }
        assert_eq!(coordinator.get("/v1/streams").await.status(), 200);
    }
}
