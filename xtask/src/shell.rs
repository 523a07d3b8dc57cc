//! Running other programs, so that each can be interrupted and none writes to our standard output.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use streamr_testnet::{TestnetError, poll::interrupted};

use crate::workspace::Workspace;

/// `program` in the checkout, with our tools in its `PATH`.
pub(crate) fn command(workspace: &Workspace, program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace.root()).env("PATH", workspace.path()).stdin(Stdio::null());
    command
}

/// Cargo itself, the one that runs us where one does.
pub(crate) fn cargo(workspace: &Workspace) -> Command {
    let mut cargo = command(workspace, &std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    // Cargo tells us about ourselves in these; what it starts for another package must not hear of it.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs to the end; both outputs go to our standard error, so that ours stays for results.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let name = describe(&command);
    command.stdout(std::io::stderr());
    let mut child = command.spawn().with_context(|| format!("cannot start `{name}`"))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if interrupted() {
            child.kill().ok();
            child.wait()?;
            return Err(TestnetError::Interrupted.into());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// Runs to the end and shows what it printed only if it fails: for what prints much when all is well.
pub(crate) fn run_quietly(mut command: Command) -> Result<()> {
    let name = describe(&command);
    let output = command.output().with_context(|| format!("cannot start `{name}`"))?;
    if interrupted() {
        return Err(TestnetError::Interrupted.into());
    }
    if !output.status.success() {
        eprint!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        bail!("`{name}` failed ({})", output.status);
    }
    Ok(())
}

/// Runs to the end and returns standard output, if the program exists and succeeds.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let name = describe(&command);
    let output = command.output().with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
