//! Flags, and what they must be.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use streamr_model::StreamId;
use url::Url;

/// Signs a live HLS origin's segments and is the first peer that has them.
///
/// Exit codes: 0 after a clean stop, 64 for bad configuration, 1 for anything else.
#[derive(Debug, Parser)]
#[command(
    name = "streamr-signer",
    version,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// What else it can do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What it needs to run.
    #[command(flatten)]
    pub run: Option<RunArgs>,
}

/// What else the signer can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the stream's public key as hex and exit; make the key file if there is none.
    Key {
        /// The stream's secret key.
        #[arg(long, env = "STREAMR_KEY_FILE")]
        key_file: PathBuf,
    },
}

/// What the signer needs to run.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Address of the coordinator.
    #[arg(long, env = "STREAMR_COORDINATOR")]
    pub coordinator: Url,
    /// The stream's id, as registered at the coordinator.
    #[arg(long, env = "STREAMR_STREAM")]
    pub stream: StreamId,
    /// The origin's playlist, media or multivariant.
    #[arg(long, env = "STREAMR_ORIGIN")]
    pub origin: Url,
    /// File with the publish secret that the coordinator gave when the stream was registered.
    #[arg(long, env = "STREAMR_PUBLISH_SECRET_FILE")]
    pub publish_secret_file: PathBuf,
    /// File with the stream's secret key, 64 hex digits; made if missing. The last epoch is kept beside it.
    #[arg(long, env = "STREAMR_KEY_FILE")]
    pub key_file: PathBuf,
    /// UDP and TCP port for peers; 0 picks one.
    #[arg(long, env = "STREAMR_LISTEN_PORT", default_value_t = 0)]
    pub listen_port: u16,
    /// Interface for peers; 0.0.0.0 or :: for all.
    #[arg(long, env = "STREAMR_LISTEN_IP", default_value = "127.0.0.1")]
    pub listen_ip: IpAddr,
    /// Milliseconds between two reads of the playlist; an eighth of the target duration if not given.
    #[arg(long, env = "STREAMR_POLL_MS", value_parser = clap::value_parser!(u64).range(20..=60_000))]
    pub poll_ms: Option<u64>,
    /// The most segment bytes kept in memory for peers.
    #[arg(long, env = "STREAMR_STORE_LIMIT_BYTES", default_value_t = 256 * 1024 * 1024)]
    pub store_limit_bytes: u64,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An address is not http or https.
    #[error("--{flag} {url} is not an http or https address")]
    NotHttp {
        /// Which flag.
        flag: &'static str,
        /// Its value.
        url: Url,
    },
    /// The publish secret cannot be read.
    #[error("the publish secret file {} cannot be read: {source}", path.display())]
    PublishSecret {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The publish secret is empty or holds what no header may hold.
    #[error("the publish secret file {} does not hold a publish secret", path.display())]
    NotASecret {
        /// Which file.
        path: PathBuf,
    },
}

impl RunArgs {
    /// Checks what can be checked before anything starts; gives the publish secret.
    pub fn check(&self) -> Result<String, ConfigError> {
        for (flag, url) in [("coordinator", &self.coordinator), ("origin", &self.origin)] {
            if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
                return Err(ConfigError::NotHttp { flag, url: url.clone() });
            }
        }
        let path = || self.publish_secret_file.clone();
        let text = fs::read_to_string(&self.publish_secret_file)
            .map_err(|source| ConfigError::PublishSecret { path: path(), source })?;
        let secret = text.trim();
        let plain = !secret.is_empty() && secret.len() <= 512 && secret.bytes().all(|b| b.is_ascii_graphic());
        if plain { Ok(secret.into()) } else { Err(ConfigError::NotASecret { path: path() }) }
    }

    /// The time between two reads, where it was given.
    pub fn poll(&self) -> Option<Duration> {
        self.poll_ms.map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: [&str; 11] = [
        "streamr-signer",
        "--coordinator",
        "http://127.0.0.1:1",
        "--stream",
        "alice",
        "--origin",
        "http://127.0.0.1:2/a.m3u8",
        "--publish-secret-file",
        "/none/secret",
        "--key-file",
        "key",
    ];

    #[test]
    fn a_run_and_a_key_are_asked_for_by_different_flags() {
        let run = Cli::try_parse_from(RUN).unwrap();
        assert_eq!(run.run.unwrap().listen_ip, IpAddr::from([127, 0, 0, 1]));
        let key = Cli::try_parse_from(["streamr-signer", "key", "--key-file", "k"]).unwrap();
        assert!(matches!(key.command, Some(Command::Key { .. })) && key.run.is_none());
        assert!(Cli::try_parse_from(&RUN[..9]).is_err());
    }

    #[test]
    fn a_missing_secret_is_named() {
        let run = Cli::try_parse_from(RUN).unwrap().run.unwrap();
        assert!(run.check().unwrap_err().to_string().contains("/none/secret"));
        let elsewhere = RunArgs { origin: "file:///a".parse().unwrap(), ..run };
        assert!(elsewhere.check().unwrap_err().to_string().contains("--origin"));
    }
}
