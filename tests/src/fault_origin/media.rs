//! Real media for the origin: MPEG-TS segments of about two seconds, encoded by ffmpeg.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Segments in a take: two minutes.
const SEGMENTS: usize = 60;

/// One segment's media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// The MPEG-TS bytes.
    pub bytes: Arc<[u8]>,
    /// How long it plays.
    pub duration: Duration,
}

/// What an encoder sends between connecting and leaving: clips that follow each other without a break.
#[derive(Debug, PartialEq, Eq)]
pub struct Take {
    /// In playing order.
    pub clips: Vec<Clip>,
}

/// Why there is no media.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// ffmpeg is not installed, or the disk is full.
    #[error("ffmpeg cannot make test segments: {0}")]
    Io(#[from] std::io::Error),
    /// ffmpeg ran and failed.
    #[error("ffmpeg cannot make test segments: {0}")]
    Ffmpeg(String),
}

static TAKES: Mutex<BTreeMap<u32, Arc<Take>>> = Mutex::new(BTreeMap::new());

impl Take {
    /// Take `number`, encoded the first time this process asks for it. Different numbers are different bytes.
    pub fn number(number: u32) -> Result<Arc<Self>, MediaError> {
        let mut takes = TAKES.lock().unwrap_or_else(|dead| dead.into_inner());
        if let Some(take) = takes.get(&number) {
            return Ok(Arc::clone(take));
        }
        let take = Arc::new(Self::encode(number)?);
        takes.insert(number, Arc::clone(&take));
        Ok(take)
    }

    /// The clips are read into memory, so nothing is left on disk.
    fn encode(number: u32) -> Result<Self, MediaError> {
        let dir = tempfile::tempdir()?;
        let playlist = dir.path().join("take.m3u8");
        let picture = format!("testsrc2=size=480x270:rate=15,hue=h={}", number % 8 * 45);
        let tone = format!("sine=frequency={}:sample_rate=44100", 440 + 110 * (number % 8));
        let seconds = (SEGMENTS * 2).to_string();
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &tone])
            .args(["-t", &seconds, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"])
            .args(["-b:v", "1500k", "-maxrate", "1500k", "-bufsize", "1500k"])
            .args(["-g", "30", "-keyint_min", "30", "-sc_threshold", "0", "-c:a", "aac", "-b:a", "96k"])
            .args(["-f", "hls", "-hls_time", "2", "-hls_list_size", "0", "-hls_segment_filename"])
            .arg(dir.path().join("%d.ts"))
            .arg(&playlist)
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            return Err(MediaError::Ffmpeg(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let clips = read_clips(dir.path(), &std::fs::read_to_string(playlist)?)?;
        Ok(Self { clips })
    }
}

fn read_clips(dir: &Path, playlist: &str) -> Result<Vec<Clip>, MediaError> {
    let durations = playlist.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    let mut clips = Vec::new();
    for (index, duration) in durations.enumerate() {
        let seconds: f64 = duration
            .trim_end_matches(',')
            .parse()
            .map_err(|_| MediaError::Ffmpeg(format!("an unreadable duration: {duration}")))?;
        let bytes = std::fs::read(dir.join(format!("{index}.ts")))?;
        clips.push(Clip { bytes: bytes.into(), duration: Duration::from_secs_f64(seconds) });
    }
    // The last clip may be a stub of a few frames.
    clips.truncate(SEGMENTS);
    if clips.is_empty() {
        return Err(MediaError::Ffmpeg("no segment was written".into()));
    }
    Ok(clips)
}
