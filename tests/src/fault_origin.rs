//! An HLS origin with the habits of SRS, which misbehaves on command.
//!
//! It answers as SRS 6.0 was recorded to: a two-level playlist with a fresh `hls_ctx` for each load of the
//! first, Range ignored, `Connection: Close`, no caching headers, 404 the moment a segment leaves the
//! window, a playlist that stays as it is after the encoder left, and a sequence that starts again at 0
//! with file names used before. The media is real: ffmpeg encodes it. The test holds the clock, or lends
//! it to the origin with [`FaultOrigin::publish_by_clock`].

mod fault;
mod live;
mod log;
mod media;

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use fault::{Fault, Scope};
pub use live::{Disk, Gap, Published};
pub use log::{Log, Served, Tally};
pub use media::{Clip, MediaError, Take};

use crate::http_server::{HttpServer, Reply, Request};
use fault::PLAYLIST_TYPE;
use live::{Answer, Live};

/// Why the origin could not start.
#[derive(Debug, thiserror::Error)]
pub enum FaultOriginError {
    /// There is nothing to publish.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// No port could be listened on.
    #[error("the fault origin cannot listen: {0}")]
    Listen(#[from] io::Error),
}

/// The origin. Dropping it closes everything.
#[derive(Debug)]
pub struct FaultOrigin {
    stream: String,
    server: HttpServer,
    shared: Arc<Shared>,
    clock: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Signalled when the clock should look at the state again.
    clock_changed: Condvar,
}

#[derive(Debug)]
struct State {
    live: Live,
    encoder: Encoder,
    faults: Vec<(Scope, Fault)>,
    published: Vec<Published>,
    /// Paths of segments that somebody has read whole since they were published.
    read_whole: BTreeSet<String>,
    log: Log,
    /// When the clock publishes next; `None` while the test holds it.
    due: Option<Instant>,
    over: bool,
}

/// The encoder behind the origin: walks through a take, then connects again with the next.
#[derive(Debug)]
struct Encoder {
    number: u32,
    take: Arc<Take>,
    position: usize,
}

impl FaultOrigin {
    /// An origin on a free port of 127.0.0.1 to which no encoder has published yet.
    pub fn start(stream: &str) -> Result<Self, FaultOriginError> {
        let encoder = Encoder { number: 0, take: Take::number(0)?, position: 0 };
        let state = State {
            live: Live::new(stream),
            encoder,
            faults: Vec::new(),
            published: Vec::new(),
            read_whole: BTreeSet::new(),
            log: Log::default(),
            due: None,
            over: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), clock_changed: Condvar::new() });
        let answering = Arc::clone(&shared);
        let server = HttpServer::start(move |request, reply| answering.answer(request, reply))?;
        let ticking = Arc::clone(&shared);
        let clock = Some(std::thread::spawn(move || ticking.run_clock()));
        Ok(Self { stream: stream.to_owned(), server, shared, clock })
    }

    /// The multivariant playlist.
    pub fn playlist_url(&self) -> String {
        format!("http://{}/live/{}.m3u8", self.server.address(), self.stream)
    }

    /// Every segment published since the start, oldest first.
    pub fn published(&self) -> Vec<Published> {
        self.shared.state().published.clone()
    }

    /// What was asked and answered since the start.
    pub fn log(&self) -> Log {
        self.shared.state().log.clone()
    }

    /// Publishes the next segment now.
    pub fn publish(&self) -> Result<Published, MediaError> {
        self.shared.state().publish()
    }

    /// Publishes a segment now and from then on each time the last one has played.
    pub fn publish_by_clock(&self) {
        self.shared.state().due = Some(Instant::now());
        self.shared.clock_changed.notify_all();
    }

    /// The encoder leaves: nothing more is published, the playlist stays as it is, with status 200.
    pub fn freeze(&self) {
        self.shared.state().due = None;
    }

    /// The encoder comes back after a while, with other media. Nothing is published yet.
    pub fn republish(&self, gap: Gap) -> Result<(), MediaError> {
        let mut state = self.shared.state();
        state.live.republish(gap);
        state.encoder.next_take()
    }

    /// The server restarts and the encoder comes back with other media. Nothing is published yet.
    pub fn restart(&self, disk: Disk) -> Result<(), MediaError> {
        let mut state = self.shared.state();
        state.live.restart(disk);
        state.encoder.next_take()
    }

    /// From now on requests in `scope` are answered badly. Of several faults the latest counts.
    pub fn misbehave(&self, scope: Scope, fault: Fault) {
        self.shared.state().faults.push((scope, fault));
        if fault == Fault::Down {
            self.server.go_down();
        }
    }

    /// Takes all faults back.
    pub fn behave(&self) -> io::Result<()> {
        self.shared.state().faults.clear();
        self.server.come_up()
    }
}

