//! The command line. Every flag has an environment variable; every setting of the file is a flag.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser};
use streamr_model::StreamId;
use streamr_node::join::{self, JoinError, JoinTarget};
use streamr_node::settings::Overrides;

/// A supporter node without a window: carries a live stream and serves the app's page on this machine.
///
/// Exit codes: 0 stopped as asked; 64 the configuration is wrong and nothing was started; 69 the page's port
/// is taken; 70 failed while running; 73 the data directory cannot be used; 75 a node is running already with
/// this data directory.
#[derive(Debug, Parser)]
#[command(name = "streamr-node", version)]
pub(crate) struct Cli {
    /// Where identity, settings and totals are kept; created if missing.
    #[arg(long, env = "STREAMR_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// An invite link or a coordinator's address. Nothing happens if that coordinator is joined already.
    #[arg(long, env = "STREAMR_JOIN", value_name = "TEXT", value_parser = join::parse)]
    pub(crate) join: Option<JoinTarget>,

    /// Yes: media may be given to other supporters up to the cap, and they may see this machine's address.
    #[arg(long, env = "STREAMR_CONSENT", value_parser = BoolishValueParser::new())]
    pub(crate) consent: bool,

    /// Start supporting. A pause of yours from an earlier run stays until you resume.
    #[arg(long, env = "STREAMR_START", value_parser = BoolishValueParser::new())]
    pub(crate) start: bool,

    /// The page's port on 127.0.0.1; 0 picks one.
    #[arg(long, env = "STREAMR_PAGE_PORT", default_value_t = 0, value_name = "PORT")]
    pub(crate) page_port: u16,

    /// Check the configuration and exit, without starting or creating anything.
    #[arg(long)]
    pub(crate) check: bool,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// Settings for this run. What is absent stays as the settings file has it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings (absent: as in settings.toml)")]
pub(crate) struct SettingsArgs {
    /// The coordinator's address.
    #[arg(long, env = "STREAMR_COORDINATOR", value_name = "URL", value_parser = coordinator)]
    coordinator: Option<String>,

    /// The stream to support.
    #[arg(long, env = "STREAMR_STREAM", value_name = "ID")]
    pub(crate) stream: Option<StreamId>,

    /// Streams shown first in the chooser, separated by commas.
    #[arg(long, env = "STREAMR_FAVOURITES", value_name = "IDS", value_delimiter = ',')]
    favourites: Option<Vec<StreamId>>,

    /// The most that is given to others, in bits per second.
    #[arg(long, env = "STREAMR_UPLOAD_CAP_BPS", value_name = "N")]
    upload_cap_bps: Option<u64>,

    /// Measure the uplink and give way when others on it need it.
    #[arg(long, env = "STREAMR_GIVE_WAY", value_name = "BOOL")]
    give_way: Option<bool>,

    /// Go on supporting after a restart.
    #[arg(long, env = "STREAMR_RESUME_ON_START", value_name = "BOOL")]
    resume_on_start: Option<bool>,

    /// How far behind the streamer playback runs, in milliseconds.
    #[arg(long, env = "STREAMR_LIVE_DELAY_MS", value_name = "N")]
    live_delay_ms: Option<u64>,

    /// The most media kept in memory, in megabytes.
    #[arg(long, env = "STREAMR_STORE_LIMIT_MB", value_name = "N")]
    store_limit_mb: Option<u64>,

    /// Where players on this machine find the stream; 0 picks a port.
    #[arg(long, env = "STREAMR_PLAYBACK_PORT", value_name = "PORT")]
    playback_port: Option<u16>,

    /// Where other supporters reach this node; 0 picks a port.
    #[arg(long, env = "STREAMR_PEER_PORT", value_name = "PORT")]
    peer_port: Option<u16>,

    /// The interface that other supporters reach.
    #[arg(long, env = "STREAMR_LISTEN_IP", value_name = "IP")]
    listen_ip: Option<IpAddr>,

    /// The longest time between two reports, in seconds.
    #[arg(long, env = "STREAMR_HEARTBEAT_MAX_S", value_name = "N")]
    heartbeat_max_s: Option<u64>,
}

impl SettingsArgs {
    /// As the node takes them.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            coordinator: self.coordinator.clone(),
            stream: self.stream.clone(),
            favourites: self.favourites.clone(),
            upload_cap_bps: self.upload_cap_bps,
            give_way: self.give_way,
            resume_on_start: self.resume_on_start,
            live_delay_ms: self.live_delay_ms,
            store_limit_mb: self.store_limit_mb,
            playback_port: self.playback_port,
            peer_port: self.peer_port,
            listen_ip: self.listen_ip,
            heartbeat_max_s: self.heartbeat_max_s,
        }
    }
}

/// An address, not an invite.
fn coordinator(text: &str) -> Result<String, JoinError> {
    match join::parse(text)? {
        JoinTarget { coordinator, invite: None } => Ok(coordinator),
        JoinTarget { invite: Some(_), .. } => Err(JoinError::NotAnAddress),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_its_environment_variable() {
        for arg in Cli::command().get_arguments() {
            let Some(flag) = arg.get_long().filter(|flag| !["help", "version", "check"].contains(flag))
            else {
                continue;
            };
            let expected = format!("STREAMR_{}", flag.to_uppercase().replace('-', "_"));
            assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(expected.as_str()));
        }
    }

    #[test]
    fn absent_flags_override_nothing() {
        let cli = Cli::try_parse_from(["streamr-node"]).unwrap();
        assert_eq!(cli.settings.overrides(), Overrides::default());
    }

    #[test]
    fn every_setting_is_a_flag() {
        let cli = Cli::try_parse_from([
            "streamr-node",
            "--coordinator",
            "127.0.0.1:9",
            "--stream",
            "a",
            "--favourites",
            "b,c",
            "--upload-cap-bps",
            "1",
            "--resume-on-start",
            "false",
            "--live-delay-ms",
            "2",
            "--store-limit-mb",
            "3",
            "--playback-port",
            "4",
            "--peer-port",
            "5",
            "--listen-ip",
            "::1",
            "--heartbeat-max-s",
            "6",
            "--give-way",
            "false",
        ])
        .unwrap();
        let expected = Overrides {
            coordinator: Some("http://127.0.0.1:9".into()),
            stream: Some("a".parse().unwrap()),
            favourites: Some(vec!["b".parse().unwrap(), "c".parse().unwrap()]),
            upload_cap_bps: Some(1),
            give_way: Some(false),
            resume_on_start: Some(false),
            live_delay_ms: Some(2),
            store_limit_mb: Some(3),
            playback_port: Some(4),
            peer_port: Some(5),
            listen_ip: Some("::1".parse().unwrap()),
            heartbeat_max_s: Some(6),
        };
        assert_eq!(cli.settings.overrides(), expected);
    }
}
