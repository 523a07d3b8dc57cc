//! What the window remembers of each segment, and the dates it gives.

use std::time::Duration;

use streamr_model::UnixMs;

use super::LiveSegment;

/// A segment in the window or retained after it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) segment: LiveSegment,
    /// Whether DISCONTINUITY is written before it.
    pub(super) discontinuity: bool,
    /// EXT-X-PROGRAM-DATE-TIME, where we supply it.
    pub(super) date: Option<UnixMs>,
    /// The longest playlist that held it.
    pub(super) longest_playlist: Duration,
    /// Until when it is served after leaving the window.
    pub(super) retain_until: UnixMs,
}

impl Entry {
    pub(super) fn new(segment: LiveSegment, discontinuity: bool, date: Option<UnixMs>) -> Self {
        Self { segment, discontinuity, date, longest_playlist: Duration::ZERO, retain_until: UnixMs(0) }
    }

    /// Begins the time of RFC 8216 section 6.2.2.
    pub(super) fn retain(&mut self, now: UnixMs) {
        let time = self.longest_playlist + Duration::from_micros(self.segment.duration_us);
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.retain_until = UnixMs(now.0.saturating_add(ms).saturating_add(1));
    }
}

/// Dates segments between two breaks.
#[derive(Debug, Default)]
pub(super) enum MediaClock {
    /// Before the first segment.
    #[default]
    Unset,
    /// The origin dates its segments itself.
    Origin,
    /// We count: the next segment begins here, in Unix microseconds.
    Ours(u64),
}

impl MediaClock {
    /// The date to supply for `segment`, if any. After a break the clock is set anew from the publish
    /// time: a segment is published when it ends.
    pub(super) fn date(&mut self, segment: &LiveSegment, breaks: bool) -> Option<UnixMs> {
        if segment.tags.iter().any(|tag| tag.starts_with("#EXT-X-PROGRAM-DATE-TIME")) {
            *self = Self::Origin;
            return None;
        }
        let published = || segment.published_at.0.saturating_mul(1000).saturating_sub(segment.duration_us);
        let begins = match *self {
            Self::Origin if !breaks => return None,
            Self::Ours(next) if !breaks => next,
            _ => published(),
        };
        *self = Self::Ours(begins.saturating_add(segment.duration_us));
        Some(UnixMs(begins / 1000))
    }
}
