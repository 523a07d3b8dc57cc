//! A small origin that misbehaves on command, and a signer whose publisher only writes down.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::StatusCode;
use streamr_hls::{Cadence, TrackerConfig};
use streamr_model::{Manifest, SecretKey, Signed};
use streamr_relay::origin::{OriginPatience, OriginReader};
use streamr_signer::epochs::Epochs;
use streamr_signer::event::{Event, Reporter};
use streamr_signer::follow::{Follower, LiveNow, Source};
use streamr_signer::publish::Publisher;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

/// How a file is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Well,
    Status(u16),
    /// Nothing comes.
    Silent,
    /// Half of what was announced comes.
    Truncated,
    /// A web page.
    Html,
    /// 100 MB.
    Huge,
    /// 100,000 lines.
    ManyLines,
    NotUtf8,
}

/// What the origin has.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) playlist: Behaviour,
    /// Of segments whose name has a mark of its own: name and behaviour.
    pub(crate) spoiled: Vec<(String, Behaviour)>,
    pub(crate) first: u64,
    pub(crate) segments: Vec<(String, Bytes)>,
    pub(crate) header: String,
    /// What the index says instead of naming segments.
    pub(crate) multivariant: Option<String>,
    /// Playlists beside the index: how each is answered, and the segments it names.
    pub(crate) renditions: BTreeMap<String, (Behaviour, Vec<String>)>,
}

pub(crate) struct Origin {
    pub(crate) url: Url,
    files: Arc<Mutex<Files>>,
    serving: JoinHandle<()>,
}

type Shared = Arc<Mutex<Files>>;

impl Origin {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/live/index.m3u8", listener.local_addr().unwrap()).parse().unwrap();
        let files = Files {
            playlist: Behaviour::Well,
            spoiled: vec![],
            first: 0,
            segments: vec![],
            header: String::new(),
            multivariant: None,
            renditions: BTreeMap::new(),
        };
        let files = Arc::new(Mutex::new(files));
        let serving = serve(listener, files.clone());
        Self { url, files, serving }
    }

    pub(crate) fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap()
    }

    /// Appends a segment whose bytes tell it from all others of any origin.
    pub(crate) fn publishes(&self, name: &str, content: &str) -> Bytes {
        let mut bytes = vec![0x47];
        bytes.extend_from_slice(content.repeat(9000).as_bytes());
        let bytes = Bytes::from(bytes);
        self.files().segments.push((name.into(), bytes.clone()));
        bytes
    }

    /// The index offers variants of these bandwidths, the media playlist of each called after it. They are empty.
    pub(crate) fn offers(&self, bandwidths: impl IntoIterator<Item = u64>) {
        let mut files = self.files();
        let mut index = String::from("#EXTM3U\n");
        for bps in bandwidths {
            index += &format!("#EXT-X-STREAM-INF:BANDWIDTH={bps},CODECS=\"avc1.64001f\"\n{bps}.m3u8\n");
            files.renditions.insert(format!("{bps}.m3u8"), (Behaviour::Well, vec![]));
        }
        files.multivariant = Some(index);
    }

    /// Appends a segment to a variant's playlist.
    pub(crate) fn publishes_at(&self, bps: u64, name: &str, content: &str) -> Bytes {
        let bytes = self.publishes(name, content);
        let named =
            self.files().renditions.get_mut(&format!("{bps}.m3u8")).map(|(_, names)| names.push(name.into()));
        named.unwrap();
        bytes
    }

    /// From now on a variant's playlist is answered like this.
    pub(crate) fn answers(&self, bps: u64, behaviour: Behaviour) {
        self.files().renditions.get_mut(&format!("{bps}.m3u8")).unwrap().0 = behaviour;
    }

    /// Refuses connections.
    pub(crate) async fn goes_down(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }

    pub(crate) async fn comes_up(&mut self) {
        let address = self.url.socket_addrs(|| None).unwrap()[0];
        self.serving = serve(TcpListener::bind(address).await.unwrap(), self.files.clone());
    }
}

fn serve(listener: TcpListener, files: Shared) -> JoinHandle<()> {
    let router = Router::new().route("/live/{file}", axum::routing::get(file)).with_state(files);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
}

async fn file(State(files): State<Shared>, Path(name): Path<String>) -> Response {
    let (behaviour, bytes) = {
        let files = files.lock().unwrap();
        if name == "index.m3u8" {
            let index = files.multivariant.clone();
            (files.playlist, Some(index.unwrap_or_else(|| playlist(&files)).into()))
        } else if let Some((behaviour, names)) = files.renditions.get(&name) {
            (*behaviour, Some(listing(files.first, "", names).into()))
        } else {
            let spoiled = files.spoiled.iter().find(|(spoiled, _)| *spoiled == name);
            let found = files.segments.iter().find(|(segment, _)| *segment == name);
            (spoiled.map_or(Behaviour::Well, |(_, how)| *how), found.map(|(_, bytes)| bytes.clone()))
        }
    };
    let Some(bytes) = bytes else { return StatusCode::NOT_FOUND.into_response() };
    // Closing every connection lets the origin go down at once, and is what SRS does.
    ([("connection", "close")], answer(behaviour, bytes).await).into_response()
}

