//! Following an origin that cannot count.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption fails the test")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use streamr_hls::{
    Cadence, EpochReason, OriginState, OriginTracker, Playlist, ReadFailure, TrackerConfig, Update,
};
use url::Url;

fn url() -> Url {
    "http://127.0.0.1:8080/live/index.m3u8".parse().unwrap()
}

struct Origin {
    tracker: OriginTracker,
    now: Instant,
}

impl Origin {
    fn found(config: TrackerConfig) -> Self {
        let now = Instant::now();
        Self { tracker: OriginTracker::new(url(), config, now), now }
    }

    /// An origin that has no live yet.
    fn new(config: TrackerConfig) -> Self {
        let mut origin = Self::found(config);
        origin.fails(ReadFailure::NotFound);
        origin
    }

    fn reads(&mut self, text: &str) -> Update {
        let playlist = Playlist::read(text.as_bytes(), self.tracker.url()).unwrap();
        self.tracker.handle_playlist(playlist, self.now)
    }

    fn fails(&mut self, failure: ReadFailure) -> Update {
        self.tracker.handle_failure(failure, self.now)
    }

    fn after(&mut self, ms: u64) -> &mut Self {
        self.now += Duration::from_millis(ms);
        self
    }
}

/// A playlist that begins at `first`, one `(name, seconds)` per segment.
fn playlist(target: u32, first: u64, segments: &[(&str, f64)]) -> String {
    let lines = segments.iter().map(|(name, seconds)| format!("#EXTINF:{seconds:.3},\n{name}.ts\n"));
    format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{first}\n{}",
        lines.collect::<String>()
    )
}

fn sequences(update: &Update) -> Vec<u64> {
    update.segments.iter().map(|tracked| tracked.segment.sequence).collect()
}

#[test]
fn a_reset_is_noticed_though_every_name_and_length_is_known() {
    let mut origin = Origin::new(TrackerConfig::default());
    let first = [("a", 2.0), ("b", 2.0), ("c", 2.0)];
    assert_eq!(sequences(&origin.reads(&playlist(2, 0, &first))), [0, 1, 2]);
    let again = origin.after(2000).reads(&playlist(2, 0, &first[..2]));
    assert_eq!(sequences(&again), [0, 1]);
    assert_eq!(again.segments[0].begins_epoch, Some(EpochReason::SequenceWentBack));
}

#[test]
fn a_reset_that_was_missed_shows_in_another_name_or_length() {
    for changed in [("x", 2.0), ("c", 1.9)] {
        let mut origin = Origin::new(TrackerConfig::default());
        origin.reads(&playlist(2, 0, &[("a", 2.0), ("b", 2.0), ("c", 2.0)]));
        let update = origin.after(2000).reads(&playlist(2, 1, &[("b", 2.0), changed, ("d", 2.0)]));
        assert_eq!(sequences(&update), [1, 2, 3]);
        assert_eq!(update.segments[0].begins_epoch, Some(EpochReason::NumberReused));
    }
}

#[test]
fn a_long_absence_is_bridged_with_a_discontinuity() {
    let mut origin = Origin::new(TrackerConfig::default());
    origin.reads(&playlist(2, 0, &[("a", 2.0), ("b", 2.0)]));
    let gone = origin.after(500).fails(ReadFailure::Other);
    assert_eq!(gone.state, None, "one failure says little");
    assert_eq!(origin.after(8000).fails(ReadFailure::Other).state, Some(OriginState::Stalled));
    let back = origin.after(500).reads(&playlist(2, 1, &[("b", 2.0), ("c", 2.0)]));
    assert_eq!(back.state, Some(OriginState::Live));
    assert_eq!(sequences(&back), [2]);
    assert!(back.segments[0].discontinuity && back.segments[0].begins_epoch.is_none());
}

#[test]
fn skipped_numbers_are_counted_as_lost() {
    let mut origin = Origin::new(TrackerConfig::default());
    origin.reads(&playlist(2, 0, &[("a", 2.0)]));
    let update = origin.after(1000).reads(&playlist(2, 4, &[("e", 2.0)]));
    assert_eq!((update.segments[0].lost_before, update.segments[0].discontinuity), (3, true));
}

#[test]
fn a_longer_segment_begins_an_epoch_and_a_smaller_target_does_not() {
    let mut origin = Origin::new(TrackerConfig::default());
    origin.reads(&playlist(3, 0, &[("a", 2.0)]));
    let drift = origin.after(2000).reads(&playlist(2, 1, &[("b", 2.0)]));
    assert_eq!((drift.segments[0].begins_epoch, drift.segments[0].target_duration_s), (None, 3));
    let longer = origin.after(2000).reads(&playlist(17, 2, &[("c", 16.6)]));
    assert_eq!(longer.segments[0].begins_epoch, Some(EpochReason::LongerSegment));
    assert_eq!(longer.segments[0].target_duration_s, 17);
}

