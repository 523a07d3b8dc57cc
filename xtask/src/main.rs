//! Every developer command: `cargo xtask --help`.
//!
//! Exit codes: 0 done, 1 something failed, 64 wrong arguments, 69 something is missing and this user may
//! not install it, 75 cannot be done now (another run, a machine too busy to measure).

#![expect(clippy::print_stdout, reason = "results go to standard output, everything else to standard error")]

mod bench;
mod bindings;
mod check_targets;
mod exit;
mod run;
mod setup;
mod shell;
mod steps;
mod test;
mod tidy;
mod ui;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what building, running and testing need.
    Setup,
    /// Start a complete local network and the desktop app.
    Run(run::RunArgs),
    /// Run everything CI runs.
    Test(test::TestArgs),
    /// Check DESIGN.md's invariants.
    Tidy,
    /// Generate the UI's TypeScript types from Rust.
    Bindings(bindings::BindingsArgs),
    /// Type-check the node and the app for Windows and macOS.
    CheckTargets,
    /// Measure, print a table and write `target/bench/NAME.json`.
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // What cannot be printed can only be told by the exit code.
            error.print().ok();
            return if error.use_stderr() { exit::usage() } else { ExitCode::SUCCESS };
        }
    };
    exit::code(dispatch(cli.command))
}

fn dispatch(command: Command) -> anyhow::Result<()> {
    let workspace = Workspace::locate();
    if let Err(error) = ctrlc::set_handler(streamr_testnet::interrupt) {
        eprintln!("Ctrl-C will not be noticed: {error}");
    }
    match command {
        Command::Setup => setup::ensure(&workspace, setup::Purpose::Test),
        Command::Run(args) => run::run(&workspace, &args),
        Command::Test(args) => test::test(&workspace, &args),
        Command::Tidy => tidy::tidy(&workspace),
        Command::Bindings(args) => bindings::bindings(&workspace, &args),
        Command::CheckTargets => check_targets::check_targets(&workspace),
        Command::Bench(args) => bench::bench(&workspace, &args),
    }
}
