//! Which endpoint is where, under which limit.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension};
use axum::middleware::from_fn_with_state;
use streamr_coordinator_api::{ErrorCode, PREFIX};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::guard::{Limited, deadline, limit};
use super::old_routes;
use crate::handlers::{
    accounts, costs, disputes, downtimes, earnings, health, heartbeats, invites, keys, ledger, measurers,
    nodes, openapi, pages, passkeys, payouts, reviews, sessions, streams, supporters,
};
use crate::limits::Class;
use crate::problem::Refused;
use crate::state::AppState;

/// The longest body that is read. The longest sensible one is 64 receipts.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Everything that is served, each request within `longest`.
pub(super) fn router(app: AppState, longest: Duration) -> Router {
    let limited = |routes: OpenApiRouter<AppState>, class| {
        routes.route_layer(from_fn_with_state(Limited { app: app.clone(), class }, limit))
    };
    let enrol = OpenApiRouter::new()
        .routes(routes!(streams::register::register))
        .routes(routes!(invites::preview::preview))
        .routes(routes!(nodes::challenge::challenge))
        .routes(routes!(nodes::enrol::enrol))
        .routes(routes!(nodes::claim::claim));
    let sign_up = OpenApiRouter::new().routes(routes!(accounts::create::create));
    let sign_in = OpenApiRouter::new()
        .routes(routes!(sessions::sign_in::sign_in))
        .routes(routes!(sessions::passkey_begin::passkey_begin))
        .routes(routes!(sessions::passkey::passkey))
        .routes(routes!(accounts::change_password::change_password))
        .routes(routes!(passkeys::begin::begin));
    let account = OpenApiRouter::new()
        .routes(routes!(sessions::sign_out_everywhere::sign_out_everywhere))
        .routes(routes!(sessions::sign_out::sign_out))
        .routes(routes!(accounts::invite::invite))
        .routes(routes!(accounts::set_role::set_role))
        .routes(routes!(accounts::reset_password::reset_password))
        .routes(routes!(accounts::add_standing::add_standing))
        .routes(routes!(accounts::ask_claim::ask_claim))
        .routes(routes!(passkeys::add::add))
        .routes(routes!(passkeys::remove::remove))
        .routes(routes!(nodes::release::release))
        .routes(routes!(downtimes::declare::declare))
        .routes(routes!(downtimes::withdraw::withdraw))
        .routes(routes!(disputes::make::make))
        .routes(routes!(disputes::answer::answer))
        .routes(routes!(supporters::show_name::show_name, supporters::hide_name::hide_name))
        .routes(routes!(supporters::thank::thank))
        .routes(routes!(measurers::add::add, measurers::remove::remove))
        .routes(routes!(streams::rotate_secret::rotate_secret))
        .routes(routes!(invites::revoke::revoke));
    let publish = OpenApiRouter::new()
        .routes(routes!(streams::go_live::go_live, streams::end_live::end_live))
        .routes(routes!(invites::create::create));
    let heartbeat = OpenApiRouter::new()
        .routes(routes!(heartbeats::heartbeat))
        .routes(routes!(nodes::hand_in_receipts::hand_in_receipts))
        .routes(routes!(nodes::hand_in_samples::hand_in_samples));
    let operate = OpenApiRouter::new()
        .routes(routes!(ledger::deposit::deposit))
        .routes(routes!(ledger::correct::correct))
        .routes(routes!(costs::set::set, costs::show::show))
        .routes(routes!(reviews::decide::release))
        .routes(routes!(reviews::decide::void))
        .routes(routes!(payouts::payee::set, payouts::payee::forget))
        .routes(routes!(payouts::quote::quote))
        .routes(routes!(payouts::begin::begin))
        .routes(routes!(payouts::show::show))
        .routes(routes!(payouts::document::document))
        .routes(routes!(payouts::submit::submit))
        .routes(routes!(payouts::refresh::refresh))
        .routes(routes!(payouts::settle::post))
        .routes(routes!(payouts::settle::void));
    let read = OpenApiRouter::new()
        .routes(routes!(streams::list::list))
        .routes(routes!(streams::members::members))
        .routes(routes!(streams::impact::impact))
        .routes(routes!(streams::pool::pool))
        .routes(routes!(supporters::list::list))
        .routes(routes!(supporters::leaderboard::leaderboard))
        .routes(routes!(disputes::list::list))
        .routes(routes!(nodes::summary::summary))
        .routes(routes!(nodes::impact::impact))
        .routes(routes!(nodes::events::events))
        .routes(routes!(nodes::show_receipts::show_receipts))
        .routes(routes!(nodes::show_checks::show_checks))
        .routes(routes!(measurers::list::list))
        .routes(routes!(reviews::list::list))
        .routes(routes!(keys::keys))
        .routes(routes!(earnings::list::list))
        .routes(routes!(earnings::epoch::epoch))
        .routes(routes!(invites::list::list))
        .routes(routes!(accounts::own::own))
        .routes(routes!(passkeys::list::list))
        .routes(routes!(accounts::own_nodes::own_nodes))
        .routes(routes!(accounts::own_streams::own_streams))
        .routes(routes!(accounts::look_up::look_up))
        .routes(routes!(accounts::list_standings::list_standings));
    let service = OpenApiRouter::new().routes(routes!(health::health)).routes(routes!(openapi::openapi));

    let v1 = limited(enrol, Class::Enrol)
        .merge(limited(sign_up, Class::SignUp))
        .merge(limited(sign_in, Class::SignIn))
        .merge(limited(account, Class::Account))
        .merge(limited(publish, Class::Publish))
        .merge(limited(operate, Class::Publish))
        .merge(limited(heartbeat, Class::Heartbeat))
        .merge(limited(read, Class::Read));
    let (router, document) = OpenApiRouter::with_openapi(openapi::Document::openapi())
        .nest(PREFIX, v1)
        .merge(limited(service, Class::Read))
        .split_for_parts();
    let text = document.to_json().expect("a document generated from types is always JSON");
    let pages = pages::router();
    let pages =
        pages.route_layer(from_fn_with_state(Limited { app: app.clone(), class: Class::Read }, limit));
    let router = router.merge(pages);
    let router = if app.old_surface.is_some() { router.merge(old_routes::router(&app)) } else { router };

    router
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(Extension(openapi::Rendered(text.into())))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(longest, deadline))
        .with_state(app)
}

async fn no_such_path() -> Refused {
    Refused::new(ErrorCode::NotFound, "Nothing is here. /openapi.json lists what there is.")
}

async fn no_such_method() -> Refused {
    Refused::new(ErrorCode::MethodNotAllowed, "The Allow header lists the methods of this path.")
}
