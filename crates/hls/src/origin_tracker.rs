//! Following a live origin: successive reads in, each new segment exactly once and in order out.
//!
//! An origin is not trusted to count. It may begin again at 0 with the same file names (SRS after a
//! restart), freeze, answer a multivariant playlist where a media playlist was, skip, or end. What comes
//! out is divided into *epochs*: within one, sequence numbers only grow and the target duration is
//! constant.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use url::Url;

use crate::multivariant::{Renditions, Variant};
use crate::playlist::{MediaPlaylist, MediaSegment, Playlist};

mod evidence;

use evidence::{News, Seen};

/// Multivariant playlists followed one after the other before the origin is called confused.
const MAX_LEVELS: u8 = 4;
/// Segments remembered as evidence. Longer playlists are compared as far as memory goes.
const MAX_SEEN: usize = 1024;
const SHORTEST_BACK_OFF: Duration = Duration::from_millis(250);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);

/// How often an origin is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// RFC 8216 section 6.3.4: after a change one target duration from the start of the last load,
    /// otherwise half.
    Rfc8216,
    /// For a reader beside the origin, whose every delay all viewers share: every eighth of the target
    /// duration, from 100 ms to 1 s.
    Beside,
    /// Fixed.
    Every(Duration),
}

/// Which variant of the root's multivariant playlist is followed. Below the root, where a fresh context
/// may be another multivariant playlist, it is always the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariantChoice {
    /// The one with the highest BANDWIDTH; of equals the first.
    Best,
    /// The one in this place of [`Renditions::carried`].
    Carried(usize),
}

/// How an origin is followed.
#[derive(Debug, Clone, Copy)]
pub struct TrackerConfig {
    /// How often it is read.
    pub cadence: Cadence,
    /// Which of its variants.
    pub variant: VariantChoice,
    /// Target durations without change after which it counts as stalled.
    pub stalled_after_targets: u32,
    /// How many of the newest segments are taken when an origin is joined or has begun again. Older ones
    /// are history: RFC 8216 section 6.3.3 has players begin three target durations from the end.
    pub join_at_most: usize,
    /// How many of the newest segments are taken in one read; older ones are given up as lost.
    pub catch_up_at_most: usize,
}

impl Default for TrackerConfig {
    fn default() -> Self {
        Self {
            cadence: Cadence::Beside,
            variant: VariantChoice::Best,
            stalled_after_targets: 3,
            join_at_most: 3,
            catch_up_at_most: 32,
        }
    }
}

/// What the origin is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginState {
    /// There is no live yet, or none that has moved since we came.
    Waiting,
    /// New segments come.
    Live,
    /// It is gone, or its playlist has not changed for long.
    Stalled,
    /// It wrote EXT-X-ENDLIST.
    Ended,
}

/// Why an epoch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochReason {
    /// The first one.
    First,
    /// The media sequence went back: the origin began again.
    SequenceWentBack,
    /// A number that was used before now names another segment: the origin began again unseen.
    NumberReused,
    /// A segment is longer than the epoch's constant target duration.
    LongerSegment,
    /// Segments come again after EXT-X-ENDLIST.
    AfterEnd,
}

/// Why a read failed, as far as following cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFailure {
    /// 404 or 410: the origin says there is no such live now.
    NotFound,
    /// Anything else; the live may go on behind it.
    Other,
}

/// A segment seen for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedSegment {
    /// The segment as the origin describes it.
    pub segment: MediaSegment,
    /// Lines about the whole playlist it was found in, as the origin wrote them.
    pub header_tags: Vec<String>,
    /// The epoch's number, counted from 0.
    pub epoch: u64,
    /// Set on the first segment of an epoch.
    pub begins_epoch: Option<EpochReason>,
    /// Segments between the one before and this one that were never seen or given up.
    pub lost_before: u64,
    /// Whether players must expect a break: the origin says so, segments were lost, or the origin was
    /// out of sight long enough to have begun again unnoticed.
    pub discontinuity: bool,
    /// The epoch's constant target duration, in seconds.
    pub target_duration_s: u32,
}

/// What one read brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// New segments, in order.
    pub segments: Vec<TrackedSegment>,
    /// The state, if this read changed it.
    pub state: Option<OriginState>,
    /// The variants in the origin's order, if this read found a multivariant playlist at the root.
    pub variants: Vec<Variant>,
    /// Whether the origin answered only multivariant playlists, or one without the variant to follow.
    pub confused: bool,
}

/// What is known of an origin before its first epoch. A playlist that was there already may be left over
/// from a live long past (SRS goes on serving it); one that appears or changes is alive.
enum Before {
    /// Nothing was read yet.
    Unread,
    /// The origin said that there is no live, so any playlist is news.
    Missing,
    /// This playlist was there when we came.
    Found { media_sequence: u64, newest: Option<Seen> },
}

struct Epoch {
    number: u64,
    target_duration_s: u32,
    next: u64,
}

