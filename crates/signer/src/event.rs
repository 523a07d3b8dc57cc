//! What happens to a signer, each as one sentence, logged once.

use std::collections::BTreeMap;

use streamr_hls::OriginState;
use streamr_model::{Manifest, MediaSequence, RenditionId, StreamEpoch};
use tokio::sync::mpsc;

/// Something that the operator should know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Event {
    /// The origin cannot be read. Told again only when the reason changes.
    #[error("cannot read the origin's playlist: {0}")]
    OriginTrouble(String),
    /// The origin's playlist can be read again.
    #[error("the origin's playlist can be read again")]
    OriginWell,
    /// The origin's state changed.
    #[error("the live is now {}", state_word(*.0))]
    Origin(OriginState),
    /// An epoch began.
    #[error("epoch {} begins: {reason}", epoch.0)]
    EpochBegan {
        /// Its number.
        epoch: StreamEpoch,
        /// Why.
        reason: String,
    },
    /// A segment was signed and published.
    #[error("segment {} of epoch {} is published", sequence.0, epoch.0)]
    Published {
        /// Its epoch.
        epoch: StreamEpoch,
        /// Its number.
        sequence: MediaSequence,
    },
    /// A segment could not be published.
    #[error("the origin's segment {sequence} is left out: {reason}")]
    SegmentLost {
        /// The origin's number.
        sequence: u64,
        /// Why.
        reason: String,
    },
    /// Segments came and went between two reads.
    #[error("{count} segments before the origin's segment {sequence} were missed")]
    SegmentsMissed {
        /// How many.
        count: u64,
        /// The origin's number of the next one.
        sequence: u64,
    },
    /// Something happened to one of several renditions.
    #[error("rendition {}: {}", .0.0, .1)]
    OfRendition(RenditionId, Box<Self>),
    /// The origin offers several variants; each is signed as a rendition of its own.
    #[error("{signed} variants are signed, each as a rendition of its own")]
    Renditions {
        /// How many.
        signed: usize,
    },
    /// Variants that cannot be carried.
    #[error("variants are left out: {}", left_out(*apart, *too_many))]
    VariantsLeftOut {
        /// So many keep sound or picture in a playlist of their own.
        apart: usize,
        /// So many stand behind the first eight.
        too_many: usize,
    },
    /// The epoch could not be written down.
    #[error("the last epoch cannot be written down, so keep this machine's clock right: {0}")]
    EpochNotKept(String),
    /// The coordinator cannot be told. Told again only when the reason changes.
    #[error("cannot tell the coordinator that the stream is live: {0}; signing goes on")]
    CoordinatorTrouble(String),
    /// The coordinator answers again.
    #[error("the coordinator answers again")]
    CoordinatorWell,
}

fn state_word(state: OriginState) -> &'static str {
    match state {
        OriginState::Waiting => "awaited",
        OriginState::Live => "running",
        OriginState::Stalled => "interrupted",
        OriginState::Ended => "over",
    }
}

fn left_out(apart: usize, too_many: usize) -> String {
    let apart = Some(apart)
        .filter(|count| *count > 0)
        .map(|count| format!("{count} that keep sound or picture apart (EXT-X-MEDIA), which is not carried"));
    let too_many = Some(too_many).filter(|count| *count > 0).map(|count| {
        format!("{count} behind the first {}, which is as many as are carried", Manifest::MAX_RENDITIONS)
    });
    apart.into_iter().chain(too_many).collect::<Vec<_>>().join("; ")
}

impl Event {
    fn is_trouble(&self) -> bool {
        use Event::*;
        match self {
            OfRendition(_, event) => event.is_trouble(),
            OriginTrouble(_)
            | SegmentLost { .. }
            | SegmentsMissed { .. }
            | VariantsLeftOut { .. }
            | EpochNotKept(_)
            | CoordinatorTrouble(_) => true,
            _ => false,
        }
    }

    fn is_routine(&self) -> bool {
        match self {
            Self::OfRendition(_, event) => event.is_routine(),
            event => matches!(event, Self::Published { .. }),
        }
    }

    /// Whether it says that a matter is in order again.
    fn is_well(&self) -> bool {
        match self {
            Self::OfRendition(_, event) => event.is_well(),
            event => matches!(event, Self::OriginWell | Self::CoordinatorWell),
        }
    }

    /// Of events about the same matter, one is not repeated while nothing has changed.
    fn matter(&self) -> Option<Matter> {
        match self {
            Self::OriginTrouble(_) | Self::OriginWell => Some(Matter::Origin),
            Self::CoordinatorTrouble(_) | Self::CoordinatorWell => Some(Matter::Coordinator),
            Self::OfRendition(_, event) => event.matter(),
            Self::EpochNotKept(_) => Some(Matter::Epochs),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Matter {
    Origin,
    Coordinator,
    Epochs,
}

/// Logs events and passes them on to whoever watches. A watcher that does not keep up misses some.
#[derive(Debug, Clone)]
pub struct Reporter {
    watcher: Option<mpsc::Sender<Event>>,
    last: BTreeMap<Matter, Event>,
}

impl Reporter {
    /// Reports to the log and to `watcher`.
    pub fn new(watcher: Option<mpsc::Sender<Event>>) -> Self {
        Self { watcher, last: BTreeMap::new() }
    }

    /// Reports `event`, unless it is what was last said about its matter, or says that a matter is well
    /// of which no trouble was told.
    pub fn report(&mut self, event: Event) {
        if let Some(matter) = event.matter() {
            let before = self.last.insert(matter, event.clone());
            if before.as_ref() == Some(&event) || (before.is_none() && event.is_well()) {
                return;
            }
        }
        if event.is_trouble() {
            tracing::warn!("{event}");
        } else if event.is_routine() {
            tracing::debug!("{event}");
        } else {
            tracing::info!("{event}");
        }
        if let Some(watcher) = &self.watcher {
            // A full channel is a watcher that does not keep up; the log has it all.
            let _ = watcher.try_send(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_once_until_it_changes_or_ends() {
        let (sender, mut events) = mpsc::channel(16);
        let mut reporter = Reporter::new(Some(sender));
        let trouble = |text: &str| Event::OriginTrouble(text.into());
        reporter.report(Event::OriginWell);
        for event in
            [trouble("a"), trouble("a"), trouble("b"), Event::OriginWell, Event::OriginWell, trouble("b")]
        {
            reporter.report(event);
        }
        let told: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
        assert_eq!(told, [trouble("a"), trouble("b"), Event::OriginWell, trouble("b")]);
    }
}
