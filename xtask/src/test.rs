//! Everything CI runs, in the order in which a mistake shows soonest.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::setup::{self, Purpose};
use crate::steps::{Outcome, Steps};
use crate::workspace::Workspace;
use crate::{bindings, check_targets, shell, tidy, ui};

#[derive(Args)]
pub(crate) struct TestArgs {
    /// Leave out what takes minutes: end-to-end tests, dependency checks, other systems.
    #[arg(long)]
    fast: bool,
}

/// The end-to-end tests' packages, as a regular expression.
const END_TO_END: &str = "^streamr-(testnet|netlab)$";

/// Runs all steps. Everything Cargo builds is built for the whole workspace, so that the features of
/// dependencies, and with them the artefacts, are the same in every step.
pub(crate) fn test(workspace: &Workspace, args: &TestArgs) -> Result<()> {
    let mut steps = Steps::default();
    steps.step("setup", || setup::ensure(workspace, Purpose::Test))?;
    steps.step("format", || cargo(workspace, &["fmt", "--all", "--check"]))?;
    steps.step("tidy", || tidy::tidy(workspace))?;
    // The app embeds the built UI, so nothing that contains it compiles before.
    steps.step("ui: build", || ui::npm(workspace, "build"))?;
    steps.step("ui: check", || ui::npm(workspace, "check"))?;
    steps.step("ui: test", || ui::npm(workspace, "test"))?;
    steps.step("clippy", || {
        cargo(workspace, &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])
    })?;
    steps.step("build", || cargo(workspace, &["build", "--workspace", "--bins", "--examples"]))?;
    steps.step("tests", || nextest(workspace, args.fast))?;
    steps.step("bindings", || bindings::check(workspace, &["--workspace"]))?;
    steps.step("documentation tests", || documentation_tests(workspace))?;
    if !args.fast {
        steps.step("dependencies: licences, bans, sources", || {
            deny(workspace, &["licenses", "bans", "sources"])
        })?;
        steps.step("dependencies: advisories", || advisories(workspace))?;
        steps.step("check for Windows", || check_targets::windows(workspace))?;
        steps.step("check for macOS", || check_targets::macos(workspace))?;
    }
    steps.finish()
}

fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    let mut cargo = shell::cargo(workspace);
    cargo.args(arguments);
    shell::run(cargo)
}

/// Quietly: dozens of crates saying that they have none would bury what the tests said.
fn documentation_tests(workspace: &Workspace) -> Result<()> {
    let mut test = shell::cargo(workspace);
    test.args(["test", "--workspace", "--doc", "--quiet"]);
    shell::run_quietly(test)
}

fn nextest(workspace: &Workspace, fast: bool) -> Result<()> {
    let mut nextest = shell::cargo(workspace);
    nextest.args(["nextest", "run", "--workspace", "--profile", "ci", "--no-fail-fast"]);
    if fast {
        nextest.args(["--filterset", &format!("not (package(/{END_TO_END}/) and kind(test))")]);
    }
    shell::run(nextest)
}

fn deny(workspace: &Workspace, checks: &[&str]) -> Result<()> {
    let mut deny = shell::cargo(workspace);
    deny.args(["deny", "--log-level", "error", "check", "--hide-inclusion-graph"]);
    deny.args(checks);
    shell::run(deny)
}

/// The database of advisories is a git repository that not every machine can reach.
fn advisories(workspace: &Workspace) -> Result<Outcome> {
    let mut fetch = shell::command(workspace, "timeout");
    fetch.args(["60", "cargo", "deny", "--log-level", "error", "fetch", "db"]);
    if shell::output(fetch).is_err() && !has_advisories() {
        return Ok(Outcome::Skipped("the database of advisories cannot be fetched here".into()));
    }
    deny(workspace, &["--disable-fetch", "advisories"]).map(Outcome::from)
}

/// Whether a database was fetched earlier: cargo-deny keeps each in a directory of its own.
fn has_advisories() -> bool {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).unwrap_or_default();
    let entries = std::fs::read_dir(home.join("advisory-dbs"));
    entries.is_ok_and(|entries| entries.filter_map(Result::ok).any(|entry| entry.path().is_dir()))
}
