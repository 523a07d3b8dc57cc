//! The streamer: ffmpeg publishing a moving test picture with sound over RTMP.

use std::path::Path;

use crate::binaries::of_system;
use crate::error::Result;
use crate::process::{Managed, Stdout, command};

/// What is published.
#[derive(Debug, Clone, Copy)]
pub struct PublisherOptions {
    /// Constant video bit rate; padding keeps it there whatever the picture.
    pub video_kbps: u32,
    /// Distance of key frames in whole seconds: the origin's segment length.
    pub gop_s: u32,
    /// End by itself after so many seconds; `None` goes on.
    pub length_s: Option<u32>,
}

impl Default for PublisherOptions {
    fn default() -> Self {
        Self { video_kbps: 4000, gop_s: 2, length_s: None }
    }
}

/// A running publisher.
#[derive(Debug)]
pub struct Publisher {
    process: Managed,
}

const FRAMES_PER_S: u32 = 25;
/// A small picture costs little CPU; the padding makes up the bit rate.
const SIZE: &str = "640x360";

impl Publisher {
    /// Starts publishing to `rtmp_url`.
    pub fn start(rtmp_url: &str, options: PublisherOptions, log: &Path) -> Result<Self> {
        let PublisherOptions { video_kbps, gop_s, length_s } = options;
        let rate = format!("{video_kbps}k");
        let gop = (FRAMES_PER_S * gop_s).to_string();
        let picture = format!("testsrc2=size={SIZE}:rate={FRAMES_PER_S}");
        let clock =
            "drawtext=text='%{localtime}':x=12:y=h-40:fontsize=26:fontcolor=white:box=1:boxcolor=black";
        let mut ffmpeg = command(&of_system("ffmpeg")?);
        ffmpeg.args(["-hide_banner", "-nostdin", "-loglevel", "warning", "-re"]);
        ffmpeg.args(["-f", "lavfi", "-i", &picture]);
        ffmpeg.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]);
        if let Some(length_s) = length_s {
            ffmpeg.args(["-t", &length_s.to_string()]);
        }
        ffmpeg.args(["-vf", clock, "-pix_fmt", "yuv420p"]);
        ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1"]);
        ffmpeg.args(["-g", &gop, "-keyint_min", &gop, "-sc_threshold", "0"]);
        ffmpeg.args(["-b:v", &rate, "-minrate", &rate, "-maxrate", &rate, "-bufsize", &rate]);
        ffmpeg.args(["-x264-params", "nal-hrd=cbr:force-cfr=1"]);
        // The padding comes with SEI messages that nginx puts before the parameter sets they refer to, of
        // which every decoder complains.
        ffmpeg.args(["-bsf:v", "filter_units=remove_types=6"]);
        ffmpeg.args(["-c:a", "aac", "-b:a", "96k", "-f", "flv", rtmp_url]);
        Ok(Self { process: Managed::start("publisher (ffmpeg)", ffmpeg, log, Stdout::Log)? })
    }

    /// The process.
    pub fn process(&mut self) -> &mut Managed {
        &mut self.process
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin_nginx::{OriginNginx, OriginOptions};
    use crate::playback::check_playback;
    use std::time::Duration;

    #[test]
    fn what_is_published_plays_from_the_origin_without_a_complaint_at_the_promised_rate() {
        let dir = tempfile::tempdir().unwrap();
        let options = OriginOptions { fragment_s: 1, keep_segments: true, ..OriginOptions::default() };
        let origin = OriginNginx::start(&dir.path().join("origin"), options).unwrap();
        let options = PublisherOptions { gop_s: 1, ..PublisherOptions::default() };
        let log = dir.path().join("publisher.log");
        let mut publisher = Publisher::start(&origin.rtmp_url("alice"), options, &log).unwrap();
        origin.wait_live("alice", Duration::from_secs(20)).unwrap();

        let report = check_playback(&origin.playlist_url("alice"), Duration::from_secs(4)).unwrap();
        assert!(report.is_perfect(), "{report:?}");
        publisher.process().check_alive().unwrap();

        let segments = origin.requests().unwrap();
        let lengths: Vec<u64> =
            segments.iter().filter(|r| r.path.ends_with(".ts")).map(|r| r.body_bytes).collect();
        assert!(lengths.len() >= 4, "{lengths:?}");
        // 4 Mb/s of video, 96 kb/s of sound and the container's overhead make 0.53 MB a second.
        for len in &lengths[1..] {
            assert!((450_000..650_000).contains(len), "{lengths:?}");
        }
    }
}
