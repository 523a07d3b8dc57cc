//! The live window keeps the promises of RFC 8216 to every player.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption fails the test")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use streamr_hls::{LivePlaylist, LiveSegment, LiveWindow, MediaPlaylist, Playlist, PushError, SegmentId};
use streamr_model::{MediaSequence, SegmentContainer, StreamEpoch, UnixMs};
use url::Url;

fn segment(epoch: u64, sequence: u64) -> LiveSegment {
    LiveSegment {
        id: SegmentId { epoch: StreamEpoch(epoch), sequence: MediaSequence(sequence) },
        duration_us: 2_000_000,
        target_duration_s: 2,
        discontinuity: false,
        published_at: UnixMs(1_795_372_509_000 + sequence * 2000),
        container: SegmentContainer::MpegTs,
        init_uri: None,
        tags: vec![],
        header_tags: vec![],
        uri: format!("{epoch}-{sequence}.ts"),
        len: 1000,
    }
}

fn read(playlist: &LivePlaylist) -> MediaPlaylist {
    let url: Url = "http://127.0.0.1:1/live/a/index.m3u8".parse().unwrap();
    match Playlist::read(playlist.render().as_bytes(), &url) {
        Ok(Playlist::Media(media)) => media,
        other => panic!("{other:?} from\n{}", playlist.render()),
    }
}

fn pushed(segments: impl IntoIterator<Item = LiveSegment>) -> LivePlaylist {
    let mut playlist = LivePlaylist::new(LiveWindow::default());
    for segment in segments {
        playlist.push(segment, UnixMs(0)).unwrap();
    }
    playlist
}

#[test]
fn lines_about_the_whole_playlist_are_kept_unless_only_the_origin_could_honour_them() {
    let mut newest = segment(1, 1);
    newest.header_tags = vec![
        "#EXT-X-INDEPENDENT-SEGMENTS".into(),
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES".into(),
        "#EXT-X-VENDOR:A=1".into(),
        "#EXT-X-ENDLIST".into(),
    ];
    let playlist = pushed([segment(1, 0), newest]);
    assert_eq!(read(&playlist).header_tags, ["#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-VENDOR:A=1"]);
}

#[test]
fn the_text_is_what_a_player_expects() {
    let mut first = segment(1, 4);
    first.tags =
        vec!["#EXT-X-CUE-OUT:30".into(), "#EXT-X-ENDLIST".into(), "#EXTINF:9,".into(), "evil.ts".into()];
    let lost = segment(1, 6);
    let restarted =
        LiveSegment { init_uri: Some("init-2.mp4".into()), duration_us: 1_966_667, ..segment(2, 0) };
    let expected = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n\
        #EXT-X-DISCONTINUITY-SEQUENCE:0\n\
        #EXT-X-CUE-OUT:30\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T18:35:15.000Z\n#EXTINF:2.000000,\n1-4.ts\n\
        #EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T18:35:19.000Z\n#EXTINF:2.000000,\n1-6.ts\n\
        #EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init-2.mp4\"\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-11-22T18:35:07.033Z\n#EXTINF:1.966667,\n2-0.ts\n";
    assert_eq!(pushed([first, lost, restarted]).render(), expected);
}

#[test]
fn a_playlist_tells_at_which_number_another_that_counts_in_step_has_a_segment() {
    let playlist = pushed((4..14).map(|sequence| segment(1, sequence)));
    assert_eq!((playlist.media_sequence(), playlist.next_number()), (4, 10));
    let at = |epoch, sequence| {
        playlist.number_at(SegmentId { epoch: StreamEpoch(epoch), sequence: MediaSequence(sequence) })
    };
    assert_eq!([13, 12, 4, 16].map(|sequence| at(1, sequence)), [Some(9), Some(8), Some(0), Some(12)]);
    assert_eq!((at(1, 3), at(1, u64::MAX), at(2, 13)), (None, None, None));
}

