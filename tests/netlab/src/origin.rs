//! The origin: nginx serving a folder, and a broadcast that puts a segment of one exact length into it on the
//! beat. So a stream has exactly the bit rate that a bound is calculated with.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use streamr_testnet::http::Client;
use streamr_testnet::node::now_ms;
use streamr_testnet::poll::Look;
use streamr_testnet::process::Stdout;
use streamr_testnet::{Host, Managed, binaries, until};

use crate::error::{LabError, Result};

const PORT: u16 = 8080;
const START_DEADLINE: Duration = Duration::from_secs(10);
/// Segments in the playlist.
const WINDOW: u64 = 7;
/// Files kept on disk: what left the playlist is still served for a while, as RFC 8216 asks.
const KEPT: u64 = 16;
/// An MPEG-TS packet: 4 bytes of head, the rest filling.
const PACKET: usize = 188;
/// Head of a null packet: what players skip.
const NULL_PACKET: [u8; 4] = [0x47, 0x1f, 0xff, 0x10];

/// A stream's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamShape {
    /// MPEG-TS packets in a segment.
    pub segment_packets: u32,
    /// Length of a segment.
    pub segment: Duration,
}

impl StreamShape {
    /// Bytes of a segment.
    pub fn segment_bytes(self) -> u64 {
        u64::from(self.segment_packets) * PACKET as u64
    }

    /// The bit rate.
    pub fn rate_bps(self) -> u64 {
        let ms = u64::try_from(self.segment.as_millis()).unwrap_or(u64::MAX);
        self.segment_bytes() * 8_000 / ms.max(1)
    }
}

/// A segment that was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// Its media sequence number.
    pub sequence: u64,
    /// When the playlist first named it, in Unix milliseconds.
    pub at_ms: u64,
}

/// A running origin. Dropped, it ends.
#[derive(Debug)]
pub struct FolderOrigin {
    process: Managed,
    url: String,
    shape: StreamShape,
    shared: Arc<Shared>,
    clock: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    releases: Vec<Release>,
    failure: Option<io::Error>,
    over: bool,
}

impl FolderOrigin {
    /// Starts an origin of one stream on `host` that keeps everything in `directory`, which is created, and
    /// publishes its first segment. The same `seed` makes the same bytes.
    pub fn start(host: &Host, directory: &Path, shape: StreamShape, seed: u64) -> Result<Self> {
        let folder = directory.join("live");
        fs::create_dir_all(&folder).map_err(|source| LabError::File { path: folder.clone(), source })?;
        let configuration = directory.join("nginx.conf");
        let text = nginx(directory, host);
        fs::write(&configuration, text)
            .map_err(|source| LabError::File { path: configuration.clone(), source })?;
        let mut nginx = host.command(&binaries::of_system("nginx")?)?;
        let log = directory.join("error.log");
        nginx.arg("-p").arg(directory).arg("-c").arg(&configuration).arg("-e").arg(&log);
        let mut process = Managed::start("nginx", nginx, &log, Stdout::Log)?;

        let shared = Arc::new(Shared { state: Mutex::default() });
        let broadcast = Broadcast::new(folder, shape, seed);
        let ticking = shared.clone();
        let clock = std::thread::spawn(move || ticking.run(broadcast));
        let url = format!("http://{}:{PORT}/live/index.m3u8", host.ip);
        let client = Client::new(None).inside(host.namespace.clone());
        let up = until("the origin to show a segment", START_DEADLINE, || {
            process.check_alive()?;
            Ok(match client.get_text(&url) {
                Ok(text) if text.contains("#EXTINF") => Look::Yes(()),
                Ok(text) => Look::NotYet(text),
                Err(error) => Look::NotYet(error.to_string()),
            })
        });
        let origin = Self { process, url, shape, shared, clock: Some(clock) };
        // After the handle is made, so that the clock ends if it failed.
        up?;
        Ok(origin)
    }

    /// The media playlist.
    pub fn playlist_url(&self) -> &str {
        &self.url
    }

    /// What is published.
    pub fn shape(&self) -> StreamShape {
        self.shape
    }

    /// Everything published so far, oldest first; an error if the broadcast could not go on.
    pub fn releases(&self) -> Result<Vec<Release>> {
        let state = self.shared.state.lock().unwrap_or_else(|dead| dead.into_inner());
        match &state.failure {
            Some(error) => {
                let source = io::Error::new(error.kind(), error.to_string());
                Err(LabError::File { path: "the broadcast's folder".into(), source })
            }
            None => Ok(state.releases.clone()),
        }
    }

    /// The process.
    pub fn process(&mut self) -> &mut Managed {
        &mut self.process
    }
}