#[test]
fn the_end_is_an_end_and_what_follows_is_a_new_epoch() {
    let mut origin = Origin::new(TrackerConfig::default());
    origin.reads(&playlist(2, 0, &[("a", 2.0)]));
    let end = origin.after(2000).reads(&(playlist(2, 0, &[("a", 2.0), ("b", 2.0)]) + "#EXT-X-ENDLIST\n"));
    assert_eq!((sequences(&end), end.state), (vec![1], Some(OriginState::Ended)));
    let more = origin.after(2000).reads(&playlist(2, 1, &[("b", 2.0), ("c", 2.0)]));
    assert_eq!((sequences(&more), more.segments[0].begins_epoch), (vec![2], Some(EpochReason::AfterEnd)));
    assert_eq!(more.state, Some(OriginState::Live));
}

#[test]
fn a_recording_that_has_ended_before_is_not_a_live() {
    let mut origin = Origin::new(TrackerConfig::default());
    let update = origin.reads(&(playlist(2, 0, &[("a", 2.0)]) + "#EXT-X-ENDLIST\n"));
    assert_eq!((sequences(&update), update.state), (vec![], Some(OriginState::Ended)));
}

#[test]
fn a_playlist_left_over_from_a_live_long_past_is_not_a_live() {
    let left_over = playlist(2, 4, &[("e", 2.0), ("f", 2.0)]);
    let mut origin = Origin::found(TrackerConfig::default());
    for _ in 0..10 {
        let update = origin.after(1000).reads(&left_over);
        assert_eq!((sequences(&update), update.state), (vec![], None));
    }
    assert_eq!(origin.tracker.state(), OriginState::Waiting);
    let again = origin.reads(&playlist(2, 0, &[("a", 2.0)]));
    assert_eq!((sequences(&again), again.state), (vec![0], Some(OriginState::Live)));
}

#[test]
fn a_live_that_is_running_is_joined_when_it_moves() {
    let mut origin = Origin::found(TrackerConfig::default());
    origin.reads(&playlist(2, 4, &[("e", 2.0), ("f", 2.0)]));
    assert_eq!(sequences(&origin.after(500).reads(&playlist(2, 5, &[("f", 2.0), ("g", 2.0)]))), [5, 6]);
}

#[test]
fn a_long_window_is_joined_near_its_end() {
    let names: Vec<String> = (0..100).map(|at| format!("s{at}")).collect();
    let segments: Vec<_> = names.iter().map(|name| (name.as_str(), 2.0)).collect();
    let mut origin = Origin::new(TrackerConfig::default());
    assert_eq!(sequences(&origin.reads(&playlist(2, 0, &segments[..50]))), (47..50).collect::<Vec<_>>());
    let update = origin.after(90_000).reads(&playlist(2, 0, &segments));
    assert_eq!(sequences(&update), (68..100).collect::<Vec<_>>());
    assert_eq!(update.segments[0].lost_before, 18);
}

#[test]
fn the_best_variant_is_followed_and_endless_redirection_is_not() {
    let multivariant = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=9\nhigh.m3u8?hls_ctx=1\n";
    let mut origin = Origin::new(TrackerConfig::default());
    let update = origin.reads(multivariant);
    assert_eq!(update.variants.len(), 2);
    assert_eq!(origin.tracker.url().as_str(), "http://127.0.0.1:8080/live/high.m3u8?hls_ctx=1");
    assert_eq!(origin.tracker.next_read(), origin.now, "followed at once");
    for _ in 0..3 {
        assert!(!origin.reads(multivariant).confused);
    }
    assert!(origin.reads(multivariant).confused);
    assert_eq!(origin.tracker.url(), &url());
    assert!(origin.tracker.next_read() > origin.now, "and not in a busy loop");
}

#[test]
fn reloads_follow_the_rfc_or_the_faster_cadence() {
    let first = playlist(8, 0, &[("a", 8.0)]);
    for (cadence, changed, unchanged) in [
        (Cadence::Rfc8216, 8000, 4000),
        (Cadence::Beside, 1000, 1000),
        (Cadence::Every(Duration::from_millis(50)), 50, 50),
    ] {
        let mut origin = Origin::new(TrackerConfig { cadence, ..TrackerConfig::default() });
        origin.reads(&first);
        assert_eq!(origin.tracker.next_read() - origin.now, Duration::from_millis(changed));
        origin.after(100).reads(&first);
        assert_eq!(origin.tracker.next_read() - origin.now, Duration::from_millis(unchanged));
    }
}

#[test]
fn a_missing_playlist_stalls_at_once_and_a_frozen_one_after_three_targets() {
    let first = playlist(2, 0, &[("a", 2.0)]);
    let mut origin = Origin::new(TrackerConfig::default());
    origin.reads(&first);
    assert_eq!(origin.after(6000).reads(&first).state, None);
    assert_eq!(origin.after(1).reads(&first).state, Some(OriginState::Stalled));
    let mut origin = Origin::new(TrackerConfig::default());
    assert_eq!(origin.fails(ReadFailure::NotFound).state, None, "still waiting");
    origin.reads(&first);
    assert_eq!(origin.fails(ReadFailure::NotFound).state, Some(OriginState::Stalled));
}