#[test]
fn the_window_holds_six_segments_and_three_target_durations() {
    assert_eq!(pushed((0..20).map(|at| segment(1, at))).shown().count(), 6);
    let short = |at| LiveSegment { duration_us: 500_000, ..segment(1, at) };
    assert_eq!(pushed((0..40).map(short)).shown().count(), 12, "three targets of 2 s in halves of a second");
}

#[test]
fn breaks_are_counted_when_they_leave() {
    let mut playlist = pushed((0..7).map(|at| LiveSegment { discontinuity: at == 2, ..segment(1, at) }));
    assert_eq!((playlist.media_sequence(), playlist.discontinuity_sequence()), (1, 0));
    playlist.push(segment(1, 7), UnixMs(0)).unwrap();
    assert_eq!((playlist.media_sequence(), playlist.discontinuity_sequence()), (2, 0));
    playlist.push(segment(1, 8), UnixMs(0)).unwrap();
    assert_eq!((playlist.media_sequence(), playlist.discontinuity_sequence()), (3, 1));
}

#[test]
fn a_target_duration_grows_only_with_a_break_and_never_falls() {
    let mut playlist = pushed([segment(1, 0)]);
    playlist.push(LiveSegment { target_duration_s: 5, ..segment(2, 0) }, UnixMs(0)).unwrap();
    assert_eq!(playlist.target_duration_s(), 5);
    assert!(read(&playlist).segments[1].discontinuity);
    playlist.push(segment(3, 0), UnixMs(0)).unwrap();
    assert_eq!(playlist.target_duration_s(), 5);
}

#[test]
fn what_left_the_window_is_served_for_its_duration_and_the_longest_playlists() {
    let mut playlist = pushed((0..6).map(|at| segment(1, at)));
    let id = |sequence| SegmentId { epoch: StreamEpoch(1), sequence: MediaSequence(sequence) };
    playlist.push(segment(1, 6), UnixMs(100_000)).unwrap();
    assert!(!playlist.shown().any(|shown| shown.id == id(0)));
    // 2 s of its own and a playlist of 14 s.
    assert_eq!(playlist.expire(UnixMs(116_000)), []);
    assert!(playlist.must_serve(id(0)) && playlist.must_serve(id(6)) && !playlist.must_serve(id(7)));
    assert_eq!(playlist.expire(UnixMs(116_001)), [id(0)]);
    assert!(!playlist.must_serve(id(0)));
    assert_eq!(playlist.expire(UnixMs(200_000)), []);
}

#[test]
fn late_and_unwritable_segments_are_refused_and_change_nothing() {
    let mut playlist = pushed([segment(1, 5)]);
    let before = playlist.render();
    assert_eq!(playlist.push(segment(1, 5), UnixMs(0)), Err(PushError::Late));
    assert_eq!(playlist.push(segment(0, 9), UnixMs(0)), Err(PushError::Late));
    let broken = LiveSegment { uri: "a\n#EXT-X-ENDLIST".into(), ..segment(1, 6) };
    assert_eq!(playlist.push(broken, UnixMs(0)), Err(PushError::Unwritable));
    assert_eq!(
        playlist.push(LiveSegment { duration_us: 0, ..segment(1, 6) }, UnixMs(0)),
        Err(PushError::Unwritable)
    );
    assert_eq!(playlist.render(), before);
}

#[test]
fn dates_of_the_origin_are_kept_and_none_are_mixed_in() {
    let dated =
        LiveSegment { tags: vec!["#EXT-X-PROGRAM-DATE-TIME:2020-01-01T00:00:00Z".into()], ..segment(1, 0) };
    let playlist = pushed([dated, segment(1, 1), segment(2, 0)]);
    let dates: Vec<_> = read(&playlist).segments.iter().map(|segment| segment.tags.clone()).collect();
    assert_eq!(dates[0], ["#EXT-X-PROGRAM-DATE-TIME:2020-01-01T00:00:00Z"]);
    assert!(dates[1].is_empty());
    assert_eq!(dates[2], ["#EXT-X-PROGRAM-DATE-TIME:2026-11-22T18:35:07.000Z"]);
}

