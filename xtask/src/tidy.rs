//! DESIGN.md's invariants as a program. Each rule is a pure function with a test that shows it can fail.

mod dependencies;
mod files;
mod manifests;
mod rust_source;
mod sources;

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::shell;
use crate::workspace::Workspace;
use rust_source::RustSource;

/// A place where an invariant does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Path from the checkout's root, and the line where there is one.
    place: String,
    /// The rule and what to do.
    what: String,
    severity: Severity,
}

/// What a finding means for the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Worth a look.
    Warning,
    /// Not to be committed.
    Error,
}

impl Finding {
    fn error(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), severity: Severity::Error }
    }

    fn warning(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), severity: Severity::Warning }
    }

    /// At a line counted from 0.
    fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self::error(format!("{path}:{}", line + 1), what)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{word}: {}: {}", self.place, self.what)
    }
}

/// Checks every file git knows or would add.
pub(crate) fn tidy(workspace: &Workspace) -> Result<()> {
    let mut findings = dependencies::check(&metadata(workspace)?);
    // What is not text (or was just removed) has no lines to check.
    let read = |path: String| Some((fs::read_to_string(workspace.root().join(&path)).ok()?, path));
    let files: Vec<(String, String)> = listed_files(workspace)?.into_iter().filter_map(read).collect();
    let test_modules: Vec<String> =
        files.iter().flat_map(|(text, path)| rust_source::test_modules(path, text)).collect();
    for (text, path) in &files {
        findings.extend(check_file(path, text, &test_modules));
    }
    findings.sort();
    for finding in &findings {
        eprintln!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 {
        bail!("{errors} places where an invariant does not hold");
    }
    eprintln!("{} files are tidy", files.len());
    Ok(())
}

fn check_file(path: &str, text: &str, test_modules: &[String]) -> Vec<Finding> {
    let mut findings = files::check(path, text);
    match Path::new(path).extension().and_then(|extension| extension.to_str()) {
        Some("rs") => {
            let mut source = RustSource::read(path, text);
            if test_modules.iter().any(|module| rust_source::is_in_module(path, module)) {
                source.test.fill(true);
            }
            findings.extend(sources::check(path, &source));
        }
        Some("toml") if path.ends_with("Cargo.toml") => findings.extend(manifests::check(path, text)),
        _ => {}
    }
    findings
}

fn listed_files(workspace: &Workspace) -> Result<Vec<String>> {
    let mut list = shell::command(workspace, "git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    Ok(shell::output(list)?.lines().map(str::to_owned).collect())
}

fn metadata(workspace: &Workspace) -> Result<serde_json::Value> {
    let mut metadata = shell::cargo(workspace);
    metadata.args(["metadata", "--format-version", "1", "--locked"]);
    Ok(serde_json::from_str(&shell::output(metadata)?)?)
}
