//! What the driver remembers for the statistics, beyond the core's counters.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use streamr_model::{Manifest, NodeId, ProviderTally, UnixMs};
use streamr_relay_core::Swarm;

use crate::api::SegmentTiming;

const LATELY: Duration = Duration::from_secs(60);
const MAX_RECENT: usize = 64;
const MAX_PROVIDERS: usize = 64;
const MAX_CONSUMERS: usize = 128;

/// See the module. Both collections are bounded: by time and connections, and by count.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) manifest_at: Option<UnixMs>,
    served: HashMap<NodeId, Instant>,
    recent: VecDeque<SegmentTiming>,
    has_news: bool,
}

impl Ledger {
    pub(super) fn served(&mut self, node: NodeId) {
        self.served.insert(node, Instant::now());
    }

    pub(super) fn served_lately(&mut self) -> u32 {
        self.served.retain(|_, at| at.elapsed() < LATELY);
        u32::try_from(self.served.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn complete(&mut self, manifest: &Manifest, bytes_origin: u32, now: UnixMs) {
        if self.recent.len() >= MAX_RECENT {
            self.recent.pop_front();
        }
        let rendition = manifest.one_of.as_ref().map(|one_of| format!("-{}", one_of.rendition.0));
        let rendition = rendition.unwrap_or_default();
        self.recent.push_back(SegmentTiming {
            segment: format!("{}-{}{rendition}", manifest.epoch.0, manifest.sequence.0),
            len: manifest.len,
            published_at: manifest.published_at,
            complete_at: now,
            bytes_origin,
        });
        self.has_news = true;
    }

    /// Whether a segment was completed since the last call: told at once, not with the next tick.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    pub(super) fn recent(&self) -> Vec<SegmentTiming> {
        self.recent.iter().cloned().collect()
    }
}

/// What each provider gave, most bytes first. What a seed gave is the origin's and is not among it.
pub(super) fn tallies(swarm: &Swarm) -> Vec<ProviderTally> {
    let mut tallies: Vec<ProviderTally> = swarm
        .peer_counters()
        .filter(|(_, counters)| {
            counters.blocks_received > 0 || counters.blocks_bad > 0 || counters.blocks_missed > 0
        })
        .map(|(provider, counters)| ProviderTally {
            provider,
            bytes: counters.bytes_received,
            blocks: counters.blocks_received,
            on_time: counters.blocks_on_time,
            bad: counters.blocks_bad,
            missed: counters.blocks_missed,
        })
        .collect();
    tallies.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.provider.cmp(&b.provider)));
    tallies.truncate(MAX_PROVIDERS);
    tallies
}

/// What each peer was given, most bytes first.
pub(super) fn given(swarm: &Swarm) -> Vec<(NodeId, u64)> {
    let mut given: Vec<(NodeId, u64)> = swarm
        .peer_counters()
        .filter(|(_, counters)| counters.bytes_sent > 0)
        .map(|(consumer, counters)| (consumer, counters.bytes_sent))
        .collect();
    given.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    given.truncate(MAX_CONSUMERS);
    given
}
