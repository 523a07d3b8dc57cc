//! VLC without a screen or a sound card, asked over its remote control what it has decoded.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::binaries::of_system;
use crate::error::{Result, TestnetError, WithPath};
use crate::poll::{Look, until};
use crate::ports;
use crate::process::{Managed, Stdout, command};

/// The user who owns nothing, on every Linux.
const NOBODY: &str = "65534";

/// What VLC counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VlcStats {
    /// Pictures decoded.
    pub video_decoded: u64,
    /// Pictures shown.
    pub frames_displayed: u64,
    /// Sound blocks decoded.
    pub audio_decoded: u64,
    /// Packets of the container that were damaged.
    pub demux_corrupted: u64,
    /// Breaks in the stream that nobody announced.
    pub discontinuities: u64,
}

/// A running VLC. As root, which VLC refuses to be, it is started as nobody.
#[derive(Debug)]
pub struct Vlc {
    process: Managed,
    control: u16,
    _home: TempDir,
}

impl Vlc {
    /// Starts to play `url`.
    pub fn start(url: &str) -> Result<Self> {
        let [control] = ports::free()?;
        let home = tempfile::tempdir().at(std::env::temp_dir())?;
        fs::set_permissions(home.path(), Permissions::from_mode(0o777)).at(home.path())?;
        let mut vlc = as_nobody("vlc")?;
        vlc.env("HOME", home.path()).env("XDG_RUNTIME_DIR", home.path()).env_remove("DISPLAY");
        vlc.args(["-I", "rc", "--rc-host", &format!("127.0.0.1:{control}")]);
        vlc.args([
            "--no-video-title-show",
            "--vout",
            "vdummy",
            "--aout",
            "adummy",
            "--no-metadata-network-access",
        ]);
        vlc.arg(url);
        // The log is written by this process's descriptor, so nobody need not be able to open it.
        let process = Managed::start("vlc", vlc, &home.path().join("vlc.log"), Stdout::Log)?;
        Ok(Self { process, control, _home: home })
    }

    /// Waits until what VLC counts satisfies `enough`.
    pub fn until(
        &mut self,
        what: &str,
        deadline: Duration,
        enough: impl Fn(&VlcStats) -> bool,
    ) -> Result<VlcStats> {
        until(what, deadline, || {
            self.process.check_alive()?;
            Ok(match ask_stats(self.control) {
                Ok(stats) if enough(&stats) => Look::Yes(stats),
                Ok(stats) => Look::NotYet(format!("{stats:?}; log: {}", self.process.tail())),
                Err(error) => Look::NotYet(format!("{error}; log: {}", self.process.tail())),
            })
        })
    }
}

/// A command that runs `program` as nobody if this is root, else as whoever this is.
fn as_nobody(program: &str) -> Result<Command> {
    let program = of_system(program)?;
    if !rustix::process::geteuid().is_root() {
        return Ok(command(&program));
    }
    // The signal that ties a child to us is forgotten when its user changes, so it is asked for here.
    let mut other = Command::new(of_system("setpriv")?);
    other.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--pdeathsig", "TERM", "--"]);
    other.arg(program);
    Ok(other)
}

fn ask_stats(port: u16) -> Result<VlcStats> {
    let failed = |reason: std::io::Error| TestnetError::Http {
        request: "asking VLC for its statistics".into(),
        reason: reason.to_string(),
    };
    let mut control = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
    control.set_read_timeout(Some(Duration::from_secs(5))).map_err(failed)?;
    // Only one command is read from what arrives at once.
    control.write_all(b"stats\n").map_err(failed)?;
    let mut stats = VlcStats::default();
    for line in BufReader::new(control).lines().map_while(std::io::Result::ok) {
        if line.contains("end of statistical info") {
            break;
        }
        let Some((name, value)) = line.trim_start_matches('|').split_once(':') else { continue };
        let Some(Ok(value)) = value.split_whitespace().next().map(str::parse) else { continue };
        match name.trim() {
            "video decoded" => stats.video_decoded = value,
            "frames displayed" => stats.frames_displayed = value,
            "audio decoded" => stats.audio_decoded = value,
            "demux corrupted" => stats.demux_corrupted = value,
            "discontinuities" => stats.discontinuities = value,
            _ => {}
        }
    }
    Ok(stats)
}
