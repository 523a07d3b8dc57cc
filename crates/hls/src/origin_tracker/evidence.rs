//! Whether a playlist goes on from what was seen, or tells of a new incarnation of the origin.

use std::collections::VecDeque;

use super::EpochReason;
use crate::playlist::{MediaPlaylist, MediaSegment};

/// What is remembered of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    sequence: u64,
    /// Without the query, which SRS renews with every context.
    path: String,
    duration_us: u64,
    discontinuity: bool,
    start: Option<u64>,
}

impl Seen {
    pub(super) fn of(segment: &MediaSegment) -> Self {
        Self {
            sequence: segment.sequence,
            path: segment.uri.path().to_owned(),
            duration_us: segment.duration_us,
            discontinuity: segment.discontinuity,
            start: segment.byte_range.map(|range| range.start),
        }
    }

    /// Whether `now`, with the same number, may be the same segment. An origin may take the
    /// DISCONTINUITY away from a segment that has become its first one.
    fn may_be(&self, now: &MediaSegment, is_first: bool) -> bool {
        let mut expected = self.clone();
        if is_first && !now.discontinuity {
            expected.discontinuity = false;
        }
        Self::of(now) == expected
    }
}

/// What a playlist tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing new.
    Nothing,
    /// It goes on.
    More,
    /// It goes on after it had ended.
    Resumed,
    /// The origin has begun again.
    Restarted(EpochReason),
}

/// Compares `playlist` with the segments `seen`, of which `next` would be the next.
///
/// The end of a live playlist never goes back, so a smaller end is a restart even where every name is
/// known: SRS uses them again. A restart that was missed, because the new incarnation has already counted
/// as far, shows where a known number has another name, length or break.
pub(super) fn compare(seen: &VecDeque<Seen>, next: u64, playlist: &MediaPlaylist) -> News {
    if playlist.segments.is_empty() {
        return News::Nothing;
    }
    if playlist.next_sequence() < next {
        return News::Restarted(EpochReason::SequenceWentBack);
    }
    let known = playlist.segments.iter().take_while(|segment| segment.sequence < next);
    for (at, segment) in known.enumerate() {
        let found = seen.binary_search_by_key(&segment.sequence, |seen| seen.sequence);
        if found.is_ok_and(|found| !seen[found].may_be(segment, at == 0)) {
            return News::Restarted(EpochReason::NumberReused);
        }
    }
    if playlist.next_sequence() == next { News::Nothing } else { News::More }
}
