//! The local playback server: what is shared with the driver, and where it listens.
//!
//! Only whole, verified segments in playing order are ever seen here. A segment's blocks are the very
//! buffers they were received in; serving copies nothing but what the kernel copies.
//!
//! A stream of several renditions has a shelf for each, and its address leads to the multivariant playlist
//! that its manifests describe. Who asks for a rendition's files plays it; nobody having asked for a while,
//! its shelf is taken down.

mod serve;
mod shelf;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use streamr_hls::{SegmentId, multivariant};
use streamr_model::{Manifest, RenditionId, StreamEpoch, StreamId, UnixMs};
use streamr_relay_core::Interest;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::api::RelayError;
use shelf::{File, Shelf};

/// A player that asked within this time counts as watching.
const VIEWER_SPAN: Duration = Duration::from_secs(30);
/// The most players told apart.
const MAX_VIEWERS: usize = 64;
/// A rendition of several is played for so many target durations after it was asked for, and at least so long:
/// more than a player waits for a first segment before it asks again.
const PLAYED_TARGETS: u32 = 3;
const PLAYED_LEAST: Duration = Duration::from_secs(15);

/// A rendition of the stream here.
#[derive(Debug, Default)]
struct Room {
    shelf: Option<Shelf>,
    asked: Option<Instant>,
    /// Its next shelf begins no lower, so that a player which comes back goes on.
    next_number: u64,
}

impl Room {
    fn is_played(&self) -> bool {
        let targets = self.shelf.as_ref().map_or(Duration::ZERO, Shelf::target_duration) * PLAYED_TARGETS;
        self.asked.is_some_and(|asked| asked.elapsed() < targets.max(PLAYED_LEAST))
    }

    fn clear(&mut self) {
        if let Some(shelf) = self.shelf.take() {
            self.next_number = self.next_number.max(shelf.next_number());
        }
    }
}

#[derive(Debug)]
struct House {
    /// Attribute lists of the renditions, by the newest manifest; empty where there is one.
    variants: Vec<String>,
    /// Epoch and time of that manifest.
    described_at: Option<(StreamEpoch, UnixMs)>,
    /// [`Manifest::MAX_RENDITIONS`] at most.
    rooms: BTreeMap<RenditionId, Room>,
    limit_bytes: u64,
    viewers: HashMap<(IpAddr, String), Instant>,
}

