//! Which endpoint is where, under which limit.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension};
use axum::middleware::{from_fn, from_fn_with_state};
use streamr_coordinator_api::{ErrorCode, PREFIX};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::guard::{Limited, deadline, limit};
use super::old_routes;
use crate::handlers::{health, heartbeats, invites, nodes, openapi, streams};
use crate::limits::Class;
use crate::problem::Refused;
use crate::state::AppState;

/// The longest body that is read. The longest sensible one is a heartbeat of 16 KiB in base64.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Everything that is served.
pub(super) fn router(app: AppState) -> Router {
    let limited = |routes: OpenApiRouter<AppState>, class| {
        routes.route_layer(from_fn_with_state(Limited { app: app.clone(), class }, limit))
    };
    let enrol = OpenApiRouter::new()
        .routes(routes!(streams::register::register))
        .routes(routes!(invites::preview::preview))
        .routes(routes!(nodes::challenge::challenge))
        .routes(routes!(nodes::enrol::enrol));
    let publish = OpenApiRouter::new()
        .routes(routes!(streams::go_live::go_live, streams::end_live::end_live))
        .routes(routes!(invites::create::create));
    let heartbeat = OpenApiRouter::new().routes(routes!(heartbeats::heartbeat));
    let read = OpenApiRouter::new()
        .routes(routes!(streams::list::list))
        .routes(routes!(streams::members::members))
        .routes(routes!(nodes::impact::impact));
    let service = OpenApiRouter::new().routes(routes!(health::health)).routes(routes!(openapi::openapi));

    let v1 = limited(enrol, Class::Enrol)
        .merge(limited(publish, Class::Publish))
        .merge(limited(heartbeat, Class::Heartbeat))
        .merge(limited(read, Class::Read));
    let (router, document) = OpenApiRouter::with_openapi(openapi::Document::openapi())
        .nest(PREFIX, v1)
        .merge(limited(service, Class::Read))
        .split_for_parts();
    let text = document.to_json().expect("a document generated from types is always JSON");
    let router = if app.old_surface.is_some() { router.merge(old_routes::router(&app)) } else { router };

    router
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(Extension(openapi::Rendered(text.into())))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(deadline))
        .with_state(app)
}

async fn no_such_path() -> Refused {
    Refused::new(ErrorCode::NotFound, "Nothing is here. /openapi.json lists what there is.")
}

async fn no_such_method() -> Refused {
    Refused::new(ErrorCode::MethodNotAllowed, "The Allow header lists the methods of this path.")
}
