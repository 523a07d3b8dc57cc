//! Programs that come from crates.io.

use anyhow::Result;

use crate::shell;
use crate::workspace::Workspace;

/// Each program and what `cargo install` takes for it.
const TOOLS: [(&str, &str); 2] =
    [("cargo-nextest", "cargo-nextest@^0.9"), ("cargo-deny", "cargo-deny@^0.20")];

/// Installs into the target directory what is found nowhere.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    for (program, package) in TOOLS {
        if workspace.find(program).is_some() {
            continue;
        }
        eprintln!("Installing {package} into the target directory");
        let mut install = shell::cargo(workspace);
        // Unoptimised is ready in half the time and quick enough for what it does here.
        install.args(["install", "--locked", "--quiet", "--debug", package, "--root"]).arg(workspace.tools());
        // Its dependencies are not ours: they must not end up among our artefacts.
        install.env_remove("CARGO_TARGET_DIR");
        shell::run(install)?;
    }
    Ok(())
}
