//! The UI's files, embedded when this was built. They are the same for everybody, so they need no token.

use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};

/// Name, media type and content of each file of `ui/dist`; empty where the UI was not built.
static FILES: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/ui.rs"));

const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>StreamrP2P Supporter</title>\
    <p>The UI was not built: run <code>cargo xtask run --headless</code>, \
    or <code>npm run build</code> in <code>ui</code> and build streamr-node again.";

/// Whatever is not the API.
pub(super) async fn serve(method: Method, uri: Uri) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let name = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    match FILES.iter().find(|(file, ..)| *file == name) {
        Some((_, media_type, content)) => {
            ([(header::CONTENT_TYPE, *media_type), (header::CACHE_CONTROL, "no-cache")], *content)
                .into_response()
        }
        None if FILES.is_empty() && name == "index.html" => Html(NOT_BUILT).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
