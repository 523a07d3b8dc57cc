use streamr_model::{MediaSequence, OneOf, SegmentContainer};

use super::*;

fn manifest(rendition: u16, sequence: u64, variants: &[&str]) -> Manifest {
    let rendition = RenditionId(rendition);
    let variants: Vec<String> = variants.iter().map(|list| (*list).to_owned()).collect();
    Manifest {
        stream: "alice".parse().unwrap(),
        epoch: StreamEpoch(7),
        one_of: (!variants.is_empty()).then_some(OneOf { rendition, variants }),
        sequence: MediaSequence(sequence),
        duration_us: 2_000_000,
        target_duration_s: 2,
        discontinuity: false,
        published_at: UnixMs(1_000_000 + sequence * 2_000),
        origin_url: String::new(),
        origin_offset: 0,
        container: SegmentContainer::MpegTs,
        init: None,
        tags: vec![],
        header_tags: vec![],
        len: 1_000,
        block_len: Manifest::MIN_BLOCK_LEN,
        block_hashes: vec![[0; 32]],
    }
}

const TWO: [&str; 2] = ["BANDWIDTH=2,RESOLUTION=2x2", "BANDWIDTH=1"];

fn playback(limit_bytes: u64) -> Playback {
    Playback::new("alice".parse().unwrap(), limit_bytes)
}

fn push(playback: &Playback, rendition: u16, sequence: u64) {
    let manifest = manifest(rendition, sequence, &TWO);
    playback.describe(&manifest);
    playback.push(&manifest, vec![Bytes::from(vec![0; 1_000])], manifest.published_at);
}

fn text(bytes: Option<Bytes>) -> String {
    String::from_utf8(bytes.unwrap().to_vec()).unwrap()
}

/// Media sequence numbers of a rendition's playlist by the names of their files.
fn numbers(playback: &Playback, rendition: u16) -> Vec<(u64, String)> {
    let text = text(playback.playlist_text(RenditionId(rendition)));
    let first = text.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:")).unwrap();
    let names = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned);
    (first.parse().unwrap()..).zip(names).collect()
}

#[test]
fn the_address_leads_to_what_the_newest_manifest_describes() {
    let playback = playback(1 << 20);
    assert_eq!(playback.index_text(), None);
    playback.describe(&manifest(0, 5, &TWO));
    let expected = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=2x2\n0/index.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1\n1/index.m3u8\n";
    assert_eq!(text(playback.index_text()), expected, "before any segment is whole");
    playback.describe(&manifest(1, 4, &["BANDWIDTH=9", "BANDWIDTH=8"]));
    assert_eq!(text(playback.index_text()), expected, "an older manifest changes nothing");
    playback.describe(&manifest(0, 6, &[]));
    assert_eq!(playback.index_text(), None, "one rendition, and no segment of it yet");
    push(&playback, 0, 7);
    playback.describe(&manifest(0, 8, &[]));
    assert!(text(playback.index_text()).contains("\n7-7.ts\n"), "the media playlist itself");
}

#[test]
fn only_a_rendition_that_is_asked_for_is_wanted_whole_and_the_only_one_always_is() {
    let playback = playback(1 << 20);
    let (whole, own) = (Interest::Whole, Interest::OwnStripes);
    assert_eq!(playback.interests(), [(RenditionId(0), whole)]);
    playback.describe(&manifest(0, 5, &TWO));
    assert_eq!(playback.interests(), [(RenditionId(0), own), (RenditionId(1), own)]);
    assert!(playback.note_asked(RenditionId(1)) && !playback.note_asked(RenditionId(2)));
    assert_eq!(playback.interests(), [(RenditionId(0), own), (RenditionId(1), whole)]);
    playback.describe(&manifest(0, 6, &[]));
    assert_eq!(playback.interests(), [(RenditionId(0), whole)]);
}

#[test]
fn whoever_asks_for_a_rendition_that_nobody_plays_is_noticed_at_once() {
    let playback = playback(1 << 20);
    playback.describe(&manifest(0, 5, &TWO));
    playback.note_asked(RenditionId(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let is_told =
        || runtime.block_on(async { tokio::time::timeout(Duration::ZERO, playback.asked()).await.is_ok() });
    assert!(is_told());
    playback.note_asked(RenditionId(1));
    assert!(!is_told(), "it is played already");
}

#[test]
fn renditions_count_in_step_and_what_is_not_played_is_taken_down() {
    let playback = playback(1 << 20);
    playback.describe(&manifest(0, 5, &TWO));
    playback.note_asked(RenditionId(0));
    (5..8).for_each(|sequence| push(&playback, 0, sequence));
    let high = numbers(&playback, 0);
    assert_eq!(
        high,
        [(1_010, "7-5.ts"), (1_011, "7-6.ts"), (1_012, "7-7.ts")].map(|(n, name)| (n, name.into()))
    );
    push(&playback, 1, 7);
    assert_eq!(numbers(&playback, 1), [(1_012, "7-7.ts".into())]);
    playback.interests();
    assert_eq!(playback.playlist_text(RenditionId(1)), None, "nobody asked for it");
    assert_eq!(numbers(&playback, 0), high);
    assert!(playback.file(RenditionId(1), "7-7.ts").is_none());
    push(&playback, 1, 9);
    assert_eq!(numbers(&playback, 1), [(1_014, "7-9.ts".into())]);
}

#[test]
fn the_limit_is_for_all_renditions_together() {
    let playback = playback(3_500);
    for sequence in 1..4 {
        push(&playback, 0, sequence);
    }
    push(&playback, 1, 3);
    let is_there = |rendition, name| playback.file(RenditionId(rendition), name).is_some();
    assert!(!is_there(0, "7-1.ts"));
    assert!(is_there(0, "7-2.ts") && is_there(0, "7-3.ts") && is_there(1, "7-3.ts"));
}
