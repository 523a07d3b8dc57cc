//! The program that `cpu`, `hop` and `playback` are measured with: an example of `streamr-relay`.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Context;
use crate::shell;

/// Builds it in release.
pub(crate) fn build(context: &Context<'_>) -> Result<()> {
    let mut build = shell::cargo(context.workspace);
    build.args(["build", "--release", "--package", "streamr-relay", "--example", "transfer"]);
    shell::run(build)
}

/// Runs it in a role that measures.
pub(crate) fn run(context: &Context<'_>, arguments: &[&str]) -> Result<Value> {
    let program = context.workspace.target().join("release/examples/transfer");
    let mut command = shell::command(context.workspace, &program.display().to_string());
    command.args(arguments);
    let output = shell::output(command)?;
    serde_json::from_str(&output).with_context(|| format!("not what was expected: {output}"))
}
