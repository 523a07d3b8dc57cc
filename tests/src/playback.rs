//! A real player as the judge of what a node serves.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::binaries::of_system;
use crate::error::{Result, TestnetError};

/// What ffmpeg said of a live playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaybackReport {
    /// It decoded to the end and its exit code was 0.
    pub clean_exit: bool,
    /// Every line it wrote at the level of warnings.
    pub complaints: Vec<String>,
}

impl PlaybackReport {
    /// Nothing to complain about: the strongest thing ffmpeg can say.
    pub fn is_perfect(&self) -> bool {
        self.clean_exit && self.complaints.is_empty()
    }

    /// Complaints, and one more for an unclean end.
    pub fn errors(&self) -> usize {
        self.complaints.len() + usize::from(!self.clean_exit)
    }
}

/// Decodes `media` worth of the live playlist at `url`, as fast as it comes.
pub fn check_playback(url: &str, media: Duration) -> Result<PlaybackReport> {
    let mut ffmpeg = Command::new(of_system("ffmpeg")?);
    ffmpeg.args(["-hide_banner", "-nostdin", "-xerror", "-v", "warning", "-i", url]);
    ffmpeg.args(["-t", &media.as_secs().to_string(), "-f", "null", "-"]).stdin(Stdio::null());
    let output = ffmpeg.output();
    let output = output.map_err(|source| TestnetError::Spawn { name: "ffmpeg".into(), source })?;
    let complaints = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
    Ok(PlaybackReport { clean_exit: output.status.success(), complaints })
}
