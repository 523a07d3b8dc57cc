//! What the renditions of a stream have in common: epochs, the choice that players get, whether it is live.

use std::collections::BTreeMap;

use streamr_hls::{OriginTracker, Renditions};
use streamr_model::{BitsPerSecond, RenditionId, StreamEpoch, UnixMs};
use tokio::sync::watch;

use super::LiveNow;
use crate::epochs::{EpochError, Epochs};

/// What of the origin's offer matters to us: addresses may change with every look.
#[derive(Debug, Default, PartialEq, Eq)]
struct Offer {
    attributes: Vec<String>,
    apart: usize,
    too_many: usize,
}

/// See the module. Everything in it is bounded by the number of renditions.
#[derive(Debug)]
pub(super) struct Common {
    epochs: Epochs,
    newest: StreamEpoch,
    /// The last epoch that each rendition has been in.
    joined: BTreeMap<RenditionId, StreamEpoch>,
    offer: Offer,
    /// Whether a rendition that is followed from now on will find a live.
    expects_live: bool,
    count: watch::Sender<u16>,
    /// Bit rates of the renditions that are live.
    rates: BTreeMap<RenditionId, BitsPerSecond>,
    live: watch::Sender<Option<LiveNow>>,
}

impl Common {
    pub(super) fn new(epochs: Epochs, live: watch::Sender<Option<LiveNow>>) -> Self {
        Self {
            epochs,
            newest: StreamEpoch(0),
            joined: BTreeMap::new(),
            offer: Offer::default(),
            expects_live: false,
            count: watch::Sender::new(1),
            rates: BTreeMap::new(),
            live,
        }
    }

    /// How many renditions are to be followed.
    pub(super) fn count(&self) -> watch::Receiver<u16> {
        self.count.subscribe()
    }

    pub(super) fn is_followed(&self, id: RenditionId) -> bool {
        id.0 < *self.count.borrow()
    }

    /// What manifests say of the renditions; empty where there is one.
    pub(super) fn variants(&self) -> Vec<String> {
        self.offer.attributes.clone()
    }

    /// See [`OriginTracker::expects_live`].
    pub(super) fn expects_live(&self) -> bool {
        self.expects_live
    }

    /// Takes what the origin offers now, as `finder` found it. Returns whether that is news.
    pub(super) fn adopt(&mut self, found: &Renditions, finder: &OriginTracker) -> bool {
        let offer = Offer { attributes: found.attributes(), apart: found.apart, too_many: found.too_many };
        if offer == self.offer {
            return false;
        }
        let count = u16::try_from(offer.attributes.len()).unwrap_or(u16::MAX).max(1);
        (self.offer, self.expects_live) = (offer, finder.expects_live());
        self.count.send_if_modified(|before| std::mem::replace(before, count) != count);
        true
    }

    /// The epoch in which a rendition goes on that begins anew, and whether it could be written down: an origin's
    /// restart is one for all its renditions, so whoever comes to it later joins whoever came first.
    pub(super) fn begin_epoch(
        &mut self,
        id: RenditionId,
        now: UnixMs,
    ) -> (StreamEpoch, Result<(), EpochError>) {
        let mut kept = Ok(());
        if self.joined.get(&id).is_some_and(|joined| *joined == self.newest) || self.newest.0 == 0 {
            (self.newest, kept) = self.epochs.begin(now);
        }
        self.joined.insert(id, self.newest);
        (self.newest, kept)
    }

    /// A rendition was published lately, at this rate.
    pub(super) fn note_live(&mut self, id: RenditionId, rate: BitsPerSecond) {
        self.rates.insert(id, rate);
        let bitrate = self.rates.values().copied().max().unwrap_or(rate);
        self.live.send_replace(Some(LiveNow { since: UnixMs(self.newest.0), bitrate }));
    }

    /// A rendition is not live. The stream is while any is.
    pub(super) fn note_gone(&mut self, id: RenditionId) {
        self.rates.remove(&id);
        if self.rates.is_empty() {
            self.live.send_if_modified(|live| live.take().is_some());
        }
    }

    /// Nothing is followed any more.
    pub(super) fn end(&mut self) {
        self.live.send_replace(None);
    }
}