proptest! {
    #[test]
    fn within_an_epoch_numbers_only_grow_and_targets_stay(
        reads in prop::collection::vec((0_u64..30, prop::collection::vec((0_usize..4, 1_u32..60), 0..9), any::<bool>(), 0_u64..9000), 1..60),
    ) {
        let names = ["a", "b", "c", "d"];
        let mut origin = Origin::new(TrackerConfig::default());
        let mut last: Option<(u64, u64, u32)> = None;
        for (first, segments, fails, ms) in reads {
            origin.after(ms);
            if fails {
                prop_assert!(origin.fails(ReadFailure::Other).segments.is_empty());
                continue;
            }
            let segments: Vec<_> = segments.iter().map(|(name, s)| (names[*name], f64::from(*s) / 10.0)).collect();
            let text = playlist(3, first, &segments);
            let update = origin.reads(&text);
            for tracked in &update.segments {
                let now = (tracked.epoch, tracked.segment.sequence, tracked.target_duration_s);
                prop_assert!(tracked.segment.rounded_s() <= u64::from(tracked.target_duration_s));
                if let Some(last) = last {
                    prop_assert!((now.0, now.1) > (last.0, last.1), "{:?} after {:?}", now, last);
                    prop_assert!(now.0 != last.0 || now.2 == last.2, "the target changed within an epoch");
                    prop_assert_eq!(tracked.begins_epoch.is_some(), now.0 != last.0);
                    let gap = now.0 == last.0 && now.1 != last.1 + 1;
                    prop_assert_eq!(tracked.lost_before > 0, gap || (now.0 != last.0 && tracked.lost_before > 0));
                }
                last = Some(now);
            }
            prop_assert!(origin.reads(&text).segments.is_empty(), "the same playlist twice brings nothing");
        }
    }
}

/// What an origin does between two reads.
#[derive(Debug, Clone)]
enum Act {
    Publishes(u8),
    /// Counts from 0 again and uses its names again.
    Restarts,
    ComesBackWithBreak,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![6 => (1_u8..4).prop_map(Act::Publishes), 1 => Just(Act::Restarts), 1 => Just(Act::ComesBackWithBreak)]
}

/// An origin with SRS's habits: a window of seven, names from numbers, lengths that tell nothing.
#[derive(Default)]
struct Srs {
    incarnation: u32,
    next: u64,
    window: Vec<(u64, u32, bool)>,
    breaks: bool,
}

impl Srs {
    fn acts(&mut self, act: &Act) {
        match act {
            Act::Publishes(count) => {
                for _ in 0..*count {
                    let breaks = self.next == 0 || std::mem::take(&mut self.breaks);
                    self.window.push((self.next, self.incarnation, breaks));
                    self.next += 1;
                }
                self.window.drain(..self.window.len().saturating_sub(7));
            }
            // One that begins again and at once has as many segments as before, with the same names and
            // lengths, looks as if nothing had happened. It takes an origin longer than a read does.
            Act::Restarts if self.next <= 3 => {}
            Act::Restarts => *self = Self { incarnation: self.incarnation + 1, ..Self::default() },
            Act::ComesBackWithBreak => self.breaks = true,
        }
    }

    fn playlist(&self) -> String {
        let first = self.window.first().map_or(self.next, |segment| segment.0);
        let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        for (number, incarnation, breaks) in &self.window {
            let tag = if *breaks { "#EXT-X-DISCONTINUITY\n" } else { "" };
            // The query tells us, not the tracker, which incarnation the segment is of.
            text += &format!("{tag}#EXTINF:2.000,\ns-{number}.ts?of={incarnation}\n");
        }
        text
    }
}

proptest! {
    #[test]
    fn every_segment_of_every_incarnation_comes_once_where_no_read_is_missed(acts in prop::collection::vec(act(), 1..60)) {
        let (mut srs, mut origin) = (Srs::default(), Origin::new(TrackerConfig::default()));
        let (mut came, mut published) = (Vec::new(), Vec::new());
        for act in acts {
            let before = (srs.incarnation, srs.next);
            srs.acts(&act);
            let first_new = if before.0 == srs.incarnation { before.1 } else { 0 };
            published.extend((first_new..srs.next).map(|number| (srs.incarnation, number)));
            let update = origin.after(700).reads(&srs.playlist());
            came.extend(update.segments.iter().map(|tracked| {
                let of = tracked.segment.uri.query().unwrap().trim_start_matches("of=").parse().unwrap();
                (of, tracked.segment.sequence)
            }));
        }
        prop_assert_eq!(came, published);
    }

    #[test]
    fn no_segment_comes_twice_however_many_reads_are_missed(
        acts in prop::collection::vec((act(), any::<bool>(), 0_u64..20_000), 1..80),
    ) {
        let (mut srs, mut origin) = (Srs::default(), Origin::new(TrackerConfig::default()));
        let mut came = std::collections::BTreeSet::new();
        for (act, is_read, ms) in acts {
            srs.acts(&act);
            if !is_read {
                continue;
            }
            for tracked in origin.after(ms).reads(&srs.playlist()).segments {
                let name = (tracked.segment.uri.query().unwrap().to_owned(), tracked.segment.sequence);
                prop_assert!(came.insert(name.clone()), "{:?} came twice", name);
            }
        }
    }
}
