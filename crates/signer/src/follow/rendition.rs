//! One rendition: its playlist followed, its segments read, signed, published.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use streamr_hls::{
    Map, OriginState, OriginTracker, Playlist, ReadFailure, Renditions, TrackedSegment, TrackerConfig,
    Update, VariantChoice,
};
use streamr_model::{BitsPerSecond, Manifest, RenditionId, UnixMs};
use streamr_relay::origin::OriginError;

use super::{Follower, Source, unix_now};
use crate::event::{Event, Reporter};
use crate::manifests::{ManifestSigner, SignError};
use crate::publish::Publisher;

/// Times a segment is asked for while the origin fails in a way that may pass.
const ATTEMPTS: u32 = 3;
/// Segments over which the bit rate is measured.
const RATE_SEGMENTS: usize = 8;

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

/// See the module.
pub(super) struct Rendition {
    id: RenditionId,
    tracker: OriginTracker,
    signer: ManifestSigner,
    reporter: Reporter,
    init: Option<(Map, Bytes)>,
    rate: VecDeque<(u64, u64)>,
}

impl Rendition {
    pub(super) fn new(id: RenditionId, source: &Source, reporter: Reporter) -> Self {
        let variant = VariantChoice::Carried(usize::from(id.0));
        let config = TrackerConfig { variant, ..source.config };
        Self {
            id,
            tracker: OriginTracker::new(source.origin.clone(), config, Instant::now()),
            signer: ManifestSigner::new(source.stream.clone(), source.key.clone(), id),
            reporter,
            init: None,
            rate: VecDeque::new(),
        }
    }

    /// See [`OriginTracker::expect_live`].
    pub(super) fn expect_live(&mut self) {
        self.tracker.expect_live();
    }

    /// When [`Rendition::step`] is due.
    pub(super) fn next_read(&self) -> Instant {
        self.tracker.next_read()
    }

    /// One read of the playlist and of what is new in it.
    pub(super) async fn step<P: Publisher>(&mut self, follower: &Follower<P>) {
        let started = Instant::now();
        let is_root = *self.tracker.url() == follower.source.origin;
        let update = match self.read_playlist(follower).await {
            Ok(Playlist::Media(_)) if is_root && self.is_superfluous(follower) => return,
            Ok(playlist) => self.take(follower, playlist, started),
            Err((failure, reason)) => {
                self.report(follower, Event::OriginTrouble(reason));
                self.tracker.handle_failure(failure, Instant::now())
            }
        };
        self.handle(follower, update).await;
    }

    async fn read_playlist<P>(&self, follower: &Follower<P>) -> Result<Playlist, (ReadFailure, String)> {
        let fetched = follower.reader.fetch_playlist(self.tracker.url()).await.map_err(|error| {
            let failure = if error.is_not_found() { ReadFailure::NotFound } else { ReadFailure::Other };
            (failure, error.to_string())
        })?;
        Playlist::read(&fetched.bytes, &fetched.url).map_err(|error| (ReadFailure::Other, error.to_string()))
    }

    /// A media playlist stands at the root: there is one rendition. Returns whether that is another than this.
    fn is_superfluous<P: Publisher>(&mut self, follower: &Follower<P>) -> bool {
        self.adopt(follower, &Renditions::default());
        self.id != RenditionId(0)
    }

    fn take<P: Publisher>(&mut self, follower: &Follower<P>, playlist: Playlist, started: Instant) -> Update {
        let is_media = matches!(playlist, Playlist::Media(_));
        let update = self.tracker.handle_playlist(playlist, started);
        let found = Renditions::of(update.variants.clone());
        if !update.variants.is_empty() {
            self.adopt(follower, &found);
        }
        if update.confused && follower.common().is_followed(self.id) {
            let text = if found.apart > 0 && found.carried.is_empty() {
                "every variant keeps its sound or its picture apart (EXT-X-MEDIA), and that is not carried"
            } else {
                "it names only other multivariant playlists, or no variant at all"
            };
            self.report(follower, Event::OriginTrouble(text.into()));
        } else if is_media {
            self.report(follower, Event::OriginWell);
        }
        update
    }

