//! `ip` and `tc`, a batch of lines at a time.

use std::io::Write;
use std::process::{Command, Stdio};

use streamr_testnet::{Namespace, TestnetError, binaries};

use crate::error::{LabError, Result};

/// Runs lines of `ip`, inside `namespace` where one is given. The first that fails ends it.
pub(crate) fn ip(namespace: Option<&Namespace>, lines: &[String]) -> Result<()> {
    batch("ip", namespace, lines)
}

/// Runs lines of `tc` inside `namespace`.
pub(crate) fn tc(namespace: &Namespace, lines: &[String]) -> Result<()> {
    batch("tc", Some(namespace), lines)
}

fn batch(program: &str, namespace: Option<&Namespace>, lines: &[String]) -> Result<()> {
    let text = lines.join("\n");
    let failed = |reason: String| LabError::Command { command: format!("{program}: {text}"), reason };
    let mut command = Command::new(binaries::of_system(program)?);
    if let Some(namespace) = namespace {
        command.args(["-n", namespace.name()]);
    }
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let spawned = command.spawn();
    let mut child = spawned.map_err(|source| TestnetError::Spawn { name: program.into(), source })?;
    // Dropped at once, so that the program sees the end.
    let written = child.stdin.take().map(|mut input| writeln!(input, "{text}"));
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() && written.is_some_and(|written| written.is_ok()) {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
