//! The settings file, `settings.toml`: every key documented in the file itself.
//!
//! Three layers, later ones win: the defaults, the file, and what one run was given by flag or environment
//! ([`Overrides`]). A key of a later version is kept and told of, never dropped. Overrides are not written
//! back to the file.

mod costs;
mod file;
mod range;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use streamr_model::StreamId;

use crate::data_dir;
use crate::view::{UiError, UiErrorCode};

pub use costs::Costs;
pub use file::{ReadSettings, parse, render};
pub use range::OutOfRange;

/// Every setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The coordinator's address.
    pub coordinator: Option<String>,
    /// The stream to support.
    pub stream: Option<StreamId>,
    /// Streams shown first in the chooser.
    pub favourites: Vec<StreamId>,
    /// What is given to peers never exceeds this.
    pub upload_cap_bps: u64,
    /// Measure the uplink, use a share of it, and less while others need it.
    pub give_way: bool,
    /// Go on supporting after a restart.
    pub resume_on_start: bool,
    /// How long after publication a segment must be complete here.
    pub live_delay_ms: u64,
    /// The most media kept in memory.
    pub store_limit_mb: u64,
    /// Where local players find the stream, on the loopback interface; 0 picks a port.
    pub playback_port: u16,
    /// Where peers reach this node, over UDP and TCP; 0 picks a port.
    pub peer_port: u16,
    /// The interface that peers reach.
    pub listen_ip: IpAddr,
    /// The longest time between two reports, whatever the coordinator asks for.
    pub heartbeat_max_s: u64,
    /// What supporting costs the person; `None` where they have not said. No flag sets it.
    pub costs: Option<Costs>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            coordinator: None,
            stream: None,
            favourites: Vec::new(),
            upload_cap_bps: 10_000_000,
            give_way: true,
            resume_on_start: true,
            live_delay_ms: 6000,
            store_limit_mb: 256,
            playback_port: 8765,
            peer_port: 0,
            listen_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            heartbeat_max_s: 60,
            costs: None,
        }
    }
}

/// What one run was given by flag or environment. What is absent leaves the file's setting as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// See [`Settings::coordinator`].
    pub coordinator: Option<String>,
    /// See [`Settings::stream`].
    pub stream: Option<StreamId>,
    /// See [`Settings::favourites`].
    pub favourites: Option<Vec<StreamId>>,
    /// See [`Settings::upload_cap_bps`].
    pub upload_cap_bps: Option<u64>,
    /// See [`Settings::give_way`].
    pub give_way: Option<bool>,
    /// See [`Settings::resume_on_start`].
    pub resume_on_start: Option<bool>,
    /// See [`Settings::live_delay_ms`].
    pub live_delay_ms: Option<u64>,
    /// See [`Settings::store_limit_mb`].
    pub store_limit_mb: Option<u64>,
    /// See [`Settings::playback_port`].
    pub playback_port: Option<u16>,
    /// See [`Settings::peer_port`].
    pub peer_port: Option<u16>,
    /// See [`Settings::listen_ip`].
    pub listen_ip: Option<IpAddr>,
    /// See [`Settings::heartbeat_max_s`].
    pub heartbeat_max_s: Option<u64>,
}

