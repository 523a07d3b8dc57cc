//! An origin that offers a live in two variants: ffmpeg encodes both and writes playlists and segments into a
//! folder, which is served with Range, as nginx would.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::binaries::of_system;
use crate::error::{Result, TestnetError, WithPath};
use crate::http_server::{HttpServer, Reply, Request};
use crate::players::sha256;
use crate::poll::{Look, until};
use crate::process::{Managed, Stdout, command};

/// The variants by the names of their playlists, in the order of the multivariant playlist.
pub const VARIANTS: [&str; 2] = ["high", "low"];

const MASTER: &str = "master.m3u8";
/// Until both variants have a segment.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// The origin. Dropped, everything of it ends.
#[derive(Debug)]
pub struct VariantOrigin {
    server: HttpServer,
    encoder: Managed,
    folder: PathBuf,
    /// Bytes of segments that were asked for by Range, by file name: nodes do that, the signer does not.
    ranged: Arc<Mutex<BTreeMap<String, u64>>>,
}

/// A segment as the encoder wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its file.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

impl VariantOrigin {
    /// Starts to encode into `directory`, which is created, and returns when both variants have a segment.
    pub fn start(directory: &Path) -> Result<Self> {
        let folder = directory.join("live");
        fs::create_dir_all(&folder).at(&folder)?;
        let encoder = encode(&folder, &directory.join("encoder.log"))?;
        let ranged: Arc<Mutex<BTreeMap<String, u64>>> = Arc::default();
        let (served, counted) = (folder.clone(), Arc::clone(&ranged));
        let server = HttpServer::start(move |request, reply| answer(&served, &counted, request, reply))
            .map_err(|source| TestnetError::Spawn { name: "the variant origin".into(), source })?;
        let mut origin = Self { server, encoder, folder, ranged };
        until("both variants to have a segment", START_DEADLINE, || {
            origin.encoder.check_alive()?;
            let missing = [MASTER, "high.m3u8", "low.m3u8"].into_iter();
            let missing: Vec<_> = missing.filter(|name| !origin.folder.join(name).exists()).collect();
            Ok(if missing.is_empty() { Look::Yes(()) } else { Look::NotYet(format!("{missing:?} missing")) })
        })?;
        Ok(origin)
    }

    /// The multivariant playlist.
    pub fn playlist_url(&self) -> String {
        format!("http://{}/live/{MASTER}", self.server.address())
    }

    /// Every segment of a variant so far, by the SHA-256 of its bytes.
    pub fn written(&self, variant: &str) -> Result<BTreeMap<[u8; 32], Written>> {
        let mut written = BTreeMap::new();
        for entry in fs::read_dir(&self.folder).at(&self.folder)? {
            let path = entry.at(&self.folder)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if name.starts_with(&format!("{variant}-")) && name.ends_with(".ts") {
                let bytes = fs::read(&path).at(&path)?;
                written.insert(sha256(&bytes), Written { name, len: bytes.len() as u64 });
            }
        }
        Ok(written)
    }

    /// Bytes of this file that nodes have been given.
    pub fn given(&self, name: &str) -> u64 {
        let ranged = self.ranged.lock().unwrap_or_else(PoisonError::into_inner);
        ranged.get(name).copied().unwrap_or(0)
    }
}

fn encode(folder: &Path, log: &Path) -> Result<Managed> {
    let mut ffmpeg = command(&of_system("ffmpeg")?);
    ffmpeg.current_dir(folder);
    ffmpeg.args(["-hide_banner", "-nostdin", "-loglevel", "warning", "-re"]);
    ffmpeg.args(["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25"]);
    ffmpeg.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]);
    ffmpeg.args(["-map", "0:v", "-map", "1:a", "-map", "0:v", "-map", "1:a", "-pix_fmt", "yuv420p"]);
    ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1"]);
    ffmpeg.args(["-g", "50", "-keyint_min", "50", "-sc_threshold", "0"]);
    for (stream, rate) in [("0", "1600k"), ("1", "500k")] {
        for option in ["-b:v", "-maxrate:v", "-bufsize:v"] {
            ffmpeg.args([&format!("{option}:{stream}"), rate]);
        }
    }
    ffmpeg.args(["-s:v:1", "320x180", "-c:a", "aac", "-b:a", "96k"]);
    ffmpeg.args(["-f", "hls", "-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "temp_file"]);
    let variants = format!("v:0,a:0,name:{} v:1,a:1,name:{}", VARIANTS[0], VARIANTS[1]);
    ffmpeg.args(["-master_pl_name", MASTER, "-var_stream_map", &variants]);
    ffmpeg.args(["-hls_segment_filename", "%v-%d.ts", "%v.m3u8"]);
    Managed::start("encoder (ffmpeg)", ffmpeg, log, Stdout::Log)
}

fn answer(
    folder: &Path,
    ranged: &Mutex<BTreeMap<String, u64>>,
    request: &Request,
    reply: &mut Reply,
) -> io::Result<()> {
    let name = request.path.strip_prefix("/live/").filter(|name| !name.contains('/')).unwrap_or_default();
    let Ok(bytes) = fs::read(folder.join(name)) else {
        return reply.whole(404, "text/plain; charset=utf-8", b"Not Found");
    };
    if name.ends_with(".m3u8") {
        return reply.whole(200, "application/vnd.apple.mpegurl", &bytes);
    }
    let Some(part) = request.header("range").and_then(|range| span(range, bytes.len())) else {
        return reply.whole(200, "video/mp2t", &bytes);
    };
    reply.part("video/mp2t", &bytes, part)?;
    let mut ranged = ranged.lock().unwrap_or_else(PoisonError::into_inner);
    *ranged.entry(name.to_owned()).or_default() += reply.body_bytes();
    Ok(())
}

/// First and last byte of `bytes=0-99`, where there are such bytes.
fn span(range: &str, len: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < len).then_some((first, last))
}
