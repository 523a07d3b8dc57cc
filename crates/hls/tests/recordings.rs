//! Two recorded lives of an SRS 6, replayed: every segment of every incarnation once, in order.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption fails the test")]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use streamr_hls::{
    EpochReason, OriginState, OriginTracker, Playlist, ReadFailure, TrackedSegment, TrackerConfig,
};
use url::Url;

/// One change of the origin: when, at which level, HTTP status (0: connection refused), body.
struct Change {
    at: Duration,
    child: bool,
    status: u16,
    body: Vec<u8>,
}

fn recording(name: &str) -> Vec<Change> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name);
    let timeline = fs::read_to_string(directory.join("timeline.txt")).unwrap();
    let change = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let file = words.iter().find(|word| word.ends_with(".m3u8") || word.ends_with(".txt")).unwrap();
        Change {
            at: Duration::from_secs_f64(words[0].parse().unwrap()),
            child: words[1] == "child",
            status: words[2].parse().unwrap_or(0),
            body: fs::read(directory.join(file)).unwrap_or_default(),
        }
    };
    timeline.lines().filter(|line| !line.trim().is_empty()).map(change).collect()
}

/// Reads the recorded origin whenever the tracker wants to.
fn replay(name: &str) -> (Vec<TrackedSegment>, Vec<(u64, OriginState)>) {
    let changes = recording(name);
    let start = Instant::now();
    let root: Url = format!("http://127.0.0.1:8080/live/{name}.m3u8").parse().unwrap();
    let mut tracker = OriginTracker::new(root, TrackerConfig::default(), start);
    let end = start + changes.last().unwrap().at + Duration::from_secs(30);
    let (mut segments, mut states) = (Vec::new(), Vec::new());
    let mut now = start;
    while now < end {
        let child = tracker.url().query().is_some();
        let current = changes.iter().rfind(|change| change.child == child && start + change.at <= now);
        let update = match current {
            Some(change) if change.status == 200 => {
                let playlist = Playlist::read(&change.body, tracker.url()).unwrap();
                tracker.handle_playlist(playlist, now)
            }
            Some(Change { status: 0, .. }) => tracker.handle_failure(ReadFailure::Other, now),
            _ => tracker.handle_failure(ReadFailure::NotFound, now),
        };
        segments.extend(update.segments);
        states.extend(update.state.map(|state| ((now - start).as_secs(), state)));
        now = tracker.next_read().max(now + Duration::from_millis(20));
    }
    (segments, states)
}

/// Sequences of each epoch.
fn epochs(segments: &[TrackedSegment]) -> Vec<Vec<u64>> {
    let mut epochs: Vec<Vec<u64>> = Vec::new();
    for tracked in segments {
        if tracked.begins_epoch.is_some() {
            epochs.push(Vec::new());
        }
        assert_eq!(tracked.epoch + 1, epochs.len() as u64);
        epochs.last_mut().unwrap().push(tracked.segment.sequence);
    }
    epochs
}

#[test]
fn every_segment_of_five_incarnations_comes_once_and_in_order() {
    let (segments, states) = replay("srs-frag2-lifecycle");
    let counted: Vec<Vec<u64>> = [12, 8, 12, 5, 11].map(|count| (0..count).collect()).into();
    assert_eq!(epochs(&segments), counted);
    let reasons: Vec<_> = segments.iter().filter_map(|tracked| tracked.begins_epoch).collect();
    assert_eq!(reasons[0], EpochReason::First);
    assert!(reasons[1..].iter().all(|reason| *reason == EpochReason::SequenceWentBack), "{reasons:?}");
    let breaks: Vec<_> =
        segments.iter().filter(|t| t.discontinuity).map(|t| (t.epoch, t.segment.sequence)).collect();
    assert_eq!(breaks, [(0, 0), (1, 0), (2, 0), (2, 7), (3, 0), (4, 0), (4, 7)]);
    assert!(segments.iter().all(|tracked| tracked.lost_before == 0 && tracked.target_duration_s == 3));
    let stalls = states.iter().filter(|(_, state)| *state == OriginState::Stalled).count();
    assert!(stalls >= 3, "frozen playlists and the last silence are noticed: {states:?}");
    assert_eq!(states.last().unwrap().1, OriginState::Stalled);
}

#[test]
fn a_live_that_is_never_interrupted_is_one_epoch_whose_target_does_not_drift() {
    let (segments, _) = replay("srs-default10-8M");
    assert_eq!(epochs(&segments), [(0..13).collect::<Vec<u64>>()]);
    assert!(segments.iter().all(|tracked| tracked.target_duration_s == 11));
}