/// Follows one origin. Getters; `handle_*` take what was read; nothing else changes it.
pub struct OriginTracker {
    config: TrackerConfig,
    root: Url,
    current: Url,
    levels: u8,
    state: OriginState,
    before: Before,
    epoch: Option<Epoch>,
    seen: VecDeque<Seen>,
    target: Duration,
    failures: u32,
    next_read: Instant,
    last_read: Instant,
    last_change: Instant,
}

impl OriginTracker {
    /// Follows the origin whose playlist, of either kind, is at `root`. The first read is due `now`.
    pub fn new(root: Url, config: TrackerConfig, now: Instant) -> Self {
        Self {
            config,
            current: root.clone(),
            root,
            levels: 0,
            state: OriginState::Waiting,
            before: Before::Unread,
            epoch: None,
            seen: VecDeque::new(),
            target: Duration::from_secs(2),
            failures: 0,
            next_read: now,
            last_read: now,
            last_change: now,
        }
    }

    /// What to read next.
    pub fn url(&self) -> &Url {
        &self.current
    }

    /// When to read next.
    pub fn next_read(&self) -> Instant {
        self.next_read
    }

    /// What the origin is doing.
    pub fn state(&self) -> OriginState {
        self.state
    }

    /// Whether there is a live, or the origin has said that there is none, so that the next playlist is of one.
    pub fn expects_live(&self) -> bool {
        let is_missing = self.epoch.is_none() && matches!(self.before, Before::Missing);
        is_missing || self.state == OriginState::Live
    }

    /// To be told before the first read of one that follows another variant of the same origin, if that
    /// [expects a live](Self::expects_live): whatever is found is new.
    pub fn expect_live(&mut self) {
        self.before = Before::Missing;
    }

    /// Takes a playlist that was read from [`OriginTracker::url`] beginning at `started`.
    pub fn handle_playlist(&mut self, playlist: Playlist, started: Instant) -> Update {
        match playlist {
            Playlist::Multivariant(variants) => self.handle_multivariant(variants, started),
            Playlist::Media(playlist) => self.handle_media(playlist, started),
        }
    }

    /// Takes a failed read. The next one begins at the root again, for a fresh context.
    pub fn handle_failure(&mut self, failure: ReadFailure, now: Instant) -> Update {
        self.back_to_root();
        let back_off = SHORTEST_BACK_OFF * 2_u32.saturating_pow(self.failures.min(8));
        self.failures = self.failures.saturating_add(1);
        self.next_read = now + back_off.min(self.longest_back_off());
        if failure == ReadFailure::NotFound {
            self.before = Before::Missing;
        }
        let gone = failure == ReadFailure::NotFound || self.unchanged_for_long(now);
        let state = if gone && self.state == OriginState::Live { OriginState::Stalled } else { self.state };
        Update { state: self.enter(state), ..Update::default() }
    }

    fn handle_multivariant(&mut self, variants: Vec<Variant>, started: Instant) -> Update {
        self.levels += 1;
        let is_root = self.current == self.root;
        let chosen = match self.config.variant {
            VariantChoice::Carried(at) if is_root => {
                Renditions::of(variants.clone()).carried.into_iter().nth(at)
            }
            // In reverse, so that the first of equals is the last.
            _ => variants.iter().rev().max_by_key(|variant| variant.bandwidth_bps).cloned(),
        };
        let variants = if is_root { variants } else { Vec::new() };
        match chosen {
            Some(variant) if self.levels <= MAX_LEVELS => {
                self.current = variant.uri;
                self.next_read = started;
                Update { variants, ..Update::default() }
            }
            _ => Update { variants, confused: true, ..self.handle_failure(ReadFailure::Other, started) },
        }
    }

    fn handle_media(&mut self, playlist: MediaPlaylist, started: Instant) -> Update {
        self.levels = 0;
        self.failures = 0;
        self.target = Duration::from_secs(u64::from(playlist.target_duration_s));
        let news = self.news(&playlist);
        let unseen = started.saturating_duration_since(self.last_read);
        let out_of_sight = self.state == OriginState::Stalled || unseen > self.patience();
        self.last_read = started;
        self.next_read = started + self.reload_after(&news);
        if news == News::Nothing {
            let state = match self.state {
                OriginState::Live if playlist.ended => OriginState::Ended,
                OriginState::Live if self.unchanged_for_long(started) => OriginState::Stalled,
                state => state,
            };
            return Update { state: self.enter(state), ..Update::default() };
        }
        self.last_change = started;
        let ended = playlist.ended;
        let segments = self.take(playlist, &news, out_of_sight);
        let state = if ended { OriginState::Ended } else { OriginState::Live };
        Update { segments, state: self.enter(state), ..Update::default() }
    }

    /// What the playlist says that is not known yet.
    fn news(&mut self, playlist: &MediaPlaylist) -> News {
        let Some(epoch) = &self.epoch else {
            return if self.is_alive(playlist) { News::Restarted(EpochReason::First) } else { News::Nothing };
        };
        let news = evidence::compare(&self.seen, epoch.next, playlist);
        match news {
            News::More if self.state == OriginState::Ended => News::Resumed,
            news => news,
        }
    }

