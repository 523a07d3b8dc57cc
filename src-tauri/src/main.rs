//! StreamrP2P Supporter: the desktop app.
//!
//! A shell around [`streamr_node::Node`] and nothing more: one window that is built when somebody wants to
//! see it and destroyed when it is closed, one tray icon, and the operating system's ways of starting,
//! linking to and ending a program. What the node does is decided in the node.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod downloads;
mod external;
mod link;
mod options;
mod shell;
mod supporter;
mod tray;
mod tray_view;
mod window;

use std::io::IsTerminal;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::options::Options;

/// What the process exits with where it could not start for a reason that is not the options'.
const EXIT_FAILURE: u8 = 1;

fn main() -> ExitCode {
    let options = match Options::read() {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();

    match shell::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "cannot start");
            ExitCode::from(EXIT_FAILURE)
        }
    }
}