impl Drop for FolderOrigin {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap_or_else(|dead| dead.into_inner()).over = true;
        if let Some(clock) = self.clock.take() {
            clock.thread().unpark();
            // A panic was told on standard error.
            clock.join().ok();
        }
    }
}

impl Shared {
    /// Publishes on the beat until it is over, or until the disk is.
    fn run(&self, mut broadcast: Broadcast) {
        let begun = Instant::now();
        let mut sequence = 0;
        loop {
            let due = begun + broadcast.shape.segment * u32::try_from(sequence).unwrap_or(u32::MAX);
            while Instant::now() < due {
                if self.is_over() {
                    return;
                }
                std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
            }
            let published = broadcast.publish(sequence);
            let mut state = self.state.lock().unwrap_or_else(|dead| dead.into_inner());
            match published {
                Ok(()) => state.releases.push(Release { sequence, at_ms: now_ms() }),
                Err(error) => {
                    state.failure = Some(error);
                    return;
                }
            }
            sequence += 1;
        }
    }

    fn is_over(&self) -> bool {
        self.state.lock().unwrap_or_else(|dead| dead.into_inner()).over
    }
}

/// Writes segments and playlists.
#[derive(Debug)]
struct Broadcast {
    folder: PathBuf,
    shape: StreamShape,
    filling: SmallRng,
    kept: VecDeque<u64>,
}

impl Broadcast {
    fn new(folder: PathBuf, shape: StreamShape, seed: u64) -> Self {
        Self { folder, shape, filling: SmallRng::seed_from_u64(seed), kept: VecDeque::new() }
    }

    fn publish(&mut self, sequence: u64) -> io::Result<()> {
        let segment = self.segment();
        fs::write(self.file(sequence), segment)?;
        self.kept.push_back(sequence);
        if self.kept.len() as u64 > KEPT
            && let Some(oldest) = self.kept.pop_front()
        {
            fs::remove_file(self.file(oldest))?;
        }
        // Readers see the old playlist or the new one, never half of one.
        let fresh = self.folder.join("index.m3u8.fresh");
        fs::write(&fresh, playlist(self.shape, sequence))?;
        fs::rename(fresh, self.folder.join("index.m3u8"))
    }

    fn file(&self, sequence: u64) -> PathBuf {
        self.folder.join(format!("{sequence}.ts"))
    }

    /// Null packets with chance in them, so that no two segments are alike and nothing compresses.
    fn segment(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; self.shape.segment_packets as usize * PACKET];
        self.filling.fill_bytes(&mut bytes);
        for packet in bytes.chunks_exact_mut(PACKET) {
            packet[..NULL_PACKET.len()].copy_from_slice(&NULL_PACKET);
        }
        bytes
    }
}

/// The playlist when segment `last` was just published.
fn playlist(shape: StreamShape, last: u64) -> String {
    let first = (last + 1).saturating_sub(WINDOW);
    let seconds = shape.segment.as_secs_f64();
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{first}\n",
        seconds.ceil()
    );
    for sequence in first..=last {
        text.push_str(&format!("#EXTINF:{seconds:.3},\n{sequence}.ts\n"));
    }
    text
}

fn nginx(directory: &Path, host: &Host) -> String {
    let (dir, ip) = (directory.display(), host.ip);
    format!(
        r"user root;
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 60;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen {ip}:{PORT};
        root {dir};
        types {{
            application/vnd.apple.mpegurl m3u8;
            video/mp2t ts;
        }}
    }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: StreamShape = StreamShape { segment_packets: 1_000, segment: Duration::from_secs(2) };

    #[test]
    fn a_segment_has_exactly_its_length_and_no_two_are_alike() {
        let mut broadcast = Broadcast::new(PathBuf::new(), SHAPE, 7);
        let (first, second) = (broadcast.segment(), broadcast.segment());
        assert_eq!(first.len() as u64, SHAPE.segment_bytes());
        assert_eq!(SHAPE.rate_bps(), 752_000);
        assert_ne!(first, second);
        assert!(first.chunks(PACKET).all(|packet| packet.starts_with(&NULL_PACKET)));
        assert_eq!(Broadcast::new(PathBuf::new(), SHAPE, 7).segment(), first);
    }

    #[test]
    fn a_playlist_names_the_last_seven_segments() {
        assert!(playlist(SHAPE, 2).contains("SEQUENCE:0\n#EXTINF:2.000,\n0.ts\n"));
        let later = playlist(SHAPE, 9);
        assert!(later.contains("SEQUENCE:3\n") && later.ends_with("9.ts\n"));
        assert_eq!(later.matches("#EXTINF").count(), 7);
    }
}
