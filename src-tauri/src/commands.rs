//! What the window may ask of the app. Three commands; each is granted in `capabilities/main.json`.

use streamr_node::view::{Command, Snapshot, UiError};
use tauri::State;
use tauri::ipc::Channel;

use crate::supporter::Supporter;
use crate::window::Forwarder;

/// What there is to show now.
#[tauri::command]
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
