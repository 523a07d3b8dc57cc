//! What an origin offers to choose from, and what local players get of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption fails the test")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use streamr_hls::{
    OriginTracker, Playlist, ReadError, Renditions, TrackerConfig, Variant, VariantChoice, multivariant,
};
use streamr_model::Manifest;
use url::Url;

fn url() -> Url {
    "http://127.0.0.1:8080/live/master.m3u8".parse().unwrap()
}

fn variants(text: &str) -> Vec<Variant> {
    match Playlist::read(text.as_bytes(), &url()) {
        Ok(Playlist::Multivariant(variants)) => variants,
        other => panic!("expected a multivariant playlist, got {other:?}"),
    }
}

/// A variant for each bandwidth, in this order.
fn of_bandwidths(bandwidths: impl IntoIterator<Item = u64>) -> String {
    let line = |bps: u64| format!("#EXT-X-STREAM-INF:BANDWIDTH={bps}\n{bps}.m3u8\n");
    format!("#EXTM3U\n{}", bandwidths.into_iter().map(line).collect::<String>())
}

#[test]
fn what_players_choose_by_is_passed_on_and_groups_are_not() {
    let text = "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n\
        #EXT-X-STREAM-INF:FRAME-RATE=50.000,BANDWIDTH=5000000,AVERAGE-BANDWIDTH=4000000,\
        CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,CLOSED-CAPTIONS=NONE,VIDEO-RANGE=SDR\n\
        hd/index.m3u8?token=a,b\n";
    let [hd] = &variants(text)[..] else { panic!("one variant") };
    assert_eq!(hd.uri.as_str(), "http://127.0.0.1:8080/live/hd/index.m3u8?token=a,b");
    assert_eq!((hd.bandwidth_bps, hd.resolution), (5_000_000, Some((1280, 720))));
    let expected = "BANDWIDTH=5000000,FRAME-RATE=50.000,AVERAGE-BANDWIDTH=4000000,\
        CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,VIDEO-RANGE=SDR";
    assert_eq!(hd.attributes, expected);
    let local = multivariant::render(std::slice::from_ref(&hd.attributes), |at| format!("{at}/index.m3u8"));
    assert_eq!(local, format!("#EXTM3U\n#EXT-X-STREAM-INF:{expected}\n0/index.m3u8\n"));
}

#[test]
fn a_variant_whose_sound_stands_apart_is_left_out() {
    let text = "#EXTM3U\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"apart\",NAME=\"English\",URI=\"en.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=4,AUDIO=\"apart\"\npicture.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=3,AUDIO=\"within\",SUBTITLES=\"text\"\nboth.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"named nowhere\"\nlow.m3u8\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"within\",NAME=\"English\"\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"within\",NAME=\"Deutsch\",URI=\"de.m3u8\"\n\
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"English\",URI=\"sub.m3u8\"\n";
    let renditions = Renditions::of(variants(text));
    assert_eq!((renditions.apart, renditions.too_many), (1, 0));
    assert_eq!(renditions.attributes(), ["BANDWIDTH=3", "BANDWIDTH=2"]);
}

#[test]
fn eight_variants_are_carried_in_the_origins_order_and_each_media_playlist_once() {
    let renditions = Renditions::of(variants(&of_bandwidths([5, 1, 9, 5, 2, 3, 4, 6, 7, 8, 10])));
    let carried: Vec<u64> = renditions.carried.iter().map(|variant| variant.bandwidth_bps).collect();
    assert_eq!(carried, [5, 1, 9, 2, 3, 4, 6, 7]);
    assert_eq!((renditions.apart, renditions.too_many), (0, 2));
}

#[test]
fn one_variant_is_nothing_to_choose_from() {
    let renditions = Renditions::of(variants(&of_bandwidths([5])));
    assert_eq!((renditions.carried.len(), renditions.attributes()), (1, vec![]));
}

