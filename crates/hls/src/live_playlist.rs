//! The media playlist a node serves to local players: complete segments in, an honest live window out.
//!
//! Decisions, where RFC 8216 leaves one or an origin forces one:
//! - The playlist counts for itself. Its media sequence goes on over origin restarts and over lost
//!   segments; both are bridged with a DISCONTINUITY.
//! - The target duration never falls, and rises only together with a DISCONTINUITY: at an epoch whose
//!   target is longer. Within an epoch it is constant, as section 6.2.1 asks; a signer begins a new epoch
//!   before it signs a longer segment.
//! - The window holds at least six segments and three target durations (section 6.2.2).
//! - A segment that leaves the window stays available for its duration plus that of the longest playlist
//!   it was in (section 6.2.2). [`LivePlaylist::expire`] says when that time is over.
//! - A segment without EXT-X-PROGRAM-DATE-TIME gets one, counted on from the publish time of the first
//!   segment after a break, unless the origin dates other segments of the same run.

use std::collections::VecDeque;
use std::time::Duration;

use streamr_model::{Manifest, MediaSequence, SegmentContainer, StreamEpoch, UnixMs};

use crate::playlist::rounded_s;

mod render;
mod window;

use window::Entry;

/// A segment's place in the stream, of one rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId {
    /// The origin's incarnation.
    pub epoch: StreamEpoch,
    /// The number within it.
    pub sequence: MediaSequence,
}

/// A complete segment, as it shall appear in the playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSegment {
    /// Its place.
    pub id: SegmentId,
    /// EXTINF, in microseconds.
    pub duration_us: u64,
    /// The epoch's constant target duration, in seconds.
    pub target_duration_s: u32,
    /// Whether a DISCONTINUITY stands before it.
    pub discontinuity: bool,
    /// When the signer published it; dates the segment where its tags do not.
    pub published_at: UnixMs,
    /// What its bytes are.
    pub container: SegmentContainer,
    /// The URI under which the node serves its media initialisation section.
    pub init_uri: Option<String>,
    /// Further lines, kept as they are. Lines that this playlist writes itself are left out.
    pub tags: Vec<String>,
    /// Lines about the playlist as a whole; the newest segment's are shown.
    pub header_tags: Vec<String>,
    /// The URI under which the node serves it.
    pub uri: String,
    /// Length in bytes.
    pub len: u32,
}

impl LiveSegment {
    /// The segment that `manifest` describes, served under `uri` and, where it has an initialisation
    /// section, that under `init_uri`.
    pub fn from_manifest(manifest: &Manifest, uri: String, init_uri: Option<String>) -> Self {
        Self {
            id: SegmentId { epoch: manifest.epoch, sequence: manifest.sequence },
            duration_us: manifest.duration_us,
            target_duration_s: manifest.target_duration_s,
            discontinuity: manifest.discontinuity,
            published_at: manifest.published_at,
            container: manifest.container,
            init_uri: manifest.init.as_ref().and(init_uri),
            tags: manifest.tags.clone(),
            header_tags: manifest.header_tags.clone(),
            uri,
            len: manifest.len,
        }
    }
}

/// How much a playlist shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveWindow {
    /// At least so many segments, once there are as many.
    pub min_segments: usize,
    /// And at least so many target durations.
    pub min_target_durations: u32,
    /// The media sequence of the first segment ever shown. A node that starts again within a live gives
    /// a number above its last one, so that players which stayed go on.
    pub first_number: u64,
}

impl Default for LiveWindow {
    fn default() -> Self {
        Self { min_segments: 6, min_target_durations: 3, first_number: 0 }
    }
}

/// Why a segment was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The playlist already went past it. Segments are never put in between.
    #[error("the playlist has already gone past this segment")]
    Late,
    /// A URI holds a line break or is empty, or the duration is zero or over a day.
    #[error("the segment cannot be written into a playlist")]
    Unwritable,
}

/// A live media playlist. Getters; [`push`](Self::push) and [`end`](Self::end) change it;
/// [`expire`](Self::expire) gives back what need not be served any more.
#[derive(Debug)]
pub struct LivePlaylist {
    window: LiveWindow,
    /// What the playlist shows, oldest first.
    shown: VecDeque<Entry>,
    /// What has left it and is still served, oldest first.
    retained: VecDeque<Entry>,
    first_number: u64,
    discontinuity_sequence: u64,
    target_duration_s: u32,
    clock: window::MediaClock,
    last: Option<SegmentId>,
    ended: bool,
}

impl LivePlaylist {
    /// The most segments shown, and retained; beyond it the oldest go early. Only absurdly short segments
    /// reach it.
    pub const MAX_SEGMENTS: usize = 1024;

    /// An empty playlist.
    pub fn new(window: LiveWindow) -> Self {
        Self {
            first_number: window.first_number,
            window,
            shown: VecDeque::new(),
            retained: VecDeque::new(),
            discontinuity_sequence: 0,
            target_duration_s: 1,
            clock: window::MediaClock::default(),
            last: None,
            ended: false,
        }
    }

