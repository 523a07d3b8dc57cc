//! The loop from the origin to the publisher.
//!
//! One playlist or one segment is in memory at a time. Every failure is an [`Event`]; none ends the loop.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use streamr_hls::{Map, OriginState, OriginTracker, Playlist, ReadFailure, TrackedSegment, Update};
use streamr_model::{BitsPerSecond, Manifest, UnixMs};
use streamr_relay::origin::{OriginError, OriginReader};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::epochs::Epochs;
use crate::event::{Event, Reporter};
use crate::manifests::{ManifestSigner, SignError};
use crate::publish::Publisher;

/// Times a segment is asked for while the origin fails in a way that may pass.
const ATTEMPTS: u32 = 3;
/// Segments over which the bit rate is measured.
const RATE_SEGMENTS: usize = 8;

/// A live that is running, as the coordinator shall know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveNow {
    /// When the epoch began.
    pub since: UnixMs,
    /// Measured over the last segments.
    pub bitrate: BitsPerSecond,
}

/// Why a segment was not published.
#[derive(Debug, thiserror::Error)]
enum Unpublished {
    /// It could not be read.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// It is nothing to sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Follows an origin, signs, publishes.
pub struct Follower<P> {
    reader: OriginReader,
    tracker: OriginTracker,
    epochs: Epochs,
    signer: ManifestSigner,
    publisher: P,
    live: watch::Sender<Option<LiveNow>>,
    reporter: Reporter,
    init: Option<(Map, Bytes)>,
    rate: VecDeque<(u64, u64)>,
}

impl<P: Publisher> Follower<P> {
    /// Follows the origin of `tracker` through `reader`. What is `live` is told as it changes.
    pub fn new(
        reader: OriginReader,
        tracker: OriginTracker,
        epochs: Epochs,
        signer: ManifestSigner,
        publisher: P,
        live: watch::Sender<Option<LiveNow>>,
        reporter: Reporter,
    ) -> Self {
        Self { reader, tracker, epochs, signer, publisher, live, reporter, init: None, rate: VecDeque::new() }
    }

