//! How the app is started: flags, each also an environment variable.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use directories::BaseDirs;

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

    /// The folder to keep everything in.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| match BaseDirs::new() {
            Some(user) => user.data_local_dir().join("streamrp2p-supporter"),
            // A user without a home: beside the program's working directory, as a last resort.
            None => PathBuf::from("streamrp2p-supporter"),
        })
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
    fn the_data_directory_can_be_chosen() {
        let options = Options::try_parse_from(["streamr-app", "--data-dir", "/somewhere"]).unwrap();
        assert_eq!(options.data_dir(), PathBuf::from("/somewhere"));
    }
}
