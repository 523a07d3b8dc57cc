//! ffmpeg: decodes everything and is never satisfied with less than perfect.

use std::fs;
use std::time::Duration;

use crate::binaries::of_system;
use crate::error::{Result, TestnetError, WithPath};
use crate::playback::PlaybackReport;
use crate::poll::{Look, until};
use crate::process::{Managed, Stdout, command};

/// Said by ffmpeg 5.1 of every stream joined between two key frames, and harmless.
const HARMLESS: [&str; 1] = ["non-existing SPS 0"];

/// Said by ffmpeg 5.1 where a DISCONTINUITY joins two transport streams: its HLS reader puts them through
/// one demuxer, which misses packets between their continuity counters and sees time jump back.
const SAID_AT_JOINTS: [&str; 3] = ["corrupt", "out of order", "non monotonically increasing dts"];

/// Whether the encoder may be interrupted while ffmpeg watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joints {
    /// Any complaint counts, and the first ends it.
    None,
    /// What ffmpeg always says of a DISCONTINUITY does not count.
    Expected,
}

/// Decodes `media` worth of the playlist at `url`, within `deadline`.
///
/// A live playlist that stands still keeps ffmpeg waiting for ever; the deadline makes that an error.
pub fn decode(url: &str, media: Duration, joints: Joints, deadline: Duration) -> Result<PlaybackReport> {
    let temporary = std::env::temp_dir();
    let directory = tempfile::tempdir().at(temporary)?;
    let log = directory.path().join("ffmpeg.log");
    let mut ffmpeg = command(&of_system("ffmpeg")?);
    ffmpeg.args(["-hide_banner", "-nostdin", "-v", "warning"]);
    if joints == Joints::None {
        ffmpeg.arg("-xerror");
    }
    ffmpeg.args(["-i", url]);
    ffmpeg.args(["-t", &media.as_secs().to_string(), "-f", "null", "-"]);
    let mut player = Managed::start("ffmpeg", ffmpeg, &log, Stdout::Log)?;
    let ended = until("ffmpeg to decode", deadline, || {
        Ok(player.exit_status()?.map_or_else(|| Look::NotYet(player.tail()), Look::Yes))
    });
    let status = ended.map_err(|error| with_url(error, url))?;
    let text = fs::read_to_string(&log).at(&log)?;
    let at_joints = if joints == Joints::Expected { SAID_AT_JOINTS.as_slice() } else { &[] };
    let complains = |line: &&str| !HARMLESS.iter().chain(at_joints).any(|harmless| line.contains(harmless));
    let complaints = text.lines().filter(complains).map(str::to_owned).collect();
    Ok(PlaybackReport { clean_exit: status.success(), complaints })
}

fn with_url(error: TestnetError, url: &str) -> TestnetError {
    match error {
        TestnetError::Deadline { what, waited, last } => {
            TestnetError::Deadline { what: format!("{what} {url}"), waited, last }
        }
        other => other,
    }
}