    /// Follows until `stop`; gives the publisher back.
    pub async fn run(mut self, stop: CancellationToken) -> P {
        loop {
            let due = tokio::time::Instant::from_std(self.tracker.next_read());
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(due) => {}
            }
            // A read under way is dropped at stop; nothing half-signed can come of it.
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.step() => {}
            }
        }
        self.live.send_replace(None);
        self.publisher
    }

    /// One read of the playlist and of what is new in it.
    async fn step(&mut self) {
        let started = Instant::now();
        let update = match self.read_playlist().await {
            Ok(playlist) => {
                let update = self.tracker.handle_playlist(playlist, started);
                if update.confused {
                    let text = "it names only other multivariant playlists, or no variant at all";
                    self.reporter.report(Event::OriginTrouble(text.into()));
                } else if update.variants.is_empty() {
                    self.reporter.report(Event::OriginWell);
                }
                update
            }
            Err((failure, reason)) => {
                self.reporter.report(Event::OriginTrouble(reason));
                self.tracker.handle_failure(failure, Instant::now())
            }
        };
        self.handle(update).await;
    }

    async fn read_playlist(&self) -> Result<Playlist, (ReadFailure, String)> {
        let fetched = self.reader.fetch_playlist(self.tracker.url()).await.map_err(|error| {
            let failure = if error.is_not_found() { ReadFailure::NotFound } else { ReadFailure::Other };
            (failure, error.to_string())
        })?;
        Playlist::read(&fetched.bytes, &fetched.url).map_err(|error| (ReadFailure::Other, error.to_string()))
    }

    async fn handle(&mut self, update: Update) {
        let seen_at = unix_now();
        if let [best, _, ..] = &update.variants[..] {
            let (count, bandwidth_bps) = (update.variants.len(), best.bandwidth_bps);
            self.reporter.report(Event::VariantsIgnored { count, bandwidth_bps });
        }
        if let Some(state) = update.state {
            self.reporter.report(Event::Origin(state));
        }
        for tracked in update.segments {
            self.segment(&tracked, seen_at).await;
        }
        if self.tracker.state() != OriginState::Live {
            self.live.send_if_modified(|live| live.take().is_some());
        }
    }

    async fn segment(&mut self, tracked: &TrackedSegment, seen_at: UnixMs) {
        if let Some(reason) = tracked.begins_epoch {
            self.begin_epoch(seen_at, &format!("{reason:?}"));
        }
        let sequence = tracked.segment.sequence;
        if tracked.lost_before > 0 {
            self.reporter.report(Event::SegmentsMissed { count: tracked.lost_before, sequence });
        }
        if let Err(error) = self.publish(tracked, seen_at).await {
            self.signer.skip();
            self.reporter.report(Event::SegmentLost { sequence, reason: error.to_string() });
        }
    }

    fn begin_epoch(&mut self, now: UnixMs, reason: &str) {
        let (epoch, kept) = self.epochs.begin(now);
        if let Err(error) = kept {
            self.reporter.report(Event::EpochNotKept(error.to_string()));
        }
        self.signer.begin(epoch);
        // Names are used again, and an initialisation section behind a known name may be another.
        self.init = None;
        self.rate.clear();
        self.reporter.report(Event::EpochBegan { epoch, reason: reason.into() });
    }

    /// Reads, signs and publishes one segment.
    async fn publish(&mut self, tracked: &TrackedSegment, seen_at: UnixMs) -> Result<(), Unpublished> {
        let init = match tracked.segment.map.clone() {
            Some(map) => Some(self.init(&map).await?),
            None => None,
        };
        let bytes = self.fetch(tracked).await?;
        let (manifest, sequence) = self.signer.sign(tracked, &bytes, init.as_ref(), seen_at)?;
        self.measure(bytes.len() as u64, tracked.segment.duration_us);
        self.publisher.publish(manifest, bytes).await;
        let epoch = self.signer.epoch();
        let live = LiveNow { since: UnixMs(epoch.0), bitrate: self.bitrate() };
        self.live.send_replace(Some(live));
        self.reporter.report(Event::Published { epoch, sequence });
        Ok(())
    }

    async fn fetch(&self, tracked: &TrackedSegment) -> Result<Bytes, OriginError> {
        let segment = &tracked.segment;
        let mut attempt = 1;
        loop {
            let answer = self.reader.fetch_segment(&segment.uri, segment.byte_range).await;
            match answer {
                // A file that is gone stays gone, and a slow origin has had its time.
                Err(
                    OriginError::Down { .. } | OriginError::Status { .. } | OriginError::Truncated { .. },
                ) if attempt < ATTEMPTS => {
                    tokio::time::sleep(std::time::Duration::from_millis(200) * attempt).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    /// The initialisation section of `map`, read once per epoch.
    async fn init(&mut self, map: &Map) -> Result<Bytes, OriginError> {
        if let Some((known, bytes)) = &self.init
            && known == map
        {
            return Ok(bytes.clone());
        }
        let bytes = self.reader.fetch_segment(&map.uri, map.byte_range).await?;
        if bytes.len() > Manifest::MAX_INIT_LEN {
            return Err(OriginError::TooLarge { limit: Manifest::MAX_INIT_LEN as u64 });
        }
        self.init = Some((map.clone(), bytes.clone()));
        Ok(bytes)
    }

    fn measure(&mut self, len: u64, duration_us: u64) {
        if self.rate.len() >= RATE_SEGMENTS {
            self.rate.pop_front();
        }
        self.rate.push_back((len, duration_us));
    }

    fn bitrate(&self) -> BitsPerSecond {
        let (bytes, us) = self.rate.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        BitsPerSecond(bytes.saturating_mul(8_000_000) / us.max(1))
    }
}

/// This machine's clock.
pub fn unix_now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