    /// Takes what the root offers. The first to find news tells of it.
    fn adopt<P: Publisher>(&mut self, follower: &Follower<P>, found: &Renditions) {
        if !follower.common().adopt(found, &self.tracker) {
            return;
        }
        let signed = found.carried.len();
        if signed > 1 {
            self.reporter.report(Event::Renditions { signed });
        }
        if found.apart + found.too_many > 0 {
            self.reporter.report(Event::VariantsLeftOut { apart: found.apart, too_many: found.too_many });
        }
    }

    async fn handle<P: Publisher>(&mut self, follower: &Follower<P>, update: Update) {
        let seen_at = unix_now();
        if let Some(state) = update.state {
            self.report(follower, Event::Origin(state));
        }
        for tracked in update.segments {
            self.segment(follower, &tracked, seen_at).await;
        }
        if self.tracker.state() != OriginState::Live {
            follower.common().note_gone(self.id);
        }
    }

    async fn segment<P: Publisher>(
        &mut self,
        follower: &Follower<P>,
        tracked: &TrackedSegment,
        seen_at: UnixMs,
    ) {
        if let Some(reason) = tracked.begins_epoch {
            self.begin_epoch(follower, seen_at, &format!("{reason:?}"));
        }
        let sequence = tracked.segment.sequence;
        if tracked.lost_before > 0 {
            self.report(follower, Event::SegmentsMissed { count: tracked.lost_before, sequence });
        }
        if let Err(error) = self.publish(follower, tracked, seen_at).await {
            self.signer.skip();
            self.report(follower, Event::SegmentLost { sequence, reason: error.to_string() });
        }
    }

    fn begin_epoch<P: Publisher>(&mut self, follower: &Follower<P>, now: UnixMs, reason: &str) {
        let (epoch, kept) = follower.common().begin_epoch(self.id, now);
        if let Err(error) = kept {
            self.report(follower, Event::EpochNotKept(error.to_string()));
        }
        self.signer.begin(epoch);
        // Names are used again, and an initialisation section behind a known name may be another.
        self.init = None;
        self.rate.clear();
        self.report(follower, Event::EpochBegan { epoch, reason: reason.into() });
    }

    /// Reads, signs and publishes one segment.
    async fn publish<P: Publisher>(
        &mut self,
        follower: &Follower<P>,
        tracked: &TrackedSegment,
        seen_at: UnixMs,
    ) -> Result<(), Unpublished> {
        let init = match tracked.segment.map.clone() {
            Some(map) => Some(self.init(follower, &map).await?),
            None => None,
        };
        let bytes = fetch(follower, tracked).await?;
        let variants = follower.common().variants();
        let (manifest, sequence) = self.signer.sign(tracked, &bytes, init.as_ref(), variants, seen_at)?;
        self.measure(bytes.len() as u64, tracked.segment.duration_us);
        follower.publisher.publish(manifest, bytes).await;
        follower.common().note_live(self.id, self.bitrate());
        self.report(follower, Event::Published { epoch: self.signer.epoch(), sequence });
        Ok(())
    }

    /// The initialisation section of `map`, read once per epoch.
    async fn init<P>(&mut self, follower: &Follower<P>, map: &Map) -> Result<Bytes, OriginError> {
        if let Some((known, bytes)) = &self.init
            && known == map
        {
            return Ok(bytes.clone());
        }
        let bytes = follower.reader.fetch_segment(&map.uri, map.byte_range).await?;
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

    /// Says which rendition it is about where there are several.
    fn report<P: Publisher>(&mut self, follower: &Follower<P>, event: Event) {
        let is_one_of_several = !follower.common().variants().is_empty();
        let event = if is_one_of_several { Event::OfRendition(self.id, event.into()) } else { event };
        self.reporter.report(event);
    }
}

async fn fetch<P>(follower: &Follower<P>, tracked: &TrackedSegment) -> Result<Bytes, OriginError> {
    let segment = &tracked.segment;
    let mut attempt = 1;
    loop {
        let answer = follower.reader.fetch_segment(&segment.uri, segment.byte_range).await;
        match answer {
            // A file that is gone stays gone, and a slow origin has had its time.
            Err(OriginError::Down { .. } | OriginError::Status { .. } | OriginError::Truncated { .. })
                if attempt < ATTEMPTS =>
            {
                tokio::time::sleep(Duration::from_millis(200) * attempt).await;
                attempt += 1;
            }
            answer => return answer,
        }
    }
}
