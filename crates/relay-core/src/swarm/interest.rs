//! Which renditions are wanted whole. Of the others a supporter fetches the stripes that it is elected to fetch,
//! gives them to whoever asks, and is neither promised nor told anything that it need not know.

use streamr_model::{Manifest, RenditionId};

use super::peer::Slot;
use super::segment::{Pending, Segment, Source, by_peer};
use super::{Action, Swarm};
use crate::message::{Interest, Message, Role};
use crate::time::Instant;

/// What one node wants of each rendition: everything, until it says otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Interests {
    /// A bit for each rendition that a stream can have.
    own_stripes: u8,
}

const _: () = assert!(Manifest::MAX_RENDITIONS == u8::BITS as usize, "a bit for each");

impl Interests {
    /// No bit where no stream has such a rendition.
    fn bit(rendition: RenditionId) -> u8 {
        1_u8.checked_shl(rendition.0.into()).unwrap_or(0)
    }

    pub(crate) fn of(self, rendition: RenditionId) -> Interest {
        if self.own_stripes & Self::bit(rendition) == 0 { Interest::Whole } else { Interest::OwnStripes }
    }

    /// Returns whether that is news.
    fn set(&mut self, rendition: RenditionId, interest: Interest) -> bool {
        let before = self.own_stripes;
        match interest {
            Interest::Whole => self.own_stripes &= !Self::bit(rendition),
            Interest::OwnStripes => self.own_stripes |= Self::bit(rendition),
        }
        self.own_stripes != before
    }

    fn in_own_stripes(self) -> impl Iterator<Item = RenditionId> {
        (0..)
            .map(RenditionId)
            .take(Manifest::MAX_RENDITIONS)
            .filter(move |rendition| self.of(*rendition) == Interest::OwnStripes)
    }
}

impl Swarm {
    /// What is wanted of a rendition from now on: the whole of it where somebody here plays it, else no more than
    /// our own stripes. Every rendition is wanted whole before anything is said of it.
    pub fn set_interest(&mut self, now: Instant, rendition: RenditionId, interest: Interest) {
        if !self.interests.set(rendition, interest) {
            return;
        }
        let peers = self.peers.iter().filter(|(_, peer)| peer.introduction.is_some());
        for node in peers.map(|(_, peer)| peer.node).collect::<Vec<_>>() {
            self.act(Action::Send(node, Message::Interest(rendition, interest)));
        }
        match interest {
            Interest::Whole => self.seek(now, rendition),
            Interest::OwnStripes => self.neglect(rendition),
        }
        self.pull(now);
        self.advance(now);
    }

    /// A newcomer takes us for interested in everything.
    pub(super) fn tell_interests(&mut self, slot: Slot) {
        let Some(peer) = self.peers.get(slot) else { return };
        for rendition in self.interests.in_own_stripes() {
            let told = Message::Interest(rendition, Interest::OwnStripes);
            self.actions.push_back(Action::Send(peer.node, told));
        }
    }

    /// A peer says what it wants. Whoever begins to play is told what we hold as soon as there is room.
    pub(super) fn handle_interest(
        &mut self,
        now: Instant,
        slot: Slot,
        rendition: RenditionId,
        interest: Interest,
    ) {
        let Some(peer) = self.peers.get_mut(slot) else { return };
        // A seed promises nothing and is asked for nothing but in the origin's place.
        if !peer.interests.set(rendition, interest) || self.config.role == Role::Seed {
            return;
        }
        for segment in self.segments.of_rendition(rendition).filter(|segment| now < segment.deadline) {
            let holds_any = !segment.held.is_empty();
            let view = segment.view_mut(slot);
            match interest {
                Interest::OwnStripes => view.offered = None,
                Interest::Whole if holds_any => {
                    view.is_news = true;
                    peer.news_since.get_or_insert(now);
                }
                Interest::Whole => {}
            }
        }
    }

    /// What is young enough to become whole in time is wanted whole; playing begins with it.
    fn seek(&mut self, now: Instant, rendition: RenditionId) {
        let slack = self.config.slack();
        let (mut left_behind, mut is_any_sought) = (None, false);
        for segment in self.segments.of_rendition(rendition) {
            if segment.is_wanted() && now < segment.arrived + slack {
                (segment.interest, is_any_sought) = (Interest::Whole, true);
            } else if !segment.is_complete() && !is_any_sought {
                left_behind = Some(segment.place());
            }
        }
        self.play_behind(now, rendition, left_behind);
    }

    /// Nothing more of it is fetched but our own stripes; peers that would still send some are told.
    fn neglect(&mut self, rendition: RenditionId) {
        let seed = self.seed.and_then(|seed| self.peers.find(seed));
        let from_peer = |pending: &Pending| match pending.from {
            Source::Peer(slot) => Some(slot) != seed,
            Source::Origin(_) => false,
        };
        for segment in self.segments.of_rendition(rendition) {
            segment.interest = Interest::OwnStripes;
            let asked = segment.in_flight.take_where(from_peer);
            for (slot, blocks) in by_peer(&asked, segment.held.capacity()) {
                if let Some(peer) = self.peers.get(slot) {
                    self.actions.push_back(Action::Send(peer.node, Message::Cancel(segment.name, blocks)));
                }
            }
        }
    }

    /// What is wanted of a segment that has just come to be known.
    pub(super) fn interest_in(&self, segment: &Segment) -> Interest {
        self.interests.of(segment.place().rendition)
    }
}
