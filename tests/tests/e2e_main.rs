//! The main job: a real encoder, a real origin, real nodes, real players.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use streamr_testnet::players::ffmpeg::{Joints, decode};
use streamr_testnet::players::{Browser, Vlc, Watch, Watched, browser, sha256};
use streamr_testnet::{Network, OriginOptions, SummaryCollector};

/// From the first process to a few segments at every node, on two busy cores.
const UNDER_WAY: Duration = Duration::from_secs(60);
const ENOUGH: Duration = Duration::from_secs(90);

fn network(nodes: usize) -> Network {
    let origin = OriginOptions { keep_segments: true, ..OriginOptions::default() };
    let mut network = Network::builder().nodes(nodes).origin(origin).start().unwrap();
    network.wait_supporting(3, UNDER_WAY).unwrap();
    network
}

/// The origin's segments by SHA-256, each with its number in the order of publication.
fn published(segments: &Path) -> BTreeMap<[u8; 32], u64> {
    let files = fs::read_dir(segments).unwrap().map(|entry| entry.unwrap().path());
    let segments = files.filter(|path| path.extension().is_some_and(|extension| extension == "ts"));
    let number = |path: &Path| path.file_stem()?.to_str()?.rsplit_once('-')?.1.parse().ok();
    segments.map(|path| (sha256(&fs::read(&path).unwrap()), number(&path).unwrap())).collect()
}

/// Every segment is one of the origin's, to the bit, and they come in the origin's order without a gap.
fn assert_same_as_origin(watched: &Watched, published: &BTreeMap<[u8; 32], u64>) {
    let numbers: Vec<u64> = watched.segments.values().map(|segment| published[&segment.sha256]).collect();
    let in_order = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
    assert!(in_order, "segments out of the origin's order: {numbers:?}");
}

#[test]
fn thirty_seconds_from_a_node_decode_without_a_word_and_every_segment_is_the_origins() {
    let mut network = network(4);
    let watches: Vec<Watch> = (0..4).map(|index| Watch::start(&network.playback_url(index))).collect();
    let playback = network.playback_url(3);
    let playing =
        std::thread::spawn(move || decode(&playback, Duration::from_secs(30), Joints::None, ENOUGH));
    let mut collector = SummaryCollector::default();
    while !playing.is_finished() {
        network.observe(&mut collector).unwrap();
        network.check_alive().unwrap();
        streamr_testnet::poll::let_run(Duration::from_secs(1)).unwrap();
    }
    let report = playing.join().unwrap().unwrap();
    assert!(report.is_perfect(), "{report:?}");

    let published = published(&network.origin.segments());
    for watch in watches {
        let watched = watch.finish();
        assert!(watched.segments.len() >= 10, "only {} segments in 30 s", watched.segments.len());
        assert!(watched.complaints.is_empty(), "{:#?}", watched.complaints);
        assert_same_as_origin(&watched, &published);
    }

    let summary = collector.summary(0, 0);
    eprintln!("{summary:#?}");
    assert!(summary.nodes.iter().map(|node| node.bytes_peers).sum::<u64>() > 0, "{summary:#?}");
    assert!(summary.copies_per_segment.unwrap() <= 2.0, "{summary:#?}");
    assert_eq!(summary.verify_failures, 0, "{summary:#?}");
}

#[test]
fn hls_js_in_chromium_plays_from_a_node() {
    let network = network(2);
    let mut browser = Browser::play(&network.playback_url(1), &browser::hls_js_of_repository()).unwrap();
    let report = browser
        .until("ten seconds played", ENOUGH, |report| report.played_s > 10.0 || report.is_fatal())
        .unwrap();
    assert!(!report.is_fatal() && report.frames > 100, "{report:?}");
    assert!(report.errors.is_empty(), "{report:?}");
}

#[test]
fn vlc_plays_from_a_node() {
    let network = network(2);
    let mut vlc = Vlc::start(&network.playback_url(1)).unwrap();
    let stats = vlc
        .until("ten seconds decoded", ENOUGH, |stats| stats.video_decoded > 200 && stats.audio_decoded > 200)
        .unwrap();
    assert_eq!((stats.demux_corrupted, stats.discontinuities), (0, 0), "{stats:?}");
}
