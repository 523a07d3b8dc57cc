//! How the app is started: flags, each also an environment variable.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use streamr_node::NodeOptions;
use streamr_node::settings::Overrides;

/// `EX_USAGE` of sysexits: the configuration is wrong and nothing was started.
const EXIT_USAGE: u8 = 64;

/// Support a live streamer by passing the stream on.
#[derive(Debug, Clone, Parser)]
#[command(name = "streamr-app", version)]
pub(crate) struct Options {
    /// Where identity, settings and totals are kept [default: a folder of this user]
    #[arg(long, env = "STREAMR_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Start in the tray, without a window
    #[arg(long, env = "STREAMR_HIDDEN")]
    pub(crate) hidden: bool,

    /// An invite link or a coordinator's address, used where none is known yet
    #[arg(long, env = "STREAMR_JOIN", value_name = "TEXT")]
    pub(crate) join: Option<String>,

    /// The interface that peers reach, for this run
    #[arg(long, env = "STREAMR_LISTEN_IP", value_name = "IP")]
    listen_ip: Option<IpAddr>,

    /// Where peers reach this node, for this run; 0 picks a port
    #[arg(long, env = "STREAMR_PEER_PORT", value_name = "PORT")]
    peer_port: Option<u16>,

    /// Where local players find the stream, for this run; 0 picks a port
    #[arg(long, env = "STREAMR_PLAYBACK_PORT", value_name = "PORT")]
    playback_port: Option<u16>,

    /// An invite link to open. The deep-link plugin reads it; here it is only let through.
    #[arg(value_name = "LINK")]
    _link: Option<String>,
}

impl Options {
    /// Reads the command line and the environment; what is wrong is printed and becomes an exit code.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            // Nothing to do about a closed terminal.
            let _ = error.print();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(EXIT_USAGE),
            }
        })
    }

    /// Where and how the node runs.
    pub(crate) fn node(&self) -> (NodeOptions, Overrides) {
        let data_dir = self.data_dir.clone().or_else(NodeOptions::default_data_dir);
        let overrides = Overrides {
            listen_ip: self.listen_ip,
            peer_port: self.peer_port,
            playback_port: self.playback_port,
            ..Overrides::default()
        };
        // A person without a home: beside where the app was started, as a last resort.
        (NodeOptions { data_dir: data_dir.unwrap_or_else(|| PathBuf::from("streamrp2p")) }, overrides)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_link_is_accepted_as_the_only_argument() {
        let options = Options::try_parse_from(["streamr-app", "streamrp2p://join/abc"]).unwrap();
        assert!(!options.hidden);
    }

    #[test]
    fn an_unknown_flag_is_refused() {
        assert!(Options::try_parse_from(["streamr-app", "--no-such-flag"]).is_err());
    }

    #[test]
    fn a_flag_that_is_absent_leaves_the_setting_as_it_is() {
        let options = Options::try_parse_from(["streamr-app", "--peer-port", "0"]).unwrap();
        assert_eq!(options.node().1, Overrides { peer_port: Some(0), ..Overrides::default() });
    }

    #[test]
    fn the_data_directory_can_be_chosen() {
        let options = Options::try_parse_from(["streamr-app", "--data-dir", "/somewhere"]).unwrap();
        assert_eq!(options.node().0.data_dir, PathBuf::from("/somewhere"));
    }
}