#[test]
fn keys_are_written_when_they_change_and_ended_when_they_end() {
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"http://a/k\",IV=0x01";
    let encrypted = |at| LiveSegment { tags: vec![key.into()], ..segment(1, at) };
    let text = pushed([encrypted(0), encrypted(1), segment(1, 2)]).render();
    assert_eq!(text.matches(key).count(), 1);
    assert_eq!(text.matches("METHOD=NONE").count(), 1);
}

#[test]
fn absurdly_short_segments_neither_grow_the_window_nor_what_is_retained() {
    let mut playlist = LivePlaylist::new(LiveWindow::default());
    let (mut pushed, mut expired) = (0, 0);
    for at in 0..4 * LivePlaylist::MAX_SEGMENTS as u64 {
        playlist.push(LiveSegment { duration_us: 1, ..segment(1, at) }, UnixMs(0)).unwrap();
        pushed += 1;
        expired += playlist.expire(UnixMs(0)).len();
    }
    assert_eq!(playlist.shown().count(), LivePlaylist::MAX_SEGMENTS);
    assert_eq!(pushed - expired, 2 * LivePlaylist::MAX_SEGMENTS, "every one that went early was given back");
}

fn step() -> impl Strategy<Value = (u64, u64, u64, u32, bool, Option<u8>)> {
    (0_u64..2, 1_u64..4, 1_u64..9_000_000, 1_u32..9, any::<bool>(), prop::option::of(0_u8..3))
}

proptest! {
    #[test]
    fn promises_to_players_hold_over_any_history(steps in prop::collection::vec(step(), 1..80), first_number in 0_u64..1_000_000) {
        let mut playlist = LivePlaylist::new(LiveWindow { first_number, ..LiveWindow::default() });
        let (mut epoch, mut sequence, mut now) = (1, 0, 0);
        let mut known: BTreeMap<u64, (String, u64, bool)> = BTreeMap::new();
        let mut before: Option<MediaPlaylist> = None;
        for (new_epoch, ahead, duration_us, target, discontinuity, init) in steps {
            (epoch, sequence) = if new_epoch == 1 { (epoch + 1, 0) } else { (epoch, sequence + ahead) };
            now += duration_us / 1000;
            let segment = LiveSegment {
                duration_us, discontinuity, target_duration_s: target,
                init_uri: init.map(|init| format!("init-{init}.mp4")), ..segment(epoch, sequence)
            };
            playlist.push(segment, UnixMs(now)).unwrap();
            for id in playlist.expire(UnixMs(now)) {
                prop_assert!(!playlist.shown().any(|shown| shown.id == id));
            }
            let text = read(&playlist);
            prop_assert_eq!(text.media_sequence, playlist.media_sequence());
            prop_assert_eq!(text.target_duration_s, playlist.target_duration_s());
            let shown: Vec<_> = playlist.shown().map(|s| (s.uri.clone(), s.duration_us)).collect();
            let found: Vec<_> = text.segments.iter().map(|s| (s.uri.path_segments().unwrap().next_back().unwrap().to_owned(), s.duration_us)).collect();
            prop_assert_eq!(shown, found);
            for segment in &text.segments {
                prop_assert!(segment.rounded_s() <= u64::from(text.target_duration_s));
                let entry = (segment.uri.path().to_owned(), segment.duration_us, segment.discontinuity);
                prop_assert_eq!(known.entry(segment.sequence).or_insert_with(|| entry.clone()), &entry, "a segment changed");
            }
            let removed = known.range(..text.media_sequence).filter(|(_, (_, _, broken))| *broken).count();
            prop_assert_eq!(text.discontinuity_sequence, removed as u64);
            if let Some(before) = before {
                prop_assert!(text.media_sequence >= before.media_sequence);
                prop_assert!(text.next_sequence() == before.next_sequence() + 1, "one segment at the end");
                let grew = text.target_duration_s > before.target_duration_s;
                prop_assert!(text.target_duration_s >= before.target_duration_s);
                prop_assert!(!grew || text.segments.last().unwrap().discontinuity);
            }
            before = Some(text);
        }
    }
}