    /// Whether a playlist read before the first epoch belongs to a live that is running, or has ended.
    fn is_alive(&mut self, playlist: &MediaPlaylist) -> bool {
        let (first, last) = (playlist.media_sequence, playlist.segments.last().map(Seen::of));
        let alive = match &self.before {
            Before::Unread => false,
            Before::Missing => true,
            Before::Found { media_sequence, newest } => *media_sequence != first || *newest != last,
        };
        self.before = Before::Found { media_sequence: first, newest: last };
        !playlist.segments.is_empty() && (alive || playlist.ended)
    }

    /// The segments that are new, after recording all of them as seen.
    fn take(&mut self, playlist: MediaPlaylist, news: &News, out_of_sight: bool) -> Vec<TrackedSegment> {
        let joins = matches!(news, News::Restarted(_));
        if joins {
            self.seen.clear();
        }
        let next = self.epoch.as_ref().filter(|_| !joins).map_or(playlist.media_sequence, |epoch| epoch.next);
        let lost = playlist.media_sequence.saturating_sub(next);
        let mut fresh = playlist.segments;
        fresh.retain(|segment| segment.sequence >= next);
        for segment in &fresh {
            self.remember(segment);
        }
        let limit = match news {
            // A playlist that has already ended when it is first seen is history, not a live.
            News::Restarted(EpochReason::First) if playlist.ended => 0,
            News::Restarted(_) => self.config.join_at_most,
            _ => self.config.catch_up_at_most,
        };
        let skipped = fresh.len().saturating_sub(limit);
        let taken = fresh.split_off(skipped);
        let reason = match news {
            News::Restarted(reason) => Some(*reason),
            News::Resumed => Some(EpochReason::AfterEnd),
            News::More | News::Nothing => self.outgrown(&taken).then_some(EpochReason::LongerSegment),
        };
        let next = taken.last().map_or(next, |last| last.sequence + 1);
        if reason.is_some() {
            let longest = taken.iter().map(MediaSegment::rounded_s).max().unwrap_or(0);
            let longest = u32::try_from(longest).unwrap_or(u32::MAX);
            let number = self.epoch.as_ref().map_or(0, |epoch| epoch.number + 1);
            let target_duration_s = playlist.target_duration_s.max(longest);
            self.epoch = Some(Epoch { number, target_duration_s, next });
        }
        let Some(epoch) = &mut self.epoch else { return Vec::new() };
        epoch.next = next;
        let tracked = |(at, segment): (usize, MediaSegment)| {
            let lost_before = if at > 0 || joins { 0 } else { lost + skipped as u64 };
            let broken = at == 0 && out_of_sight && !joins;
            TrackedSegment {
                epoch: epoch.number,
                target_duration_s: epoch.target_duration_s,
                begins_epoch: reason.filter(|_| at == 0),
                lost_before,
                discontinuity: segment.discontinuity || lost_before > 0 || broken,
                header_tags: playlist.header_tags.clone(),
                segment,
            }
        };
        taken.into_iter().enumerate().map(tracked).collect()
    }

    /// Whether a segment is longer than the epoch's constant target duration.
    fn outgrown(&self, segments: &[MediaSegment]) -> bool {
        let target = self.epoch.as_ref().map_or(0, |epoch| u64::from(epoch.target_duration_s));
        segments.iter().any(|segment| segment.rounded_s() > target)
    }

    fn remember(&mut self, segment: &MediaSegment) {
        if self.seen.len() >= MAX_SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(Seen::of(segment));
    }

    fn reload_after(&self, news: &News) -> Duration {
        match self.config.cadence {
            Cadence::Rfc8216 if *news == News::Nothing => self.target / 2,
            Cadence::Rfc8216 => self.target,
            Cadence::Beside => (self.target / 8).clamp(Duration::from_millis(100), Duration::from_secs(1)),
            Cadence::Every(interval) => interval,
        }
    }

    fn longest_back_off(&self) -> Duration {
        match self.config.cadence {
            Cadence::Rfc8216 => LONGEST_BACK_OFF,
            Cadence::Beside => Duration::from_secs(1),
            Cadence::Every(interval) => interval.max(SHORTEST_BACK_OFF),
        }
    }

    fn unchanged_for_long(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_change) > self.patience()
    }

    fn patience(&self) -> Duration {
        self.target * self.config.stalled_after_targets
    }

    fn back_to_root(&mut self) {
        self.current = self.root.clone();
        self.levels = 0;
    }

    /// Changes the state; `None` where it stays. A stalled origin is read from its root once more, since
    /// its variants may have changed.
    fn enter(&mut self, state: OriginState) -> Option<OriginState> {
        if state == self.state {
            return None;
        }
        self.state = state;
        if state == OriginState::Stalled {
            self.back_to_root();
        }
        Some(state)
    }
}
