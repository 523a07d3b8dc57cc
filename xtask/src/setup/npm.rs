//! Packages from npm, exactly as their lock files have them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;
use crate::workspace::Workspace;

/// A copy of the lock file that `node_modules` was last filled from.
const STAMP: &str = "node_modules/.installed-lock.json";

/// The UI's.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    install(workspace, &workspace.ui(), "the UI's packages")
}

/// Those of the browsers that a bench compares our nodes with, in a copy of their folder among our tools:
/// only that bench needs them. Returns where.
pub(crate) fn ensure_browser_peers(workspace: &Workspace) -> Result<PathBuf> {
    let source = workspace.root().join("tests/browser-peers");
    let copy = workspace.tools().join("browser-peers");
    fs::create_dir_all(&copy)?;
    for entry in fs::read_dir(&source).with_context(|| source.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), copy.join(entry.file_name()))?;
        }
    }
    install(workspace, &copy, "p2p-media-loader")?;
    Ok(copy)
}

fn install(workspace: &Workspace, directory: &Path, what: &str) -> Result<()> {
    let lock = fs::read(directory.join("package-lock.json"))
        .with_context(|| format!("{} has no package-lock.json", directory.display()))?;
    if fs::read(directory.join(STAMP)).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    eprintln!("Installing {what}");
    let mut npm = shell::command(workspace, "npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(directory);
    shell::run(npm)?;
    fs::write(directory.join(STAMP), lock)?;
    Ok(())
}