fn playlist(files: &Files) -> String {
    let names = files.segments.iter().map(|(name, _)| name).filter(|name| !name.starts_with("init"));
    listing(files.first, &files.header, names)
}

fn listing<'a>(first: u64, header: &str, names: impl IntoIterator<Item = &'a String>) -> String {
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n{header}");
    for name in names {
        text += &format!("#EXTINF:1.000, no desc\n{name}\n");
    }
    text
}

async fn answer(behaviour: Behaviour, bytes: Bytes) -> Response {
    match behaviour {
        Behaviour::Well => bytes.into_response(),
        Behaviour::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Behaviour::Silent => std::future::pending().await,
        Behaviour::Truncated => {
            let half = stream::once(async move { Ok(bytes.slice(..bytes.len() / 2)) });
            let rest = stream::once(async {
                // So that the first half is on its way before the connection breaks.
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(std::io::Error::other("broken off on purpose"))
            });
            ([("content-length", "1000000")], Body::from_stream(half.chain(rest))).into_response()
        }
        Behaviour::Html => ([("content-type", "text/html")], "<html>").into_response(),
        Behaviour::Huge => {
            let chunk = Bytes::from(vec![b'#'; 100_000]);
            Body::from_stream(stream::iter(0..1000).map(move |_| Ok::<_, Infallible>(chunk.clone())))
                .into_response()
        }
        Behaviour::ManyLines => format!("#EXTM3U\n{}", "#\n".repeat(100_000)).into_response(),
        Behaviour::NotUtf8 => b"#EXTM3U\n\xff\xfe".to_vec().into_response(),
    }
}

/// Writes down what is published.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recording(Arc<Mutex<Vec<Published>>>);

type Published = (Signed<Manifest>, Bytes);

impl Publisher for Recording {
    async fn publish(&self, manifest: Signed<Manifest>, segment: Bytes) {
        self.0.lock().unwrap().push((manifest, segment));
    }
}

/// A running signer without swarm and coordinator.
pub(crate) struct Signer {
    pub(crate) live: watch::Receiver<Option<LiveNow>>,
    events: mpsc::Receiver<Event>,
    recording: Recording,
    stop: CancellationToken,
    running: JoinHandle<Recording>,
    directory: tempfile::TempDir,
}

fn is_publication(event: &Event) -> bool {
    match event {
        Event::OfRendition(_, event) => is_publication(event),
        event => matches!(event, Event::Published { .. }),
    }
}

pub(crate) fn key() -> SecretKey {
    SecretKey::from_seed([3; 32])
}

impl Signer {
    /// A signer that came before the live.
    pub(crate) async fn start(origin: &Origin) -> Self {
        Self::start_in(origin, tempfile::tempdir().unwrap()).await
    }

    pub(crate) async fn start_in(origin: &Origin, directory: tempfile::TempDir) -> Self {
        origin.files().playlist = Behaviour::Status(404);
        let mut signer = Self::spawn(&origin.url, directory);
        signer.until(|event| matches!(event, Event::OriginTrouble(_))).await;
        origin.files().playlist = Behaviour::Well;
        signer
    }

    fn spawn(origin: &Url, directory: tempfile::TempDir) -> Self {
        let stall = Duration::from_millis(300);
        let patience = OriginPatience { stall, connect: stall, ..OriginPatience::default() };
        let config =
            TrackerConfig { cadence: Cadence::Every(Duration::from_millis(20)), ..TrackerConfig::default() };
        let (live, watched) = watch::channel(None);
        let (sender, events) = mpsc::channel(1024);
        let recording = Recording::default();
        let source =
            Source { origin: origin.clone(), config, stream: "alice".parse().unwrap(), key: Arc::new(key()) };
        let follower = Follower::new(
            source,
            OriginReader::new(origin, patience).unwrap(),
            Epochs::open(&directory.path().join("key")).unwrap(),
            recording.clone(),
            live,
            Reporter::new(Some(sender)),
        );
        let stop = CancellationToken::new();
        let running = tokio::spawn(follower.run(stop.clone()));
        Self { live: watched, events, recording, stop, running, directory }
    }

    /// The next event that `wanted` accepts; the ones before it are dropped.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let next = async {
            loop {
                let event = self.events.recv().await.expect("the signer runs");
                if wanted(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), next).await.expect("the event comes within ten seconds")
    }

    /// Waits until `count` segments are published, verifies them and gives them.
    pub(crate) async fn published(&mut self, count: usize) -> Vec<(Manifest, Bytes)> {
        while self.recording.0.lock().unwrap().len() < count {
            self.until(is_publication).await;
        }
        let recorded = self.recording.0.lock().unwrap().clone();
        let verified = |(signed, bytes): Published| {
            let manifest = signed.verify_stream(&key().stream_key()).unwrap();
            manifest.check().unwrap();
            assert_eq!(Manifest::hash_blocks(&bytes), manifest.block_hashes);
            (manifest, bytes)
        };
        recorded.into_iter().map(verified).collect()
    }

    pub(crate) async fn stop(self) -> tempfile::TempDir {
        self.stop.cancel();
        self.running.await.unwrap();
        self.directory
    }
}