/// What the driver and the server share.
#[derive(Debug)]
pub(crate) struct Playback {
    stream: StreamId,
    house: Mutex<House>,
    bytes_played: AtomicU64,
    /// Grows with every segment and description, so that a player that came too early can wait.
    filled: watch::Sender<u64>,
    /// A rendition was asked for that nobody played.
    asked: Notify,
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
    /// Empty. Over `limit_bytes` the oldest segments are taken down early, and players that lag get a 404.
    pub(crate) fn new(stream: StreamId, limit_bytes: u64) -> Self {
        let house = House {
            variants: Vec::new(),
            described_at: None,
            rooms: BTreeMap::new(),
            limit_bytes,
            viewers: HashMap::new(),
        };
        Self {
            stream,
            house: Mutex::new(house),
            bytes_played: AtomicU64::new(0),
            filled: watch::Sender::new(0),
            asked: Notify::new(),
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

    /// Takes what a manifest of the stream says of its renditions, whether its segment will be whole here or not.
    pub(crate) fn describe(&self, manifest: &Manifest) {
        if self.lock().describe(manifest) {
            self.filled.send_modify(|count| *count += 1);
        }
    }

    /// Puts the next segment of its rendition in playing order on the shelf.
    pub(crate) fn push(&self, manifest: &Manifest, blocks: Vec<Bytes>, now: UnixMs) {
        if self.lock().put(manifest, blocks, now) {
            self.filled.send_modify(|count| *count += 1);
        }
    }

    /// How much is wanted of each rendition. What is played no more is taken down.
    pub(crate) fn interests(&self) -> Vec<(RenditionId, Interest)> {
        self.lock().interests()
    }

    /// Returns once a rendition was asked for that nobody played before.
    pub(crate) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Players that asked lately.
    pub(crate) fn viewers(&self) -> u32 {
        let mut house = self.lock();
        house.viewers.retain(|_, asked| asked.elapsed() < VIEWER_SPAN);
        u32::try_from(house.viewers.len()).unwrap_or(u32::MAX)
    }

    /// Bytes of media given to players.
    pub(crate) fn bytes_played(&self) -> u64 {
        self.bytes_played.load(Ordering::Relaxed)
    }

    fn note_viewer(&self, ip: IpAddr, agent: &str) {
        let mut house = self.lock();
        let viewer = (ip, agent.chars().take(120).collect());
        if house.viewers.len() < MAX_VIEWERS || house.viewers.contains_key(&viewer) {
            house.viewers.insert(viewer, Instant::now());
        }
    }

    /// A player asks for something of a rendition. False if the stream has no such rendition.
    fn note_asked(&self, rendition: RenditionId) -> bool {
        let mut house = self.lock();
        let is_known = house.described_at.is_none() || usize::from(rendition.0) < house.variants.len().max(1);
        if !is_known || usize::from(rendition.0) >= Manifest::MAX_RENDITIONS {
            return false;
        }
        let room = house.rooms.entry(rendition).or_default();
        let is_news = !room.is_played();
        room.asked = Some(Instant::now());
        if is_news {
            self.asked.notify_one();
        }
        true
    }

    /// What the stream's own address leads to: the multivariant playlist where there are several renditions, else
    /// the media playlist; `None` before the first manifest or segment.
    fn index_text(&self) -> Option<Bytes> {
        let house = self.lock();
        if house.variants.is_empty() { house.text(RenditionId(0)) } else { Some(house.multivariant()) }
    }

    /// A rendition's media playlist; `None` before its first segment.
    fn playlist_text(&self, rendition: RenditionId) -> Option<Bytes> {
        self.lock().text(rendition)
    }

    fn file(&self, rendition: RenditionId, name: &str) -> Option<File> {
        self.lock().rooms.get(&rendition)?.shelf.as_ref()?.file(name)
    }

    fn lock(&self) -> MutexGuard<'_, House> {
        // Nothing in here panics half way through a change.
        self.house.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl House {
    fn text(&self, rendition: RenditionId) -> Option<Bytes> {
        self.rooms.get(&rendition)?.shelf.as_ref()?.text()
    }

    fn multivariant(&self) -> Bytes {
        multivariant::render(&self.variants, |rendition| format!("{rendition}/index.m3u8")).into()
    }

    /// Returns whether that is news.
    fn describe(&mut self, manifest: &Manifest) -> bool {
        let at = (manifest.epoch, manifest.published_at);
        if self.described_at.is_some_and(|before| at < before) {
            return false;
        }
        let is_first = self.described_at.replace(at).is_none();
        let is_other = self.variants != manifest.variants();
        if is_other {
            self.variants = manifest.variants().to_vec();
        }
        is_first || is_other
    }

    fn interests(&mut self) -> Vec<(RenditionId, Interest)> {
        if self.variants.is_empty() {
            return vec![(RenditionId(0), Interest::Whole)];
        }
        let of = |rendition: RenditionId| {
            let mut room = self.rooms.get_mut(&rendition);
            if room.as_ref().is_some_and(|room| room.is_played()) {
                return (rendition, Interest::Whole);
            }
            if let Some(room) = &mut room {
                room.clear();
            }
            (rendition, Interest::OwnStripes)
        };
        (0..).map(RenditionId).take(self.variants.len()).map(of).collect()
    }

    /// Returns whether the segment was taken.
    fn put(&mut self, manifest: &Manifest, blocks: Vec<Bytes>, now: UnixMs) -> bool {
        let first_number = self.first_number(manifest, now);
        let room = self.rooms.entry(manifest.rendition()).or_default();
        let shelf = room.shelf.get_or_insert_with(|| Shelf::new(first_number.max(room.next_number)));
        if let Err(error) = shelf.put(manifest, blocks, now) {
            tracing::warn!(
                segment.rendition = manifest.rendition().0,
                segment.seq = manifest.sequence.0,
                %error,
                "not played"
            );
            return false;
        }
        self.make_room();
        true
    }

    /// Where a new shelf's numbers begin: in step with other renditions, so that a player which goes from one to
    /// another finds what is on at the same number. Without others, above those of any earlier run, so that a
    /// player which stayed through a restart goes on: segments are at least a second long and seconds only grow.
    fn first_number(&self, manifest: &Manifest, now: UnixMs) -> u64 {
        let id = SegmentId { epoch: manifest.epoch, sequence: manifest.sequence };
        let shelves = self.rooms.values().filter_map(|room| room.shelf.as_ref());
        shelves.filter_map(|shelf| shelf.number_at(id)).next().unwrap_or(now.0 / 1_000)
    }

    /// Takes down what is over the limit, of whatever rendition takes most.
    fn make_room(&mut self) {
        loop {
            let mut shelves: Vec<&mut Shelf> =
                self.rooms.values_mut().filter_map(|room| room.shelf.as_mut()).collect();
            let held: u64 = shelves.iter().map(|shelf| shelf.bytes()).sum();
            if held <= self.limit_bytes {
                return;
            }
            shelves.retain(|shelf| shelf.segments() > 1);
            let Some(largest) = shelves.into_iter().max_by_key(|shelf| shelf.bytes()) else { return };
            largest.take_down_oldest();
        }
    }
}

#[cfg(test)]
mod tests;