impl Overrides {
    /// `file` with what is given here in its place.
    pub fn over(&self, file: &Settings) -> Settings {
        let given = self.clone();
        Settings {
            coordinator: given.coordinator.or_else(|| file.coordinator.clone()),
            stream: given.stream.or_else(|| file.stream.clone()),
            favourites: given.favourites.unwrap_or_else(|| file.favourites.clone()),
            upload_cap_bps: given.upload_cap_bps.unwrap_or(file.upload_cap_bps),
            give_way: given.give_way.unwrap_or(file.give_way),
            resume_on_start: given.resume_on_start.unwrap_or(file.resume_on_start),
            live_delay_ms: given.live_delay_ms.unwrap_or(file.live_delay_ms),
            store_limit_mb: given.store_limit_mb.unwrap_or(file.store_limit_mb),
            playback_port: given.playback_port.unwrap_or(file.playback_port),
            peer_port: given.peer_port.unwrap_or(file.peer_port),
            listen_ip: given.listen_ip.unwrap_or(file.listen_ip),
            heartbeat_max_s: given.heartbeat_max_s.unwrap_or(file.heartbeat_max_s),
            costs: file.costs.clone(),
        }
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is there but cannot be read.
    #[error("“{path}” cannot be read: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A line is wrong.
    #[error("line {line}: {what}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it, and what would be right.
        what: String,
    },
    /// A setting that was given by flag or environment is out of its range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// The settings file's place in a data directory.
pub fn path_in(data_dir: &Path) -> PathBuf {
    data_dir.join("settings.toml")
}

/// Reads the settings file of a data directory; the defaults where there is none. Changes nothing.
pub fn read(data_dir: &Path) -> Result<ReadSettings, SettingsError> {
    let path = path_in(data_dir);
    match data_dir::read_if_present(&path) {
        Ok(Some(text)) => parse(&text),
        Ok(None) => Ok(ReadSettings::default()),
        Err(source) => Err(SettingsError::Io { path, source }),
    }
}

/// Like [`read`], but an unreadable file is moved aside, so that nothing in it is lost when the defaults are
/// written in its place.
pub(crate) fn read_or_set_aside(data_dir: &Path) -> (ReadSettings, Option<UiError>) {
    match read(data_dir) {
        Ok(read) => {
            let unknown = read.unknown_keys().join(", ");
            let notice = (!unknown.is_empty()).then(|| {
                UiError::new(
                    UiErrorCode::SettingInvalid,
                    format!("The settings file has keys that this version does not know ({unknown}); check their spelling."),
                    "kept as they are",
                )
            });
            (read, notice)
        }
        Err(error) => {
            let path = path_in(data_dir);
            let aside = data_dir::keep_aside(&path).unwrap_or(path);
            let notice = UiError::new(
                UiErrorCode::SettingInvalid,
                format!(
                    "The settings could not be used ({error}), so the defaults are; your file is kept as “{}”.",
                    aside.display()
                ),
                format!("{error:?}"),
            );
            (ReadSettings::default(), Some(notice))
        }
    }
}

/// Writes the settings file of a data directory, whole or not at all.
pub(crate) fn write(data_dir: &Path, settings: &ReadSettings) -> Result<(), UiError> {
    let path = path_in(data_dir);
    data_dir::write_whole(&path, render(settings).as_bytes())
        .map_err(|error| UiError::data_directory("Writing", &path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_that_is_absent_never_overrides_the_file() {
        let file = Settings {
            coordinator: Some("https://a.example".into()),
            stream: Some("alice".parse().unwrap()),
            favourites: vec!["bob".parse().unwrap()],
            upload_cap_bps: 1_000_000,
            give_way: false,
            resume_on_start: false,
            live_delay_ms: 7000,
            store_limit_mb: 64,
            playback_port: 1,
            peer_port: 2,
            listen_ip: "127.0.0.1".parse().unwrap(),
            heartbeat_max_s: 30,
            costs: Some(Costs { currency: "EUR".into(), power_w: 1, power_per_kwh: 2, data_per_gb: 3 }),
        };
        assert_eq!(Overrides::default().over(&file), file);
    }

    #[test]
    fn a_flag_that_is_given_wins_over_the_file() {
        let given = Overrides {
            upload_cap_bps: Some(2_000_000),
            resume_on_start: Some(false),
            ..Overrides::default()
        };
        let expected = Settings { upload_cap_bps: 2_000_000, resume_on_start: false, ..Settings::default() };
        assert_eq!(given.over(&Settings::default()), expected);
    }

    #[test]
    fn an_unreadable_file_is_kept_aside_and_its_line_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(path_in(dir.path()), "# mine\nupload_cap_bps = lots\n").unwrap();
        let (read, notice) = read_or_set_aside(dir.path());
        assert_eq!(read.settings, Settings::default());
        assert!(notice.unwrap().message.contains("line 2"));
        let aside = std::fs::read_to_string(dir.path().join("settings.toml.unreadable-1")).unwrap();
        assert!(aside.contains("lots"));
    }
}
