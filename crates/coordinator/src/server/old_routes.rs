//! Which endpoint of the old surface is where, under which limit. All at the root, none under the prefix.

use axum::Router;
use axum::extract::Extension;
use axum::middleware::from_fn_with_state;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::guard::{Limited, limit};
use crate::handlers::old;
use crate::limits::Class;
use crate::state::AppState;

/// The old surface.
pub(super) fn router(app: &AppState) -> Router<AppState> {
    let limited = |routes: OpenApiRouter<AppState>, class| {
        routes.route_layer(from_fn_with_state(Limited { app: app.clone(), class }, limit))
    };
    let register = OpenApiRouter::new()
        .routes(routes!(old::register_stream::register_stream))
        .routes(routes!(old::end_stream::end_stream))
        .routes(routes!(old::forget_node::forget_node));
    let heartbeat = OpenApiRouter::new().routes(routes!(old::heartbeat::heartbeat));
    let read = OpenApiRouter::new()
        .routes(routes!(old::root::root))
        .routes(routes!(old::health::health))
        .routes(routes!(old::list_streams::list_streams))
        .routes(routes!(old::dashboard::dashboard))
        .routes(routes!(old::payouts::payouts))
        .routes(routes!(old::earnings::earnings))
        .routes(routes!(old::leaderboard::leaderboard))
        .routes(routes!(old::document::document));
    let (router, document) = OpenApiRouter::with_openapi(old::document::Document::openapi())
        .merge(limited(register, Class::Enrol))
        .merge(limited(heartbeat, Class::Heartbeat))
        .merge(limited(read, Class::Read))
        .split_for_parts();
    let text = document.to_json().expect("a document generated from types is always JSON");
    router.layer(Extension(old::document::Rendered(text.into())))
}
