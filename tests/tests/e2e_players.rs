//! The judges are judged: they like what is good and see what is bad.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use streamr_testnet::fault_origin::{Fault, FaultOrigin, Gap, Scope};
use streamr_testnet::players::ffmpeg::{Joints, decode};
use streamr_testnet::players::{Browser, Vlc, Watch, browser};

const ENOUGH: Duration = Duration::from_secs(60);

fn live_origin() -> FaultOrigin {
    let origin = FaultOrigin::start("alice").unwrap();
    (0..4).for_each(|_| drop(origin.publish().unwrap()));
    origin.publish_by_clock();
    origin
}

#[test]
fn ffmpeg_is_content_with_a_live_and_sees_one_damaged_segment() {
    let origin = live_origin();
    let report = decode(&origin.playlist_url(), Duration::from_secs(10), Joints::None, ENOUGH).unwrap();
    assert!(report.is_perfect(), "{report:?}");
    origin.misbehave(Scope::Segments, Fault::Truncated);
    let report = decode(&origin.playlist_url(), Duration::from_secs(10), Joints::None, ENOUGH).unwrap();
    assert!(!report.is_perfect());
}

#[test]
fn ffmpeg_plays_on_over_a_joint() {
    let origin = live_origin();
    let url = origin.playlist_url();
    let playing =
        std::thread::spawn(move || decode(&url, Duration::from_secs(14), Joints::Expected, ENOUGH).unwrap());
    origin.republish(Gap::Short).unwrap();
    let report = playing.join().unwrap();
    assert!(report.is_perfect(), "{report:?}");
}

#[test]
fn vlc_plays_though_it_refuses_to_be_root() {
    let origin = live_origin();
    let mut vlc = Vlc::start(&origin.playlist_url()).unwrap();
    let stats = vlc.until("two seconds decoded", ENOUGH, |stats| stats.video_decoded > 30).unwrap();
    assert_eq!(stats.demux_corrupted, 0, "{stats:?}");
}

#[test]
fn hls_js_gives_up_on_an_origin_without_cors() {
    let origin = live_origin();
    let mut browser = Browser::play(&origin.playlist_url(), &browser::hls_js_of_repository()).unwrap();
    let report = browser.until("an error", ENOUGH, |report| !report.errors.is_empty()).unwrap();
    assert!(report.is_fatal(), "{report:?}");
}

#[test]
fn the_watcher_complains_of_srs_where_srs_breaks_the_rules() {
    let origin = FaultOrigin::start("alice").unwrap();
    origin.publish().unwrap();
    // The media playlist itself; a watcher does not read the two-level form.
    let master = ureq::get(&origin.playlist_url()).call().unwrap().body_mut().read_to_string().unwrap();
    let root = origin.playlist_url().replace("/live/alice.m3u8", "");
    let watch = Watch::start(&format!("{root}{}", master.lines().last().unwrap()));
    watch.until("the first segment", ENOUGH, |seen| seen.segments.len() == 1).unwrap();
    for _ in 0..7 {
        origin.publish().unwrap();
    }
    let complains = |what: &'static str| {
        watch
            .until(what, ENOUGH, |seen| seen.complaints.iter().any(|complaint| complaint.contains(what)))
            .unwrap()
    };
    complains("segment 0: status 404");
    complains("DISCONTINUITY-SEQUENCE went from 0 to 0 while 1 left");
    origin.republish(Gap::Long).unwrap();
    origin.publish().unwrap();
    complains("MEDIA-SEQUENCE fell from 1 to 0");
}
