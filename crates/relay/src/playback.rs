//! The local playback server: what is shared with the driver, and where it listens.
//!
//! Only whole, verified segments in playing order are ever seen here. A segment's blocks are the very
//! buffers they were received in; serving copies nothing but what the kernel copies.

mod serve;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use streamr_hls::{LivePlaylist, LiveSegment, LiveWindow, SegmentId};
use streamr_model::{Manifest, SegmentContainer, StreamId, UnixMs};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::RelayError;

/// A player that asked within this time counts as watching.
const VIEWER_SPAN: Duration = Duration::from_secs(30);
/// The most players told apart.
const MAX_VIEWERS: usize = 64;

/// A file as players see it.
#[derive(Debug, Clone)]
struct File {
    content_type: &'static str,
    len: u64,
    pieces: Arc<[Bytes]>,
}

#[derive(Debug)]
struct Shelf {
    playlist: LivePlaylist,
    /// The playlist as players get it: written once for each segment. Empty before the first one.
    text: Bytes,
    files: HashMap<String, File>,
    /// Names of files by the segment they belong to.
    names: BTreeMap<SegmentId, Vec<String>>,
    limit_bytes: u64,
    viewers: HashMap<(IpAddr, String), Instant>,
}

/// What the driver and the server share.
#[derive(Debug)]
pub(crate) struct Playback {
    stream: StreamId,
    shelf: Mutex<Shelf>,
    bytes_played: AtomicU64,
    /// Grows with every segment, so that a player that came too early can wait.
    filled: watch::Sender<u64>,
}

/// A listening server. Ends when dropped.
#[derive(Debug)]
pub(crate) struct PlaybackServer {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for PlaybackServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Playback {
    /// Empty. `now` makes the media sequence start above that of any earlier run, so that a player which
    /// stayed through a restart goes on: segments are at least a second long and seconds only grow.
    /// Over `limit_bytes` the oldest segments are taken down early, and players that lag get a 404.
    pub(crate) fn new(stream: StreamId, limit_bytes: u64, now: UnixMs) -> Self {
        let window = LiveWindow { first_number: now.0 / 1_000, ..LiveWindow::default() };
        let shelf = Shelf {
            playlist: LivePlaylist::new(window),
            text: Bytes::new(),
            files: HashMap::new(),
            names: BTreeMap::new(),
            limit_bytes,
            viewers: HashMap::new(),
        };
        Self {
            stream,
            shelf: Mutex::new(shelf),
            bytes_played: AtomicU64::new(0),
            filled: watch::Sender::new(0),
        }
    }

    /// Listens and serves until the server is dropped.
    pub(crate) async fn serve(self: &Arc<Self>, at: SocketAddr) -> Result<PlaybackServer, RelayError> {
        let failed = |source| RelayError::Listen { what: format!("{at} for local players"), source };
        let listener = TcpListener::bind(at).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let router = serve::router(Arc::clone(self)).into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "local playback ended");
            }
        });
        Ok(PlaybackServer { address, task })
    }

    /// Puts the next segment in playing order on the shelf.
    pub(crate) fn push(&self, manifest: &Manifest, blocks: Vec<Bytes>, now: UnixMs) {
        let id = SegmentId { epoch: manifest.epoch, sequence: manifest.sequence };
        let (ending, content_type) = match manifest.container {
            SegmentContainer::MpegTs => ("ts", "video/mp2t"),
            SegmentContainer::Fmp4 => ("m4s", "video/mp4"),
        };
        let name = format!("{}-{}.{ending}", id.epoch.0, id.sequence.0);
        let init = manifest.init.as_ref().map(|init| {
            let bytes = Bytes::copy_from_slice(init);
            (format!("init-{}.mp4", &blake3::hash(init).to_hex()[..16]), bytes)
        });
        let init_name = init.as_ref().map(|(name, _)| name.clone());
        let mut shelf = self.lock();
        let segment = LiveSegment::from_manifest(manifest, name.clone(), init_name);
        if let Err(error) = shelf.playlist.push(segment, now) {
            tracing::warn!(segment.seq = id.sequence.0, %error, "not played");
            return;
        }
        let file = File { content_type, len: u64::from(manifest.len), pieces: blocks.into() };
        let mut names = vec![name.clone()];
        shelf.files.insert(name, file);
        if let Some((name, bytes)) = init {
            names.push(name.clone());
            let file = File { content_type: "video/mp4", len: bytes.len() as u64, pieces: [bytes].into() };
            shelf.files.insert(name, file);
        }
        shelf.names.insert(id, names);
        shelf.expire(now);
        shelf.text = shelf.playlist.render().into();
        drop(shelf);
        self.filled.send_modify(|count| *count += 1);
    }

    /// Players that asked lately.
    pub(crate) fn viewers(&self) -> u32 {
        let mut shelf = self.lock();
        shelf.viewers.retain(|_, asked| asked.elapsed() < VIEWER_SPAN);
        u32::try_from(shelf.viewers.len()).unwrap_or(u32::MAX)
    }

    /// Bytes of media given to players.
    pub(crate) fn bytes_played(&self) -> u64 {
        self.bytes_played.load(Ordering::Relaxed)
    }

    fn note_viewer(&self, ip: IpAddr, agent: &str) {
        let mut shelf = self.lock();
        let viewer = (ip, agent.chars().take(120).collect());
        if shelf.viewers.len() < MAX_VIEWERS || shelf.viewers.contains_key(&viewer) {
            shelf.viewers.insert(viewer, Instant::now());
        }
    }

    /// The playlist; `None` before the first segment.
    fn playlist_text(&self) -> Option<Bytes> {
        let text = self.lock().text.clone();
        (!text.is_empty()).then_some(text)
    }

    fn file(&self, name: &str) -> Option<File> {
        self.lock().files.get(name).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        // Nothing in here panics half way through a change.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// Takes down what no playlist names any more and RFC 8216 section 6.2.2 no longer keeps.
    fn expire(&mut self, now: UnixMs) {
        for id in self.playlist.expire(now) {
            self.take_down(id);
        }
        while self.names.len() > 1 && self.files.values().map(|file| file.len).sum::<u64>() > self.limit_bytes
        {
            let Some(oldest) = self.names.first_key_value().map(|(id, _)| *id) else { return };
            self.take_down(oldest);
        }
    }

    fn take_down(&mut self, id: SegmentId) {
        for name in self.names.remove(&id).unwrap_or_default() {
            if !self.names.values().flatten().any(|kept| *kept == name) {
                self.files.remove(&name);
            }
        }
    }
}