    /// Whether there is nothing to show yet. A player is better told to wait than given an empty playlist.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// EXT-X-MEDIA-SEQUENCE: the number of the first segment shown.
    pub fn media_sequence(&self) -> u64 {
        self.first_number
    }

    /// The media sequence number of the next segment.
    pub fn next_number(&self) -> u64 {
        self.first_number + self.shown.len() as u64
    }

    /// The media sequence number that a segment of the newest one's epoch has here, or would have if none were
    /// lost: for a playlist of another rendition that shall count in step. `None` for other epochs.
    pub fn number_at(&self, id: SegmentId) -> Option<u64> {
        let last = self.last.filter(|last| last.epoch == id.epoch)?;
        (self.next_number().checked_add(id.sequence.0)?).checked_sub(last.sequence.0.checked_add(1)?)
    }

    /// EXT-X-DISCONTINUITY-SEQUENCE: breaks that have left the window.
    pub fn discontinuity_sequence(&self) -> u64 {
        self.discontinuity_sequence
    }

    /// EXT-X-TARGETDURATION, in seconds.
    pub fn target_duration_s(&self) -> u32 {
        self.target_duration_s
    }

    /// The newest segment ever taken.
    pub fn last(&self) -> Option<SegmentId> {
        self.last
    }

    /// Segments shown, oldest first.
    pub fn shown(&self) -> impl Iterator<Item = &LiveSegment> {
        self.shown.iter().map(|entry| &entry.segment)
    }

    /// Whether `id` must still be served: it is shown, or left the window lately.
    pub fn must_serve(&self, id: SegmentId) -> bool {
        // Ids grow from the first retained to the last shown.
        let found = |list: &VecDeque<Entry>| list.binary_search_by_key(&id, |entry| entry.segment.id).is_ok();
        found(&self.shown) || found(&self.retained)
    }

    /// The playlist as text.
    pub fn render(&self) -> String {
        render::render(self)
    }

    /// Appends a segment that is complete and verified. `now` begins the time for which segments that
    /// leave the window are retained.
    ///
    /// A gap in the numbers of one epoch means a lost segment and is bridged with a DISCONTINUITY.
    pub fn push(&mut self, segment: LiveSegment, now: UnixMs) -> Result<(), PushError> {
        if self.last.is_some_and(|last| segment.id <= last) {
            return Err(PushError::Late);
        }
        let plain =
            |text: &str| !text.is_empty() && !text.starts_with('#') && !text.contains(char::is_control);
        let writable = plain(&segment.uri)
            && segment.init_uri.as_deref().is_none_or(|uri| plain(uri) && !uri.contains('"'));
        if !writable || !(1..=crate::guard::MAX_DURATION_US).contains(&segment.duration_us) {
            return Err(PushError::Unwritable);
        }
        let rounded = u32::try_from(rounded_s(segment.duration_us)).unwrap_or(u32::MAX);
        let target = segment.target_duration_s.max(rounded).max(1);
        let grows = target > self.target_duration_s;
        let breaks = self.last.is_some_and(|last| {
            let follows = last.epoch == segment.id.epoch && last.sequence.0 + 1 == segment.id.sequence.0;
            segment.discontinuity || !follows || grows
        });
        self.target_duration_s = self.target_duration_s.max(target);
        self.last = Some(segment.id);
        self.ended = false;
        let date = self.clock.date(&segment, breaks);
        self.shown.push_back(Entry::new(segment, breaks, date));
        self.slide(now);
        Ok(())
    }

    /// Writes EXT-X-ENDLIST from now on, until a segment comes again.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Segments that need not be served any more at `now`, oldest first. Each is given once. To be called
    /// after every [`push`](Self::push).
    pub fn expire(&mut self, now: UnixMs) -> Vec<SegmentId> {
        let mut excess = self.retained.len().saturating_sub(Self::MAX_SEGMENTS);
        let mut expired = Vec::new();
        self.retained.retain(|entry| {
            let over = excess > 0 || entry.retain_until <= now;
            excess = excess.saturating_sub(1);
            if over {
                expired.push(entry.segment.id);
            }
            !over
        });
        expired
    }

    /// Takes what the window no longer needs off its front.
    fn slide(&mut self, now: UnixMs) {
        let needed =
            u64::from(self.target_duration_s) * u64::from(self.window.min_target_durations) * 1_000_000;
        let mut total: u64 = self.shown.iter().map(|entry| entry.segment.duration_us).sum();
        // Every playlist that can be rendered from here on is at least this long.
        let longest = Duration::from_micros(total);
        for entry in &mut self.shown {
            entry.longest_playlist = entry.longest_playlist.max(longest);
        }
        while let Some(first) = self.shown.front() {
            let rest_us = total - first.segment.duration_us;
            let spare = self.shown.len() > self.window.min_segments.max(1) && rest_us >= needed;
            if !spare && self.shown.len() <= Self::MAX_SEGMENTS {
                break;
            }
            total = rest_us;
            self.remove_first(now);
        }
    }

    fn remove_first(&mut self, now: UnixMs) {
        let Some(mut entry) = self.shown.pop_front() else { return };
        self.first_number += 1;
        self.discontinuity_sequence += u64::from(entry.discontinuity);
        entry.retain(now);
        self.retained.push_back(entry);
    }
}
