//! Building the UI that the desktop app and the headless node embed.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Result;

use crate::shell;
use crate::workspace::Workspace;

/// Builds `ui/dist` unless it is newer than everything it is made of.
pub(crate) fn build_if_stale(workspace: &Workspace) -> Result<()> {
    let ui = workspace.ui();
    let built = fs::metadata(ui.join("dist/index.html")).and_then(|meta| meta.modified()).ok();
    if built.is_some_and(|built| newest(&ui).is_some_and(|source| source <= built)) {
        return Ok(());
    }
    npm(workspace, "build")
}

/// One of the scripts of the UI's package.json.
pub(crate) fn npm(workspace: &Workspace, script: &str) -> Result<()> {
    let mut npm = shell::command(workspace, "npm");
    npm.args(["run", "--silent", script]).current_dir(workspace.ui());
    shell::run(npm)
}

/// When the newest source was changed.
fn newest(directory: &Path) -> Option<SystemTime> {
    let made = ["dist", "node_modules"];
    let entries = fs::read_dir(directory).ok()?.filter_map(Result::ok);
    entries
        .filter(|entry| !made.iter().any(|name| entry.file_name() == *name))
        .filter_map(|entry| match entry.file_type().ok()?.is_dir() {
            true => newest(&entry.path()),
            false => entry.metadata().ok()?.modified().ok(),
        })
        .max()
}
