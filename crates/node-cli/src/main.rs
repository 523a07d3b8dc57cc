//! `streamr-node`: a supporter node without a window. See `--help`; exit codes are in [`args::Cli`].

mod args;
mod orders;
mod page;

use std::io::{IsTerminal as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use streamr_node::settings::{self, Overrides, Settings};
use streamr_node::view::{UiError, UiErrorCode};
use streamr_node::{Node, NodeOptions};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use args::Cli;
use orders::Orders;
use page::Page;

const EX_USAGE: u8 = 64;
const EX_UNAVAILABLE: u8 = 69;
const EX_SOFTWARE: u8 = 70;
const EX_CANTCREAT: u8 = 73;
const EX_TEMPFAIL: u8 = 75;

/// Open pages are given this long to be told that the node is gone.
const PAGE_LIMIT: Duration = Duration::from_millis(100);

/// What ends the program early.
#[derive(Debug)]
struct Failure {
    exit: u8,
    error: anyhow::Error,
}

/// For `map_err`.
fn failing_with<E: Into<anyhow::Error>>(exit: u8) -> impl FnOnce(E) -> Failure {
    move |error| Failure { exit, error: error.into() }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are not errors. Where nobody reads them there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EX_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,libp2p_swarm=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match begin(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{:#}", failure.error);
            ExitCode::from(failure.exit)
        }
    }
}

fn begin(cli: &Cli) -> Result<(), Failure> {
    let (data_dir, settings) = configuration(cli).map_err(failing_with(EX_USAGE))?;
    if cli.check {
        return say(&format!("{settings:#?}"));
    }
    let runtime = tokio::runtime::Runtime::new().map_err(failing_with(EX_SOFTWARE))?;
    let result = runtime.block_on(run(cli, data_dir, &settings));
    // Name look-ups may still be under way in threads that cannot be cancelled.
    runtime.shutdown_background();
    result
}

/// Reads everything that can be wrong before anything starts. Changes nothing.
fn configuration(cli: &Cli) -> anyhow::Result<(PathBuf, Settings)> {
    let data_dir = cli.data_dir.clone().or_else(NodeOptions::default_data_dir);
    let data_dir = data_dir.context("there is no home directory; say --data-dir")?;
    let read = settings::read(&data_dir)
        .with_context(|| format!("{} is wrong", settings::path_in(&data_dir).display()))?;
    let settings = cli.settings.overrides().over(&read.settings);
    settings.check()?;
    Ok((data_dir, settings))
}

async fn run(cli: &Cli, data_dir: PathBuf, settings: &Settings) -> Result<(), Failure> {
    let stop = stop_on_signal().map_err(failing_with(EX_SOFTWARE))?;
    let page = Page::bind(cli.page_port).await;
    let page = page.with_context(|| format!("the page cannot listen on 127.0.0.1:{}", cli.page_port));
    let page = page.map_err(failing_with(EX_UNAVAILABLE))?;
    let mut overrides = cli.settings.overrides();
    let playback = playback_port(cli.consent, settings, &mut overrides);
    let node = Node::open_with(NodeOptions { data_dir }, overrides).await.map_err(|error| refused(&error))?;
    let ready = serde_json::json!({
        "ready": "node",
        "page": page.url(),
        "playback": playback.map(|port| format!("http://127.0.0.1:{port}")),
        "node": node.id(),
    });
    say(&ready.to_string())?;
    let served = tokio::spawn(page.serve(node.clone(), stop.clone()));
    tokio::select! {
        () = stop.cancelled() => {}
        // Orders end; the node goes on.
        () = async { Orders::of(cli).carry_out(node.clone()).await; stop.cancelled().await } => {}
    }
    tracing::info!("stopping");
    node.shutdown().await;
    // A page that is still open is closed with the process.
    let _ = tokio::time::timeout(PAGE_LIMIT, served).await;
    Ok(())
}

/// The port to announce for players. Where any port will do, one is picked now, so that it is the same over
/// pauses; but nothing is touched before consent, and then the port is known only from snapshots.
fn playback_port(consent: bool, settings: &Settings, overrides: &mut Overrides) -> Option<u16> {
    if settings.playback_port != 0 {
        return Some(settings.playback_port);
    }
    if consent {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        overrides.playback_port = free.ok().map(|address| address.port());
    }
    overrides.playback_port.filter(|port| *port != 0)
}

fn refused(error: &UiError) -> Failure {
    let exit = match error.code {
        UiErrorCode::AlreadyRunning => EX_TEMPFAIL,
        UiErrorCode::DataDirectory => EX_CANTCREAT,
        _ => EX_SOFTWARE,
    };
    Failure { exit, error: anyhow::anyhow!("{} ({})", error.message, error.detail) }
}

/// One line on stdout. A reader that is gone ends the program, as it does any program in a pipe.
fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(failing_with(EX_SOFTWARE))
}

/// Cancelled by Ctrl-C, and by SIGTERM where there is such a thing.
fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            told.cancel();
        });
    }
    #[cfg(not(unix))]
    tokio::spawn(async move {
        // An error means that no signal will ever come.
        if tokio::signal::ctrl_c().await.is_ok() {
            told.cancel();
        }
    });
    Ok(stop)
}
