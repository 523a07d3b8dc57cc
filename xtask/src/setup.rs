//! Installs what is missing. A second call finds nothing missing and costs a few milliseconds.

mod apt;
mod node;
mod npm;
mod tools;

use anyhow::Result;

pub(crate) use npm::ensure_browser_peers;

use crate::workspace::Workspace;

/// What is to be done; each needs what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Build the headless programs and run a network.
    RunHeadless,
    /// Build the desktop app too.
    RunDesktop,
    /// Run every test.
    Test,
}

/// Installs what `purpose` needs.
pub(crate) fn ensure(workspace: &Workspace, purpose: Purpose) -> Result<()> {
    apt::ensure(workspace, purpose, node::is_there(workspace))?;
    node::ensure(workspace)?;
    npm::ensure(workspace)?;
    if purpose >= Purpose::Test {
        tools::ensure(workspace)?;
    }
    Ok(())
}
