//! The order in which whole segments are handed to local players, for each rendition by itself.

use std::time::Duration;

use streamr_model::{Manifest, RenditionId, SegmentRef};

use super::segment::{Phase, Place};
use super::{Action, Swarm};
use crate::message::Interest;
use crate::time::Instant;

/// A newcomer waits this long for older segments before it starts with what it has.
const START_GRACE: Duration = Duration::from_millis(1_500);

/// How far playing of a rendition has come.
#[derive(Debug)]
pub(super) struct Playhead {
    rendition: RenditionId,
    last: Option<Place>,
    starts_at: Instant,
}

impl Swarm {
    /// A segment was taken in.
    pub(super) fn note_rendition(&mut self, now: Instant, rendition: RenditionId) {
        if self.playheads.len() >= Manifest::MAX_RENDITIONS {
            let known = |head: &Playhead| {
                self.segments.iter().any(|segment| segment.place().rendition == head.rendition)
            };
            self.playheads.retain(known);
        }
        if !self.playheads.iter().any(|head| head.rendition == rendition) {
            self.playheads.push(Playhead { rendition, last: None, starts_at: now + START_GRACE });
        }
    }

    /// Somebody begins to play a rendition: from behind `left_behind`, which will not be whole.
    pub(super) fn play_behind(&mut self, now: Instant, rendition: RenditionId, left_behind: Option<Place>) {
        if let Some(head) = self.playheads.iter_mut().find(|head| head.rendition == rendition) {
            head.last = head.last.max(left_behind);
            head.starts_at = now + START_GRACE;
        }
    }

    /// Hands over every segment whose turn has come, of renditions that somebody plays.
    pub(super) fn play(&mut self, now: Instant) {
        for at in 0..self.playheads.len() {
            for name in self.play_rendition(now, at) {
                self.act(Action::Play(name));
            }
        }
    }

    /// A segment that is still fetched holds back those behind it until its deadline; one that nobody told us
    /// of, until half way to its successor's deadline.
    fn play_rendition(&mut self, now: Instant, at: usize) -> Vec<SegmentRef> {
        let mut ready = Vec::new();
        let Some(head) = self.playheads.get_mut(at) else { return ready };
        if self.interests.of(head.rendition) == Interest::OwnStripes {
            return ready;
        }
        let is_patient = head.last.is_some() || now < head.starts_at;
        for segment in self.segments.iter().filter(|segment| segment.place().rendition == head.rendition) {
            let place = segment.place();
            if head.last.is_some_and(|last| place <= last) {
                continue;
            }
            match segment.phase {
                Phase::Missed => head.last = Some(place),
                Phase::Wanted if is_patient => break,
                Phase::Wanted => {}
                Phase::Complete => {
                    let follows = head.last.is_none_or(|last| {
                        last.epoch != place.epoch || last.sequence.0 + 1 == place.sequence.0
                    });
                    if !follows && now < segment.arrived + self.config.live_delay / 2 {
                        break;
                    }
                    ready.push(segment.name);
                    head.last = Some(place);
                }
            }
        }
        ready
    }

    /// When [`Swarm::play`] may have something to do though nothing arrives.
    pub(super) fn next_play_at(&self, now: Instant) -> Option<Instant> {
        let head_of = |rendition| self.playheads.iter().find(|head| head.rendition == rendition);
        let is_unplayed = |place: Place| {
            head_of(place.rendition).is_some_and(|head| head.last.is_none_or(|last| place > last))
        };
        let starts = self.playheads.iter().filter(|head| head.last.is_none()).map(|head| head.starts_at);
        let whole = self.segments.iter().filter(|segment| segment.phase == Phase::Complete);
        let gaps = whole
            .filter(|segment| is_unplayed(segment.place()))
            .map(|segment| segment.arrived + self.config.live_delay / 2);
        starts.chain(gaps).filter(|at| *at > now).min()
    }
}
