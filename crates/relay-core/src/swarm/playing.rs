//! The order in which whole segments are handed to local players.

use std::time::Duration;

use streamr_model::SegmentRef;

use super::segment::{Phase, Place};
use super::{Action, Swarm};
use crate::time::Instant;

/// A newcomer waits this long for older segments before it starts with what it has.
const START_GRACE: Duration = Duration::from_millis(1_500);

/// How far playing has come.
#[derive(Debug, Default)]
pub(super) struct Playhead {
    last: Option<Place>,
    first_manifest_at: Option<Instant>,
}

impl Playhead {
    pub(super) fn note_manifest(&mut self, now: Instant) {
        self.first_manifest_at.get_or_insert(now);
    }

    fn starts_at(&self) -> Option<Instant> {
        self.first_manifest_at.map(|at| at + START_GRACE)
    }
}

impl Swarm {
    /// Hands over every segment whose turn has come. One that is still fetched holds back those behind it
    /// until its deadline; one that nobody told us of, until half way to its successor's deadline.
    pub(super) fn play(&mut self, now: Instant) {
        let patient = self.playhead.last.is_some() || self.playhead.starts_at().is_some_and(|at| now < at);
        let mut ready: Vec<SegmentRef> = Vec::new();
        for (name, segment) in self.segments.iter() {
            let place = segment.place();
            if self.playhead.last.is_some_and(|last| place <= last) {
                continue;
            }
            match segment.phase {
                Phase::Missed => self.playhead.last = Some(place),
                Phase::Wanted if patient => break,
                Phase::Wanted => {}
                Phase::Complete => {
                    let follows = self
                        .playhead
                        .last
                        .is_none_or(|(epoch, sequence)| epoch != place.0 || sequence.0 + 1 == place.1.0);
                    if !follows && now < segment.arrived + self.config.live_delay / 2 {
                        break;
                    }
                    ready.push(name);
                    self.playhead.last = Some(place);
                }
            }
        }
        for name in ready {
            self.act(Action::Play(name));
        }
    }

    /// When [`Swarm::play`] may have something to do though nothing arrives.
    pub(super) fn next_play_at(&self, now: Instant) -> Option<Instant> {
        let unplayed = |place: Place| self.playhead.last.is_none_or(|last| place > last);
        let start = self.playhead.last.is_none().then(|| self.playhead.starts_at()).flatten();
        let gap = self
            .segments
            .iter()
            .filter(|(_, segment)| segment.phase == Phase::Complete && unplayed(segment.place()))
            .map(|(_, segment)| segment.arrived + self.config.live_delay / 2)
            .min();
        start.into_iter().chain(gap).filter(|at| *at > now).min()
    }
}