#[test]
fn a_tracker_follows_the_variant_in_its_place_and_comes_back_to_it_by_the_root() {
    let (now, root) = (Instant::now(), url());
    let config = TrackerConfig { variant: VariantChoice::Carried(1), ..TrackerConfig::default() };
    let mut tracker = OriginTracker::new(root.clone(), config, now);
    let read = |tracker: &mut OriginTracker, text: &str, ms: u64| {
        let playlist = Playlist::read(text.as_bytes(), tracker.url()).unwrap();
        tracker.handle_playlist(playlist, now + Duration::from_millis(ms))
    };
    assert_eq!(read(&mut tracker, &of_bandwidths([9, 5, 1]), 0).variants.len(), 3);
    assert_eq!(tracker.url().path(), "/live/5.m3u8");
    // As SRS does: another multivariant playlist with a fresh context, and a single variant.
    let context = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n5.m3u8?ctx=1\n";
    let update = read(&mut tracker, context, 0);
    assert!(update.variants.is_empty() && !update.confused, "the choice stands at the root only");
    assert_eq!(tracker.url().query(), Some("ctx=1"));
    tracker.handle_failure(streamr_hls::ReadFailure::Other, now);
    assert_eq!(*tracker.url(), root);
    let update = read(&mut tracker, &of_bandwidths([9]), 500);
    assert!(update.confused, "there is no second variant any more");
    assert_eq!(update.variants.len(), 1);
    assert!(tracker.next_read() > now + Duration::from_millis(500), "and it is not asked for in a busy loop");
}

fn any_lines() -> impl Strategy<Value = Vec<String>> {
    let attribute = prop_oneof![
        Just("BANDWIDTH=".to_owned()),
        Just("CODECS=\"a,b\"".to_owned()),
        Just("TYPE=AUDIO".to_owned()),
        Just("GROUP-ID=\"g\"".to_owned()),
        Just("AUDIO=\"g\"".to_owned()),
        Just("URI=\"u\"".to_owned()),
        "[A-Z-]{0,9}=[ -~]{0,20}",
        "\\PC{0,20}",
    ];
    let list = proptest::collection::vec(attribute, 0..6).prop_map(|list| list.join(","));
    let line = prop_oneof![
        list.clone().prop_map(|list| format!("#EXT-X-STREAM-INF:{list}")),
        list.prop_map(|list| format!("#EXT-X-MEDIA:{list}")),
        "[a-z/.?=&:]{0,20}",
        "\\PC{0,30}",
    ];
    proptest::collection::vec(line, 0..60)
}

proptest! {
    #[test]
    fn no_playlist_makes_reading_panic_and_what_is_carried_is_bounded(lines in any_lines()) {
        let text = format!("#EXTM3U\n{}", lines.join("\n"));
        if let Ok(Playlist::Multivariant(variants)) = Playlist::read(text.as_bytes(), &url()) {
            let renditions = Renditions::of(variants);
            prop_assert!(renditions.carried.len() <= Manifest::MAX_RENDITIONS);
            for list in renditions.attributes() {
                prop_assert!(list.len() <= Manifest::MAX_VARIANT_LEN && !list.contains(char::is_control));
            }
        }
    }

    #[test]
    fn whatever_a_signer_says_local_players_get_one_line_and_one_address_for_each(
        lists in proptest::collection::vec("\\PC{0,80}|(?s:.{0,40})|[A-Z]{1,6}=\"[ -~]{0,900}\"", 0..10)
    ) {
        let text = multivariant::render(&lists, |at| format!("{at}/index.m3u8"));
        prop_assert_eq!(text.lines().count(), 1 + 2 * lists.len());
        if lists.is_empty() {
            return Ok(());
        }
        let read = variants(&text);
        prop_assert_eq!(read.len(), lists.len());
        let again: Vec<String> = read.iter().map(|variant| variant.attributes.clone()).collect();
        prop_assert_eq!(multivariant::render(&again, |at| format!("{at}/index.m3u8")), text);
    }
}

#[test]
fn a_variant_list_with_segments_in_it_is_refused() {
    let mixed = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n#EXTINF:4,\na.ts\n";
    assert!(matches!(Playlist::read(mixed.as_bytes(), &url()), Err(ReadError::Line { line: 5, .. })));
}
