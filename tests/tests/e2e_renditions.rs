//! A stream in two renditions: real encoder, signer and nodes, and players that play one or the other.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use streamr_testnet::players::ffmpeg::{Joints, decode};
use streamr_testnet::players::{Browser, Watch, Watched, browser};
use streamr_testnet::variant_network::VariantNetwork;
use streamr_testnet::variant_origin::{VARIANTS, Written};

const ENOUGH: Duration = Duration::from_secs(60);

/// What a player of one rendition got, as the encoder wrote it. Nothing else, and without a break.
fn assert_genuine(watched: &Watched, written: &BTreeMap<[u8; 32], Written>) -> Vec<Written> {
    assert!(watched.complaints.is_empty(), "{:#?}", watched.complaints);
    assert_eq!(watched.discontinuities(), 0, "{:#?}", watched.segments);
    let genuine = |segment: &streamr_testnet::players::watch::SeenSegment| {
        written.get(&segment.sha256).cloned().ok_or_else(|| segment.url.clone())
    };
    watched.segments.values().map(genuine).collect::<Result<_, _>>().unwrap()
}

#[test]
fn each_player_gets_its_rendition_to_the_bit_and_each_leaves_the_origin_about_once() {
    let mut network = VariantNetwork::start(2).unwrap();
    // Node 0 plays the first rendition, node 1 the other.
    let watches = [0, 1].map(|n| Watch::start(&network.rendition_url(n, n)));
    let (mut given, mut len) = ([0, 0], [0, 0]);
    for (rendition, watch) in watches.into_iter().enumerate() {
        watch.until("eight segments", ENOUGH, |seen| seen.segments.len() >= 8).unwrap();
        let watched = watch.finish();
        let played = assert_genuine(&watched, &network.origin.written(VARIANTS[rendition]).unwrap());
        // The first ones were published while nodes and players came.
        for segment in &played[3..] {
            given[rendition] += network.origin.given(&segment.name);
            len[rendition] += segment.len;
        }
    }
    network.check_alive().unwrap();
    for rendition in [0, 1] {
        let percent = given[rendition] * 100 / len[rendition];
        eprintln!("{}: {percent} % of its bytes left the origin for nodes", VARIANTS[rendition]);
        assert!((80..=130).contains(&percent), "{} left the origin {percent} %", VARIANTS[rendition]);
    }
    for node in &network.nodes {
        let live = node.snapshot().unwrap().live;
        assert_eq!((live.blocks_bad, live.segments_missed), (0, 0), "{live:?}");
        assert!(live.bytes_peers > 0, "{live:?}");
    }
}

#[test]
fn the_stream_has_one_address_and_players_choose_behind_it() {
    let mut network = VariantNetwork::start(2).unwrap();
    network.nodes[0].wait_for("supporting", ENOUGH, |now| now.state.state == "supporting").unwrap();
    let index = network.playback_url(0);
    let report = decode(&index, Duration::from_secs(8), Joints::None, ENOUGH).unwrap();
    assert!(report.is_perfect(), "{report:?}");
    let text = ureq::get(&index).call().unwrap().body_mut().read_to_string().unwrap();
    let choice: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(choice, ["0/index.m3u8", "1/index.m3u8"], "{text}");
    assert!(text.contains("RESOLUTION=640x360") && text.contains("RESOLUTION=320x180"), "{text}");
    assert!(text.contains("CODECS=\"avc1."), "{text}");
    for rendition in [0, 1] {
        let url = network.rendition_url(1, rendition);
        let report = decode(&url, Duration::from_secs(6), Joints::None, ENOUGH).unwrap();
        assert!(report.is_perfect(), "{url}: {report:?}");
    }

    let mut browser = Browser::play(&network.playback_url(1), &browser::hls_js_of_repository()).unwrap();
    let report = browser.until("ten seconds in hls.js", ENOUGH, |report| report.played_s >= 10.0).unwrap();
    assert!(!report.is_fatal(), "{report:?}");
    network.check_alive().unwrap();
}
