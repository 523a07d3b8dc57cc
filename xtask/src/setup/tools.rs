//! Programs that come from crates.io.

use anyhow::Result;

use crate::shell;
use crate::workspace::Workspace;

struct Tool {
    program: &'static str,
    /// What `cargo install` takes.
    package: &'static str,
    /// Whether an unoptimised build, which is ready in half the time, is good enough.
    unoptimised: bool,
}

const TOOLS: [Tool; 3] = [
    Tool { program: "cargo-nextest", package: "cargo-nextest@^0.9", unoptimised: true },
    Tool { program: "tauri-driver", package: "tauri-driver@2.1.0", unoptimised: true },
    Tool { program: "cargo-deny", package: "cargo-deny@^0.20", unoptimised: true },
];

/// Installs into the target directory what is found nowhere.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    for Tool { program, package, unoptimised } in TOOLS {
        if workspace.find(program).is_some() {
            continue;
        }
        eprintln!("Installing {package} into the target directory");
        let mut install = shell::cargo(workspace);
        install.args(["install", "--locked", "--quiet", package, "--root"]).arg(workspace.tools());
        if unoptimised {
            install.arg("--debug");
        }
        // Its dependencies are not ours: they must not end up among our artefacts.
        install.env_remove("CARGO_TARGET_DIR");
        shell::run(install)?;
    }
    Ok(())
}
