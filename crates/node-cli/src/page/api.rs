//! The node's interface over HTTP: the latest snapshot, every later one, commands, files.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use streamr_node::view::{Command, Export, Snapshot, UiError, UiErrorCode};
use tokio_stream::wrappers::WatchStream;

use super::PageState;

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `GET /api/snapshot`.
pub(super) async fn snapshot(State(state): State<PageState>) -> Response {
    let snapshot = state.node.snapshots().borrow().clone();
    Json(&*snapshot).into_response()
}

/// `GET /api/events`: the latest snapshot at once, then each later one. A reader that is slow misses some.
pub(super) async fn events(State(state): State<PageState>) -> Response {
    let Ok(seat) = state.events.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "This page is open too often; close some.").into_response();
    };
    let snapshots = WatchStream::new(state.node.snapshots()).map(move |snapshot| {
        // The seat is free again when the stream is dropped.
        let _seat = &seat;
        event(&snapshot)
    });
    let until_stop = snapshots.take_until(state.stop.cancelled_owned());
    sse(until_stop).into_response()
}

fn sse<S>(events: S) -> Sse<impl Stream<Item = Result<Event, Infallible>>>
where
    S: Stream<Item = Result<Event, Infallible>> + Send + 'static,
{
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

fn event(snapshot: &Snapshot) -> Result<Event, Infallible> {
    let event = Event::default().json_data(snapshot);
    Ok(event.unwrap_or_else(|error| {
        tracing::error!(%error, "a snapshot does not become JSON");
        Event::default().comment("a snapshot was left out")
    }))
}

/// `POST /api/command`.
pub(super) async fn command(
    State(state): State<PageState>,
    command: Result<Json<Command>, JsonRejection>,
) -> Response {
    let command = match command {
        Ok(Json(command)) => command,
        Err(rejection) => return unreadable(&rejection),
    };
    match state.node.command(command).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (status(error.code), Json(error)).into_response(),
    }
}

/// `POST /api/export`: a file, for the browser to save.
pub(super) async fn export(
    State(state): State<PageState>,
    what: Result<Json<Export>, JsonRejection>,
) -> Response {
    let what = match what {
        Ok(Json(what)) => what,
        Err(rejection) => return unreadable(&rejection),
    };
    match state.node.export(what).await {
        Ok(file) => {
            let disposition = format!("attachment; filename=\"{}\"", file.name);
            let headers = [
                (header::CONTENT_TYPE, file.media_type.to_owned()),
                (header::CONTENT_DISPOSITION, disposition),
            ];
            (headers, file.content).into_response()
        }
        Err(error) => (status(error.code), Json(error)).into_response(),
    }
}

fn unreadable(rejection: &JsonRejection) -> Response {
    let error = UiError::new(
        UiErrorCode::Internal,
        "This is not a command that this version knows; reload the page.",
        rejection.body_text(),
    );
    (rejection.status(), Json(error)).into_response()
}

fn status(code: UiErrorCode) -> StatusCode {
    match code {
        UiErrorCode::JoinUnreadable
        | UiErrorCode::SettingInvalid
        | UiErrorCode::StreamUnknown
        | UiErrorCode::InviteUnknown
        | UiErrorCode::InviteExpired
        | UiErrorCode::InviteUsed
        | UiErrorCode::ClaimStale
        | UiErrorCode::NodeOwned => StatusCode::UNPROCESSABLE_ENTITY,
        UiErrorCode::CoordinatorUnreachable
        | UiErrorCode::CoordinatorConfused
        | UiErrorCode::CoordinatorOld
        | UiErrorCode::CoordinatorRefused => StatusCode::BAD_GATEWAY,
        UiErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        UiErrorCode::ClockOff
        | UiErrorCode::NothingChosen
        | UiErrorCode::ConsentMissing
        | UiErrorCode::OriginTrouble
        | UiErrorCode::SignerSilent
        | UiErrorCode::PeerDropped
        | UiErrorCode::PortTaken
        | UiErrorCode::DataDirectory
        | UiErrorCode::AlreadyRunning
        | UiErrorCode::NotNow => StatusCode::CONFLICT,
    }
}
