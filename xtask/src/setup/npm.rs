//! The UI's packages, exactly as its lock file has them.

use std::fs;

use anyhow::{Context, Result};

use crate::shell;
use crate::workspace::Workspace;

/// A copy of the lock file that `node_modules` was last filled from.
const STAMP: &str = "node_modules/.installed-lock.json";

pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    let ui = workspace.ui();
    let lock = fs::read(ui.join("package-lock.json")).context("the UI has no package-lock.json")?;
    if fs::read(ui.join(STAMP)).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    eprintln!("Installing the UI's packages");
    let mut npm = shell::command(workspace, "npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(&ui);
    shell::run(npm)?;
    fs::write(ui.join(STAMP), lock)?;
    Ok(())
}
