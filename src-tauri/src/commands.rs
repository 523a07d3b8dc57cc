//! What the window may ask of the app. Each command is granted in `capabilities/main.json`.

use streamr_node::view::{Command, Export, Snapshot, UiError};
use tauri::ipc::Channel;
use tauri::{AppHandle, State};

use crate::downloads;
use crate::external;
use crate::supporter::Supporter;
use crate::window::Forwarder;

/// What there is to show now.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "Tauri hands state over by value")]
pub(crate) fn snapshot(supporter: State<'_, Supporter>) -> Snapshot {
    Snapshot::clone(&supporter.latest())
}

/// Does what a person asked for.
#[tauri::command]
pub(crate) async fn command(supporter: State<'_, Supporter>, command: Command) -> Result<(), UiError> {
    supporter.command(command).await
}

/// Sends the latest snapshot and every later one until the window goes or subscribes anew.
#[tauri::command]
pub(crate) async fn subscribe(
    supporter: State<'_, Supporter>,
    forwarder: State<'_, Forwarder>,
    channel: Channel<Snapshot>,
) -> Result<(), UiError> {
    forwarder.start(supporter.snapshots(), channel);
    Ok(())
}

/// Shows a page the UI links to in the person's browser.
#[tauri::command]
pub(crate) async fn open_external(url: String) -> Result<(), UiError> {
    external::open(&url)
}

/// Saves a file among the person's downloads; where it is.
#[tauri::command]
pub(crate) async fn export(
    app: AppHandle,
    supporter: State<'_, Supporter>,
    what: Export,
) -> Result<String, UiError> {
    downloads::save(&app, supporter.export(what).await?).await
}