impl Drop for FaultOrigin {
    fn drop(&mut self) {
        self.shared.state().over = true;
        self.shared.clock_changed.notify_all();
        if let Some(clock) = self.clock.take() {
            // The clock has nothing to say; if it panicked, its message is on stderr.
            drop(clock.join());
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|dead| dead.into_inner())
    }

    fn answer(&self, request: &Request, reply: &mut Reply) -> io::Result<()> {
        let (answer, fault) = {
            let mut state = self.state();
            let read_before = state.read_whole.contains(&request.path);
            let fault = state.faults.iter().rev().find(|(scope, _)| scope.covers(&request.path, read_before));
            let fault = fault.map(|(_, fault)| *fault);
            (state.live.answer(&request.path, &request.query), fault)
        };
        let (status, content_type, body): (u16, &str, &[u8]) = match &answer {
            Answer::Playlist(text) => (200, PLAYLIST_TYPE, text.as_bytes()),
            Answer::Segment(clip) => (200, "video/MP2T", &clip.bytes),
            Answer::NotFound => (404, "text/plain; charset=utf-8", b"Not Found"),
        };
        let outcome = match fault {
            Some(fault) => fault.answer(reply, status, content_type, body),
            None => reply.whole(status, content_type, body),
        };
        let mut state = self.state();
        if outcome.is_ok() && fault.is_none() && matches!(answer, Answer::Segment(_)) {
            state.read_whole.insert(request.path.clone());
        }
        state.log.add(Served {
            at: Instant::now(),
            from: request.from.ip(),
            agent: request.header("user-agent").unwrap_or_default().to_owned(),
            path: request.path.clone(),
            query: request.query.clone(),
            range: request.header("range").map(str::to_owned),
            status: reply.status(),
            bytes: reply.body_bytes(),
        });
        outcome
    }

    fn run_clock(&self) {
        let mut state = self.state();
        while !state.over {
            let now = Instant::now();
            let wait = match state.due {
                Some(due) if due <= now => {
                    // ffmpeg made a take before, so it fails only where it was taken away meanwhile.
                    state.due = state.publish().ok().map(|published| due + published.clip.duration);
                    continue;
                }
                Some(due) => due - now,
                None => Duration::from_secs(3600),
            };
            state = self.clock_changed.wait_timeout(state, wait).unwrap_or_else(|dead| dead.into_inner()).0;
        }
    }
}

impl State {
    fn publish(&mut self) -> Result<Published, MediaError> {
        if self.encoder.position == self.encoder.take.clips.len() {
            self.live.republish(Gap::Short);
            self.encoder.next_take()?;
        }
        let clip = self.encoder.take.clips[self.encoder.position].clone();
        self.encoder.position += 1;
        let published = self.live.publish(clip);
        self.read_whole.remove(&format!("/live/{}", published.name));
        self.published.push(published.clone());
        Ok(published)
    }
}

impl Encoder {
    fn next_take(&mut self) -> Result<(), MediaError> {
        *self = Self { number: self.number + 1, take: Take::number(self.number + 1)?, position: 0 };
        Ok(())
    }
}

#[cfg(test)]
mod tests;
