//! What a network did, in the form of BENCH.md's `run --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::node::{LiveStats, NodeSnapshot, SegmentTiming};

/// The object that `cargo xtask run --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Bytes that left the origin's side to nodes per byte of distinct segments; `None` before the first.
    pub copies_per_segment: Option<f64>,
    /// Complaints of ffmpeg playing from a node, and unclean ends.
    pub playback_errors: usize,
    /// Times a viewer's picture would have stood still, summed over the players.
    pub stalls: u32,
    /// Blocks that did not verify, summed over the nodes.
    pub verify_failures: u64,
    /// Each node.
    pub nodes: Vec<NodeSummary>,
}

/// One node's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeSummary {
    /// Its id in hex.
    pub id: String,
    /// Segments it held complete and verified.
    pub segments: u64,
    /// Verified bytes from the origin or the signer.
    pub bytes_origin: u64,
    /// Verified bytes from peers.
    pub bytes_peers: u64,
    /// Bytes given to peers.
    pub bytes_served: u64,
}

/// Folds snapshots, taken often enough that no segment slips through `live.recent`, into a [`Summary`].
///
/// A node's counters start anew when it is stopped and started; what they had reached is kept.
#[derive(Debug, Default)]
pub struct SummaryCollector {
    nodes: BTreeMap<String, NodeTotals>,
    /// Each distinct segment: its length, and when it was published and complete at each node.
    segments: BTreeMap<String, SegmentSeen>,
}

#[derive(Debug, Default)]
struct NodeTotals {
    segments: Counter,
    bytes_origin: Counter,
    bytes_peers: Counter,
    bytes_served: Counter,
    blocks_bad: Counter,
}

#[derive(Debug, Default)]
struct SegmentSeen {
    len: u32,
    published_ms: u64,
    complete_ms: BTreeMap<String, u64>,
}

/// A counter that may be reset behind our back.
#[derive(Debug, Default)]
struct Counter {
    before: u64,
    last: u64,
}

impl Counter {
    fn see(&mut self, value: u64) {
        if value < self.last {
            self.before += self.last;
        }
        self.last = value;
    }

    fn total(&self) -> u64 {
        self.before + self.last
    }
}

impl SummaryCollector {
    /// Takes note of what `node` shows.
    pub fn observe(&mut self, node: &str, snapshot: &NodeSnapshot) {
        let LiveStats { bytes_served, bytes_origin, bytes_peers, segments, blocks_bad, .. } = snapshot.live;
        let totals = self.nodes.entry(node.into()).or_default();
        totals.segments.see(segments);
        totals.bytes_origin.see(bytes_origin);
        totals.bytes_peers.see(bytes_peers);
        totals.bytes_served.see(bytes_served);
        totals.blocks_bad.see(blocks_bad);
        for timing in &snapshot.live.recent {
            self.observe_segment(node, timing);
        }
    }

    fn observe_segment(&mut self, node: &str, timing: &SegmentTiming) {
        let seen = self.segments.entry(timing.segment.clone()).or_default();
        seen.len = timing.len;
        seen.published_ms = timing.published_ms;
        seen.complete_ms.insert(node.into(), timing.complete_ms);
    }

    /// Segments that at least one node completed.
    pub fn distinct_segments(&self) -> usize {
        self.segments.len()
    }

    /// For each segment published since `since_ms` that every node completed: milliseconds from its
    /// publication to its completion at the last node. Sorted.
    pub fn last_node_ms(&self, since_ms: u64) -> Vec<u64> {
        let everywhere =
            |seen: &&SegmentSeen| seen.published_ms >= since_ms && seen.complete_ms.len() == self.nodes.len();
        let last = |seen: &SegmentSeen| seen.complete_ms.values().max().copied().unwrap_or_default();
        let delay = |seen: &SegmentSeen| last(seen).saturating_sub(seen.published_ms);
        let mut delays: Vec<u64> = self.segments.values().filter(everywhere).map(delay).collect();
        delays.sort_unstable();
        delays
    }

    /// The sum so far, with what the players saw.
    pub fn summary(&self, playback_errors: usize, stalls: u32) -> Summary {
        let published: u64 = self.segments.values().map(|seen| u64::from(seen.len)).sum();
        let left_origin: u64 = self.nodes.values().map(|totals| totals.bytes_origin.total()).sum();
        let node = |(id, totals): (&String, &NodeTotals)| NodeSummary {
            id: id.clone(),
            segments: totals.segments.total(),
            bytes_origin: totals.bytes_origin.total(),
            bytes_peers: totals.bytes_peers.total(),
            bytes_served: totals.bytes_served.total(),
        };
        Summary {
            copies_per_segment: (published > 0).then(|| ratio(left_origin, published)),
            playback_errors,
            stalls,
            verify_failures: self.nodes.values().map(|totals| totals.blocks_bad.total()).sum(),
            nodes: self.nodes.iter().map(node).collect(),
        }
    }
}

/// To three decimals, which is more than two such runs agree on.
fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "byte counts of a run are far below 2^52")]
    let ratio = part as f64 / whole as f64;
    (ratio * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn snapshot(bytes_origin: u64, recent: &[(&str, u64, u64)]) -> NodeSnapshot {
        let recent: Vec<_> = recent
            .iter()
            .map(|(segment, published, complete)| {
                json!({ "segment": segment, "len": 1000, "published_ms": published,
                        "complete_ms": complete, "bytes_origin": 500 })
            })
            .collect();
        serde_json::from_value(json!({
            "state": { "state": "supporting", "since_ms": 1 },
            "playback_url": null,
            "notices": [],
            "live": {
                "peers": 1, "bytes_served": 7, "bytes_origin": bytes_origin, "bytes_peers": 3,
                "segments": recent.len(), "segments_missed": 0, "blocks_bad": 0, "recent": recent,
            },
        }))
        .unwrap()
    }

    #[test]
    fn two_nodes_that_share_one_copy_count_as_one() {
        let mut collector = SummaryCollector::default();
        collector.observe("a", &snapshot(1500, &[("1-0", 10, 20), ("1-1", 30, 50)]));
        collector.observe("b", &snapshot(500, &[("1-0", 10, 25), ("1-1", 30, 45)]));
        let summary = collector.summary(0, 0);
        assert_eq!(summary.copies_per_segment, Some(1.0));
        assert_eq!(summary.nodes.len(), 2);
        assert_eq!(collector.last_node_ms(0), [15, 20]);
        assert_eq!(collector.last_node_ms(30), [20]);
    }

    #[test]
    fn a_segment_that_one_node_lacks_has_no_last_node() {
        let mut collector = SummaryCollector::default();
        collector.observe("a", &snapshot(500, &[("1-0", 10, 20)]));
        collector.observe("b", &snapshot(0, &[]));
        assert!(collector.last_node_ms(0).is_empty());
    }

    #[test]
    fn counters_survive_a_restart_of_supporting() {
        let mut collector = SummaryCollector::default();
        collector.observe("a", &snapshot(900, &[("1-0", 10, 20)]));
        collector.observe("a", &snapshot(100, &[("1-0", 10, 20)]));
        assert_eq!(collector.summary(0, 0).nodes[0].bytes_origin, 1000);
    }

    #[test]
    fn before_the_first_segment_there_is_no_ratio() {
        assert_eq!(SummaryCollector::default().summary(0, 0).copies_per_segment, None);
    }
}
