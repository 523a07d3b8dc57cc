//! Building what a network consists of.

use anyhow::Result;
use streamr_testnet::binaries;

use crate::workspace::Workspace;
use crate::{shell, ui};

/// Builds the UI, the headless programs and, unless `headless`, the app; later starts use them.
pub(crate) fn build(workspace: &Workspace, headless: bool, release: bool) -> Result<()> {
    ui::build_if_stale(workspace)?;
    let mut build = shell::cargo(workspace);
    build.args(["build", "--bins", "--package", "streamr-coordinator", "--package", "streamr-signer"]);
    build.args(["--package", "streamr-node-cli"]);
    if !headless {
        build.args(["--package", "streamr-app"]);
    }
    if release {
        build.arg("--release");
    }
    shell::run(build)?;
    binaries::choose_directory(workspace.target().join(if release { "release" } else { "debug" }));
    Ok(())
}
