//! The loops from the origin to the publisher: one for each rendition, side by side.
//!
//! A rendition has one playlist or one segment in memory at a time. Every failure is an [`Event`]; none ends a
//! loop, and what one rendition waits for holds no other up.

mod common;
mod rendition;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use streamr_hls::TrackerConfig;
use streamr_model::{BitsPerSecond, RenditionId, SecretKey, StreamId, UnixMs};
use streamr_relay::origin::OriginReader;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::epochs::Epochs;
use crate::event::Reporter;
use crate::publish::Publisher;
use common::Common;
use rendition::Rendition;

/// A live that is running, as the coordinator shall know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveNow {
    /// When the epoch began.
    pub since: UnixMs,
    /// Measured over the last segments; of several renditions the highest, which is what a player takes at most.
    pub bitrate: BitsPerSecond,
}

/// What is followed, and for whom it is signed.
#[derive(Debug)]
pub struct Source {
    /// The origin's playlist, media or multivariant.
    pub origin: Url,
    /// How it is followed; the variant is each rendition's own.
    pub config: TrackerConfig,
    /// The stream.
    pub stream: StreamId,
    /// Its key.
    pub key: Arc<SecretKey>,
}

/// Follows an origin, signs, publishes.
pub struct Follower<P> {
    source: Source,
    reader: OriginReader,
    publisher: P,
    reporter: Reporter,
    common: Mutex<Common>,
}

impl<P: Publisher> Follower<P> {
    /// Follows `source` through `reader`. What is `live` is told as it changes.
    pub fn new(
        source: Source,
        reader: OriginReader,
        epochs: Epochs,
        publisher: P,
        live: watch::Sender<Option<LiveNow>>,
        reporter: Reporter,
    ) -> Self {
        Self { source, reader, publisher, reporter, common: Mutex::new(Common::new(epochs, live)) }
    }

    /// Follows until `stop`; gives the publisher back.
    pub async fn run(self, stop: CancellationToken) -> P {
        let mut count = self.common().count();
        let mut following = FuturesUnordered::new();
        let mut followed = BTreeSet::new();
        while !stop.is_cancelled() {
            let wanted = (0..*count.borrow_and_update()).map(RenditionId);
            for id in wanted.filter(|id| followed.insert(*id)) {
                following.push(Box::pin(self.follow(id, &stop)));
            }
            tokio::select! {
                Some(ended) = following.next() => { followed.remove(&ended); }
                Ok(()) = count.changed() => {}
            }
        }
        // They end by the same token.
        while following.next().await.is_some() {}
        drop(following);
        self.common().end();
        self.publisher
    }

    /// Follows one rendition, as long as there is such a one.
    async fn follow(&self, id: RenditionId, stop: &CancellationToken) -> RenditionId {
        let mut rendition = Rendition::new(id, &self.source, self.reporter.clone());
        if self.common().expects_live() {
            rendition.expect_live();
        }
        while self.common().is_followed(id) {
            let due = tokio::time::Instant::from_std(rendition.next_read());
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(due) => {}
            }
            // A read under way is dropped at stop; nothing half-signed can come of it.
            tokio::select! {
                () = stop.cancelled() => break,
                () = rendition.step(self) => {}
            }
        }
        self.common().note_gone(id);
        id
    }

    fn common(&self) -> MutexGuard<'_, Common> {
        // Nothing in there panics half way through a change.
        self.common.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This machine's clock.
pub fn unix_now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
