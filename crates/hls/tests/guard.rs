//! Inputs on which `hls_m3u8` panics, runs away or refuses what is valid: none may reach it, all must be
//! answered quickly.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption fails the test")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use streamr_hls::{BadLine, MediaPlaylist, Playlist, ReadError};
use url::Url;

fn url() -> Url {
    "http://127.0.0.1:8080/live/index.m3u8".parse().unwrap()
}

fn read(text: &str) -> Result<Playlist, ReadError> {
    Playlist::read(text.as_bytes(), &url())
}

fn media(text: &str) -> MediaPlaylist {
    match read(text) {
        Ok(Playlist::Media(media)) => media,
        other => panic!("expected a media playlist, got {other:?}"),
    }
}

fn with(lines: &str) -> String {
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{lines}\n#EXTINF:4,\na.ts\n")
}

#[test]
fn an_extinf_that_is_no_duration_is_refused_with_its_line() {
    for bad in
        ["-1", "-0.5", "NaN", "nan", "inf", "-inf", "1e300", "1e3", "86401", "99999999999999999999", "", "x"]
    {
        let refused = read(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:{bad},\na.ts\n"));
        assert_eq!(refused, Err(ReadError::Line { line: 3, what: BadLine::Duration }), "{bad}");
    }
}

#[test]
fn a_negative_date_range_passes_as_an_unknown_tag_and_never_reaches_the_parser() {
    let line = "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2020-01-01T00:00:00Z\",DURATION=-1";
    assert_eq!(media(&with(line)).segments[0].tags, [line]);
}

#[test]
fn a_lone_quote_as_attribute_value_does_no_harm() {
    for line in
        ["#EXT-X-KEY:METHOD=AES-128,URI=\"", "#EXT-X-MAP:URI=\"", "#EXT-X-KEY:METHOD=\"", "#EXT-X-MAP:\""]
    {
        assert!(read(&with(line)).is_err(), "{line}");
    }
    for line in ["#EXT-X-DATERANGE:ID=\"", "#EXT-X-START:TIME-OFFSET=\"", "#EXT-X-CUE:A=\""] {
        assert_eq!(media(&with(line)).segments.len(), 1, "{line}");
    }
    assert!(read("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"\na.m3u8\n").is_err());
    assert!(read("#EXTM3U\n#EXT-X-MEDIA:URI=\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n").is_ok());
}

#[test]
fn numbers_that_overflow_are_refused() {
    for line in [
        "#EXT-X-BYTERANGE:18446744073709551615@1",
        "#EXT-X-BYTERANGE:1@18446744073709551615",
        "#EXT-X-BYTERANGE:-1",
        "#EXT-X-BYTERANGE:10",
        "#EXT-X-MEDIA-SEQUENCE:18446744073709551615",
        "#EXT-X-DISCONTINUITY-SEQUENCE:18446744073709551615",
        "#EXT-X-TARGETDURATION:18446744073709551615",
    ] {
        assert!(matches!(read(&with(line)), Err(ReadError::Line { .. })), "{line}");
    }
}

#[test]
fn many_keys_are_read_in_linear_time() {
    let mut text = String::from("#EXTM3U\n#EXT-X-TARGETDURATION:4\n");
    for at in 0..6000 {
        text += &format!("#EXT-X-KEY:METHOD=AES-128,URI=\"k{at}\"\n#EXTINF:4,\n{at}.ts\n");
    }
    let started = Instant::now();
    let playlist = media(&text);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(playlist.segments.len(), 6000);
    assert_eq!(playlist.segments[5999].keys.len(), 1);
    let formats: String =
        (0..5).map(|at| format!("#EXT-X-KEY:METHOD=AES-128,URI=\"k\",KEYFORMAT=\"f{at}\"\n")).collect();
    assert!(matches!(read(&with(&formats)), Err(ReadError::Line { what: BadLine::TooManyKeys, .. })));
}

#[test]
fn size_lines_and_encoding_are_checked_first() {
    let huge = vec![b'#'; 100 * 1024 * 1024];
    let started = Instant::now();
    assert_eq!(Playlist::read(&huge, &url()), Err(ReadError::TooLarge { len: huge.len() }));
    let lines = format!("#EXTM3U\n{}", "#\n".repeat(100_000));
    assert_eq!(read(&lines), Err(ReadError::TooManyLines));
    assert_eq!(Playlist::read(b"#EXTM3U\n\xff\xfe", &url()), Err(ReadError::NotUtf8 { at: 8 }));
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_web_page_is_named_as_what_it_is() {
    let error = read("<!DOCTYPE html>\n<html>").unwrap_err().to_string();
    assert_eq!(error, "this is not a playlist: it begins with “<!DOCTYPE html>” instead of #EXTM3U");
    assert!(matches!(read(""), Err(ReadError::NotAPlaylist { .. })));
}

#[test]
fn what_hls_m3u8_refuses_though_it_is_valid_is_read() {
    let trailing = "#EXTM3U\n#EXT-X-VERSION:10\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n\
                    #EXT-X-PROGRAM-DATE-TIME:2020-01-01T00:00:00Z\n#EXTINF:4,\n#EXT-X-DISCONTINUITY\n";
    assert_eq!(media(trailing).segments.len(), 1);
    let keys = with("#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"k\",IV=0X1,KEYFORMAT=\"com.example\"");
    assert_eq!(media(&keys).segments[0].keys.len(), 1);
    let groups = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=5,AUDIO=\"none\",VIDEO=\"none\"\na.m3u8\n";
    assert!(matches!(read(groups), Ok(Playlist::Multivariant(variants)) if variants[0].bandwidth_bps == 5));
    let long = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:9.5,\na.ts\n";
    assert_eq!(media(long).segments[0].duration_us, 9_500_000);
}

#[test]
fn key_map_and_byte_range_carry_forward() {
    let playlist = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:16\n#EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"10\"\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"../k?a=1,2\"\n#EXT-X-BYTERANGE:100@10\n#EXTINF:4,\na.mp4\n\
         #EXT-X-BYTERANGE:50\n#EXTINF:4,\na.mp4\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:4,\nb.mp4\n",
    );
    let [first, second, third] = &playlist.segments[..] else { panic!("{playlist:?}") };
    assert_eq!(second.byte_range.map(|r| (r.start, r.len)), Some((110, 50)));
    assert_eq!(first.map, third.map);
    let keys: Vec<_> = second.key_lines().collect();
    let expected = "#EXT-X-KEY:METHOD=AES-128,URI=\"http://127.0.0.1:8080/k?a=1,2\",IV=0x00000000000000000000000000000011";
    assert_eq!(keys, [expected]);
    assert!(third.keys.is_empty() && third.byte_range.is_none());
}

#[test]
fn unknown_tags_are_kept_with_their_segment_and_header_tags_with_the_header() {
    let playlist = media(
        "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-ODD:1\n#EXT-X-TARGETDURATION:4\n#EXT-X-CUE-OUT:30\n\
         #EXTINF:4,title\na.ts\n# a comment\n#EXT-X-PROGRAM-DATE-TIME:2020-01-01T00:00:00Z\n#EXTINF:4,\nb.ts\n",
    );
    assert_eq!(playlist.header_tags, ["#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-ODD:1"]);
    assert_eq!(playlist.segments[0].tags, ["#EXT-X-CUE-OUT:30"]);
    assert_eq!(playlist.segments[1].tags, ["#EXT-X-PROGRAM-DATE-TIME:2020-01-01T00:00:00Z"]);
}

#[test]
fn a_uri_that_leaves_http_is_refused() {
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile:///etc/passwd\n";
    assert_eq!(read(text), Err(ReadError::Line { line: 4, what: BadLine::Uri }));
}

/// Lines that look like playlists, so that random texts get deep into reading.
fn line() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        Just("4".to_owned()),
        Just("-1".into()),
        Just("1e9".into()),
        Just("NaN".into()),
        Just("2.5".into()),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
    ];
    let tag = prop::sample::select(vec![
        "#EXTINF:",
        "#EXT-X-TARGETDURATION:",
        "#EXT-X-MEDIA-SEQUENCE:",
        "#EXT-X-BYTERANGE:",
        "#EXT-X-VERSION:",
        "#EXT-X-DISCONTINUITY",
        "#EXT-X-ENDLIST",
        "#EXT-X-DISCONTINUITY-SEQUENCE:",
        "#EXT-X-STREAM-INF:BANDWIDTH=",
        "#EXT-X-KEY:METHOD=AES-128,URI=",
        "#EXT-X-MAP:URI=",
        "#EXT-X-DATERANGE:ID=\"a\",DURATION=",
        "#EXT-X-MEDIA:",
        "#EXT-X-PLAYLIST-TYPE:",
        "#EXT-X-START:TIME-OFFSET=",
        "#EXT-X-ODD:",
        "",
    ]);
    prop_oneof![
        6 => (tag, number).prop_map(|(tag, number)| format!("{tag}{number}")),
        2 => Just("#EXTINF:4,".to_owned()),
        2 => "[a-z]{1,3}\\.ts",
        1 => "#EXT-X-(KEY|MAP|STREAM-INF|DATERANGE|MEDIA):[A-Z]{0,4}=?\"?[a-z]{0,3}\"?,?[A-Z]{0,3}=?\"?",
        1 => "\\PC{0,40}",
    ]
}

proptest! {
    #[test]
    fn no_lines_make_reading_panic(lines in prop::collection::vec(line(), 0..60)) {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{}", lines.join("\n"));
        if let Err(ReadError::Refused(why)) = read(&text) {
            prop_assert!(!why.contains("broke"), "hls_m3u8 panicked on {text}");
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), magic in any::<bool>()) {
        let mut all = if magic { b"#EXTM3U\n".to_vec() } else { vec![] };
        all.extend(bytes);
        let _ = Playlist::read(&all, &url());
    }

    #[test]
    fn a_large_playlist_is_read_or_refused_quickly(lines in prop::collection::vec(line(), 1..12)) {
        let repeated = lines.join("\n") + "\n";
        let times = (900_000 / repeated.len()).min(19_000 / lines.len().max(1));
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{}", repeated.repeat(times));
        let started = Instant::now();
        let _ = read(&text);
        prop_assert!(started.elapsed() < Duration::from_secs(3), "{:?} on {repeated}", started.elapsed());
    }
}
