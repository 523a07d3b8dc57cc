//! `streamr-signer`: see `--help`.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use streamr_signer::config::{Cli, Command, RunArgs};
use streamr_signer::epochs::Epochs;
use streamr_signer::keys;
use streamr_signer::run::Signer;
use tokio_util::sync::CancellationToken;

/// EX_USAGE of sysexits.h: bad configuration.
const BAD_CONFIGURATION: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are not errors. Where nobody reads stderr there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(BAD_CONFIGURATION) } else { ExitCode::SUCCESS };
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    // reqwest and libp2p's QUIC bring different ones; the first connection would panic without a choice.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let outcome = match (cli.command, cli.run) {
        (Some(Command::Key { key_file }), _) => print_key(&key_file),
        (None, Some(args)) => run(&args),
        (None, None) => Err(Failure::Configuration(anyhow::anyhow!("see --help for what is needed"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Configuration(error)) => {
            tracing::error!("{error:#}");
            ExitCode::from(BAD_CONFIGURATION)
        }
        Err(Failure::Other(error)) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

enum Failure {
    Configuration(anyhow::Error),
    Other(anyhow::Error),
}

fn print_key(key_file: &std::path::Path) -> Result<(), Failure> {
    let key = keys::load_or_create(key_file).map_err(|error| Failure::Configuration(error.into()))?;
    say(&key.stream_key().to_string()).map_err(Failure::Other)
}

fn run(args: &RunArgs) -> Result<(), Failure> {
    let secret = args.check().map_err(|error| Failure::Configuration(error.into()))?;
    let key = keys::load_or_create(&args.key_file).map_err(|error| Failure::Configuration(error.into()))?;
    let epochs = Epochs::open(&args.key_file).map_err(|error| Failure::Configuration(error.into()))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::Other(error.into()))?;
    let outcome = runtime.block_on(async {
        let stop = stop_on_signal()?;
        let signer = Signer::start(args, secret, key, epochs).await?;
        let ready = serde_json::json!({
            "ready": "signer", "peer": signer.node().to_string(), "addresses": signer.addresses(),
        });
        say(&ready.to_string())?;
        signer.run(stop).await;
        anyhow::Ok(())
    });
    // Name look-ups may still be under way in threads that cannot be cancelled.
    runtime.shutdown_background();
    outcome.map_err(Failure::Other)
}

/// One line on stdout, flushed: somebody waits for it.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("nobody reads our standard output")
}

/// A token that is cancelled by SIGINT or SIGTERM.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let token = stop.clone();
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
        token.cancel();
    });
    Ok(stop)
}
