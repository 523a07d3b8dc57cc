//! The UI's TypeScript types, generated from the node's interface.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell;
use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct BindingsArgs {
    /// Change nothing; fail if the committed types are not what would be generated.
    #[arg(long)]
    check: bool,
}

/// Generates or checks the types.
pub(crate) fn bindings(workspace: &Workspace, args: &BindingsArgs) -> Result<()> {
    if args.check { check(workspace, &["--package", "streamr-node"]) } else { generate(workspace) }
}

fn committed(workspace: &Workspace) -> std::path::PathBuf {
    workspace.ui().join("src/generated")
}

fn generate(workspace: &Workspace) -> Result<()> {
    export(workspace, &committed(workspace), &["--package", "streamr-node"])
}

/// Fails if a committed type differs. `packages` chooses what Cargo builds, so that CI can share artefacts.
pub(crate) fn check(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let fresh = tempfile::tempdir()?;
    export(workspace, fresh.path(), packages)?;
    let differing = differing(&types(fresh.path())?, &types(&committed(workspace))?);
    if !differing.is_empty() {
        bail!("{} not as generated; run `cargo xtask bindings`", differing.join(", "));
    }
    Ok(())
}

fn export(workspace: &Workspace, into: &Path, packages: &[&str]) -> Result<()> {
    let mut test = shell::cargo(workspace);
    test.arg("test").args(packages).args(["--lib", "--quiet", "export_bindings"]);
    test.env("TS_RS_EXPORT_DIR", into);
    shell::run_quietly(test)?;
    if types(into)?.is_empty() {
        bail!("no type was exported: streamr-node has no test called export_bindings_…");
    }
    Ok(())
}

fn types(directory: &Path) -> Result<BTreeMap<String, String>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let scripts = paths.filter(|path| path.extension().is_some_and(|extension| extension == "ts"));
    scripts
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok((name, fs::read_to_string(&path)?))
        })
        .collect()
}

fn differing(fresh: &BTreeMap<String, String>, committed: &BTreeMap<String, String>) -> Vec<String> {
    let names = fresh.keys().chain(committed.keys().filter(|name| !fresh.contains_key(*name)));
    names.filter(|name| fresh.get(*name) != committed.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_missing_and_left_over_types_are_told() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
        };
        let fresh = map(&[("Same.ts", "1"), ("Changed.ts", "2"), ("New.ts", "3")]);
        let committed = map(&[("Same.ts", "1"), ("Changed.ts", "1"), ("Old.ts", "4")]);
        assert_eq!(differing(&fresh, &committed), ["Changed.ts", "New.ts", "Old.ts"]);
    }
}
