//! What happens to a signer, each as one sentence, logged once.

use std::collections::BTreeMap;

use streamr_hls::OriginState;
use streamr_model::{MediaSequence, StreamEpoch};
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
    /// The origin offers several variants; one is signed.
    #[error("of the origin's {count} variants only the one with {bandwidth_bps} bit/s is signed")]
    VariantsIgnored {
        /// How many there are.
        count: usize,
        /// The chosen one's bandwidth.
        bandwidth_bps: u64,
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

impl Event {
    fn is_trouble(&self) -> bool {
        use Event::*;
        matches!(
            self,
            OriginTrouble(_)
                | SegmentLost { .. }
                | SegmentsMissed { .. }
                | EpochNotKept(_)
                | CoordinatorTrouble(_)
        )
    }

    fn is_routine(&self) -> bool {
        matches!(self, Self::Published { .. })
    }

    /// Of events about the same matter, one is not repeated while nothing has changed.
    fn matter(&self) -> Option<Matter> {
        match self {
            Self::OriginTrouble(_) | Self::OriginWell => Some(Matter::Origin),
            Self::CoordinatorTrouble(_) | Self::CoordinatorWell => Some(Matter::Coordinator),
            Self::VariantsIgnored { .. } => Some(Matter::Variants),
            Self::EpochNotKept(_) => Some(Matter::Epochs),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Matter {
    Origin,
    Coordinator,
    Variants,
    Epochs,
}

/// Logs events and passes them on to whoever watches. A watcher that does not keep up misses some.
#[derive(Debug)]
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
            let well = matches!(event, Event::OriginWell | Event::CoordinatorWell);
            if before.as_ref() == Some(&event) || (before.is_none() && well) {
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
