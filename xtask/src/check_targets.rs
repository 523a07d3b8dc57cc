//! Type-checks what people run on Windows and macOS, as far as this machine can.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::shell;
use crate::steps::Outcome;
use crate::workspace::Workspace;

const WINDOWS: &str = "x86_64-pc-windows-gnu";
const MACOS: &str = "aarch64-apple-darwin";

/// Both, printing what was skipped.
pub(crate) fn check_targets(workspace: &Workspace) -> Result<()> {
    for outcome in [windows(workspace)?, macos(workspace)?] {
        if let Outcome::Skipped(why) = outcome {
            eprintln!("skipped: {why}");
        }
    }
    Ok(())
}

/// Windows, with MinGW as the compiler of the C in our dependencies.
pub(crate) fn windows(workspace: &Workspace) -> Result<Outcome> {
    if let Some(why) = missing_target(workspace, WINDOWS) {
        return Ok(Outcome::Skipped(why));
    }
    if workspace.find("x86_64-w64-mingw32-gcc").is_none() {
        return Ok(Outcome::Skipped("gcc-mingw-w64-x86-64 is not installed".into()));
    }
    check(workspace, WINDOWS, &[])
}

/// macOS. Its C compiler exists only there; nothing is linked here, so one that makes empty files will do.
pub(crate) fn macos(workspace: &Workspace) -> Result<Outcome> {
    if let Some(why) = missing_target(workspace, MACOS) {
        return Ok(Outcome::Skipped(why));
    }
    let stub = stub_compiler(workspace)?;
    let stub = stub.to_string_lossy();
    check(
        workspace,
        MACOS,
        &[
            ("CC_aarch64_apple_darwin", stub.as_ref()),
            ("CXX_aarch64_apple_darwin", stub.as_ref()),
            ("AR_aarch64_apple_darwin", stub.as_ref()),
            ("SDKROOT", "/"),
        ],
    )
}

fn check(workspace: &Workspace, target: &str, environment: &[(&str, &str)]) -> Result<Outcome> {
    let mut check = shell::cargo(workspace);
    check.args(["check", "--quiet", "--target", target]);
    check.args(["--package", "streamr-node-cli", "--package", "streamr-app", "--bins"]);
    check.envs(environment.iter().copied());
    shell::run(check)?;
    Ok(Outcome::Passed)
}

/// Why the standard library of `target` is not to be had; `None` if it is installed.
fn missing_target(workspace: &Workspace, target: &str) -> Option<String> {
    let mut list = shell::command(workspace, "rustup");
    list.args(["target", "list", "--installed"]);
    let installed = match shell::output(list) {
        Ok(installed) => installed,
        Err(error) => return Some(format!("{error:#}")),
    };
    if installed.lines().any(|line| line == target) {
        return None;
    }
    // Where nothing answers, rustup tries for minutes.
    let mut add = shell::command(workspace, "timeout");
    add.args(["90", "rustup", "target", "add", target]);
    shell::output(add).err().map(|_| format!("`rustup target add {target}` does not answer"))
}

/// A program that makes whatever file `-o` or an archive's first argument names, and nothing else.
fn stub_compiler(workspace: &Workspace) -> Result<PathBuf> {
    const SCRIPT: &str = r#"#!/bin/sh
for word in "$@"; do
    case "$previous" in -o) : >"$word" ;; esac
    case "$word" in *.a) : >"$word" ;; esac
    previous=$word
done
"#;
    let directory = workspace.tools().join("stub");
    fs::create_dir_all(&directory)?;
    let path = directory.join("cc");
    fs::write(&path, SCRIPT)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    if !path.is_file() {
        bail!("{} could not be made", path.display());
    }
    Ok(path)
}
