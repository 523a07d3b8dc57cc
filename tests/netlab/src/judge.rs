//! What a swarm did with the segments of a span, judged from outside: by what nodes show of when they held
//! each segment whole, and by what the origin's interface counted.

use std::collections::BTreeMap;

use streamr_testnet::NodeSnapshot;

use crate::bounds::float;
use crate::error::{LabError, Result};
use crate::origin::Release;

/// A segment named by a node belongs to the origin's latest release before it, at most this much earlier: the
/// signer looks at the playlist several times a segment.
const LATEST_SIGHT_MS: u64 = 1_500;

/// How one segment fared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentFate {
    /// When the signer first saw it, in Unix milliseconds; `None` if no node speaks of it.
    pub published_ms: Option<u64>,
    /// When each node held it whole, for those that did.
    pub complete_ms: BTreeMap<usize, u64>,
    /// The nodes that were to hold it.
    pub due: Vec<usize>,
}

/// How often a segment was due at a node, and how often it was whole there by its deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// Segments times nodes.
    pub due: usize,
    /// Of these, in time.
    pub on_time: usize,
}

impl Deliveries {
    /// The share in time; 1 if nothing was due.
    pub fn share_on_time(self) -> f64 {
        if self.due == 0 { 1.0 } else { float(self.on_time as u64) / float(self.due as u64) }
    }
}

/// The fates of the segments of a span.
#[derive(Debug, Clone, Default)]
pub struct Judge {
    live_delay_ms: u64,
    fates: BTreeMap<u64, SegmentFate>,
}

impl Judge {
    /// Judges `releases` of the origin; each is due at a node `live_delay_ms` after publication.
    pub fn new(live_delay_ms: u64, releases: &[Release]) -> Self {
        let fates = releases.iter().map(|release| (release.at_ms, SegmentFate::default())).collect();
        Self { live_delay_ms, fates }
    }

    /// Takes note of what node `node` shows. Segments that the origin released in `answers_for` (Unix
    /// milliseconds) are counted against it if it does not hold them.
    pub fn hear(
        &mut self,
        node: usize,
        snapshot: &NodeSnapshot,
        answers_for: std::ops::Range<u64>,
    ) -> Result<()> {
        self.fates.range_mut(answers_for).for_each(|(_, fate)| fate.due.push(node));
        for timing in &snapshot.live.recent {
            let published_ms = timing.published_ms;
            let Some((released_ms, fate)) = self.fates.range_mut(..=published_ms).next_back() else {
                continue;
            };
            if published_ms > released_ms + LATEST_SIGHT_MS {
                // Released after those judged, or lost between origin and signer.
                continue;
            }
            if fate.published_ms.is_some_and(|known| known != published_ms) {
                return Err(LabError::StrangeSegment { published_ms });
            }
            fate.published_ms = Some(published_ms);
            fate.complete_ms.insert(node, timing.complete_ms);
        }
        Ok(())
    }

    /// Segments judged.
    pub fn segments(&self) -> usize {
        self.fates.len()
    }

    /// How often a segment was due at a node, and how often it was there in time.
    pub fn deliveries(&self) -> Deliveries {
        let mut deliveries = Deliveries::default();
        for fate in self.fates.values() {
            let in_time = |node: &&usize| {
                let whole = fate.complete_ms.get(*node).zip(fate.published_ms);
                whole.is_some_and(|(at, published)| *at <= published + self.live_delay_ms)
            };
            deliveries.due += fate.due.len();
            deliveries.on_time += fate.due.iter().filter(in_time).count();
        }
        deliveries
    }

    /// For each segment: milliseconds from its publication to the last of the nodes due holding it, `None`
    /// if one never did. Sorted, those that never were last.
    pub fn last_peer_ms(&self) -> Vec<Option<u64>> {
        let last = |fate: &SegmentFate| {
            let times: Option<Vec<u64>> =
                fate.due.iter().map(|node| fate.complete_ms.get(node).copied()).collect();
            let last = times?.into_iter().max()?;
            Some(last.saturating_sub(fate.published_ms?))
        };
        let mut all: Vec<Option<u64>> = self.fates.values().map(last).collect();
        all.sort_by_key(|ms| ms.unwrap_or(u64::MAX));
        all
    }

    /// The median of [`Self::last_peer_ms`]; `None` if half of the segments never reached everybody.
    pub fn median_last_peer_ms(&self) -> Option<u64> {
        let all = self.last_peer_ms();
        *all.get(all.len() / 2)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Two segments, released at 1,000 and 3,000 ms, due after four seconds.
    fn judge() -> Judge {
        Judge::new(4_000, &[Release { sequence: 5, at_ms: 1_000 }, Release { sequence: 6, at_ms: 3_000 }])
    }

    fn snapshot(recent: &[(u64, u64)]) -> NodeSnapshot {
        let recent: Vec<_> = recent
            .iter()
            .map(|(published, complete)| {
                json!({ "segment": "1-0", "len": 1, "published_ms": published, "complete_ms": complete,
                        "bytes_origin": 0 })
            })
            .collect();
        serde_json::from_value(json!({
            "state": { "state": "supporting", "since_ms": 1 },
            "playback_url": null,
            "notices": [],
            "live": {
                "peers": 1, "bytes_served": 0, "bytes_origin": 0, "bytes_peers": 0, "segments": 0,
                "segments_missed": 0, "blocks_bad": 0, "recent": recent,
            },
        }))
        .unwrap()
    }

    #[test]
    fn what_is_whole_by_its_deadline_everywhere_is_on_time() {
        let mut judge = judge();
        judge.hear(0, &snapshot(&[(1_100, 2_000), (3_200, 7_200)]), 0..9_000).unwrap();
        judge.hear(1, &snapshot(&[(1_100, 1_500), (3_200, 4_000)]), 0..9_000).unwrap();
        assert_eq!(judge.deliveries(), Deliveries { due: 4, on_time: 4 });
        assert_eq!(judge.last_peer_ms(), [Some(900), Some(4_000)]);
        assert_eq!(judge.median_last_peer_ms(), Some(4_000));
    }

    #[test]
    fn late_and_never_are_not_on_time_and_a_segment_nobody_holds_still_counts() {
        let mut judge = judge();
        judge.hear(0, &snapshot(&[(1_100, 5_101)]), 0..9_000).unwrap();
        judge.hear(1, &snapshot(&[(1_100, 5_100)]), 0..9_000).unwrap();
        assert_eq!(judge.deliveries(), Deliveries { due: 4, on_time: 1 });
        assert_eq!(judge.last_peer_ms(), [Some(4_001), None]);
        assert_eq!(judge.median_last_peer_ms(), None);
    }

    #[test]
    fn a_node_answers_only_for_the_time_in_which_it_was_there() {
        let mut judge = judge();
        judge.hear(0, &snapshot(&[(3_100, 3_500)]), 2_000..9_000).unwrap();
        assert_eq!(judge.deliveries(), Deliveries { due: 1, on_time: 1 });
    }

    #[test]
    fn two_segments_that_claim_one_release_are_an_error() {
        let mut judge = judge();
        assert!(judge.hear(0, &snapshot(&[(1_100, 1_500), (1_200, 1_600)]), 0..9_000).is_err());
    }

    #[test]
    fn segments_of_other_times_are_nobodys_business() {
        let mut judge = judge();
        judge
            .hear(0, &snapshot(&[(900, 950), (1_100, 1_200), (3_100, 3_200), (5_100, 5_200)]), 0..9_000)
            .unwrap();
        assert_eq!(judge.segments(), 2);
        assert!((judge.deliveries().share_on_time() - 1.0).abs() < 1e-9);
    }
}
