//! From the relay's counters to what a person sees. Pure.

mod chart;
mod totals;

use std::time::Instant;

use streamr_model::UnixMs;
use streamr_relay::RelayStats;

use crate::view::{LiveStats, SegmentTiming, UplinkView};

use chart::Chart;
pub(crate) use totals::TotalsCounter;

/// Turns the counters of one carrying into [`LiveStats`].
#[derive(Debug)]
pub(crate) struct LiveCounter {
    latest: RelayStats,
    chart: Chart,
}

impl LiveCounter {
    /// Carrying began.
    pub(crate) fn begin(now: Instant) -> Self {
        Self { latest: RelayStats::default(), chart: Chart::begin(now) }
    }

    /// The counters as of the last sample.
    pub(crate) fn latest(&self) -> &RelayStats {
        &self.latest
    }

    /// Takes in the relay's counters.
    pub(crate) fn sample(&mut self, stats: RelayStats, now: Instant, wall: UnixMs) {
        let down = stats.bytes_origin.saturating_add(stats.bytes_peers);
        self.chart.sample(stats.bytes_served, down, now, wall);
        self.latest = stats;
    }

    /// As shown.
    pub(crate) fn view(&self) -> LiveStats {
        let stats = &self.latest;
        let (upload_bps, download_bps) = self.chart.rates();
        LiveStats {
            peers: stats.peers,
            people_helped: stats.peers_served_lately.saturating_add(stats.local_viewers),
            local_viewers: stats.local_viewers,
            upload_bps,
            download_bps,
            bytes_served: stats.bytes_served,
            bytes_origin: stats.bytes_origin,
            bytes_peers: stats.bytes_peers,
            segments: stats.segments,
            segments_missed: stats.segments_missed,
            blocks_bad: stats.blocks_bad,
            uplink: stats.upload.as_ref().map(uplink),
            chart: self.chart.points(),
            recent: stats.recent.iter().map(timing).collect(),
        }
    }
}

fn uplink(upload: &streamr_relay::UploadView) -> UplinkView {
    UplinkView {
        measured_bps: upload.measured.map(|measured| measured.capacity.0),
        is_limit: upload.measured.is_some_and(|measured| measured.is_limit),
        share_bps: upload.share.0,
        rate_now_bps: upload.rate_now.0,
        gives_way: upload.gives_way,
    }
}

fn timing(timing: &streamr_relay::SegmentTiming) -> SegmentTiming {
    SegmentTiming {
        segment: timing.segment.clone(),
        len: timing.len,
        published_ms: timing.published_at.0,
        complete_ms: timing.complete_at.0,
        bytes_origin: timing.bytes_origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn people_helped_are_peers_and_local_viewers() {
        let now = Instant::now();
        let mut counter = LiveCounter::begin(now);
        let stats =
            RelayStats { peers_served_lately: 3, local_viewers: 1, peers: 7, ..RelayStats::default() };
        counter.sample(stats, now, UnixMs(0));
        let view = counter.view();
        assert_eq!((view.people_helped, view.local_viewers, view.peers), (4, 1, 7));
    }

    #[test]
    fn rates_are_of_the_last_five_seconds() {
        let start = Instant::now();
        let mut counter = LiveCounter::begin(start);
        for quarter in 0..=80_u64 {
            let bytes_served = quarter.min(40) * 250_000;
            let stats = RelayStats { bytes_served, bytes_peers: quarter * 25_000, ..RelayStats::default() };
            counter.sample(stats, start + Duration::from_millis(250 * quarter), UnixMs(250 * quarter));
            if quarter == 40 {
                assert_eq!(counter.view().upload_bps, 8_000_000);
            }
        }
        assert_eq!(counter.view().upload_bps, 0);
        assert_eq!(counter.view().download_bps, 800_000);
        assert_eq!(counter.view().chart.len(), 4);
    }
}
