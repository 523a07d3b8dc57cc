//! The text of a live playlist.

use std::fmt::Write as _;

use super::window::Entry;
use super::{LivePlaylist, LiveSegment};
use crate::time::iso8601;

/// Tags that this playlist writes itself, that would change its meaning, or that promise what only the
/// origin does (parts, blocking reloads).
const OURS: [&str; 21] = [
    "#EXTM3U",
    "#EXTINF",
    "#EXT-X-VERSION",
    "#EXT-X-TARGETDURATION",
    "#EXT-X-MEDIA-SEQUENCE",
    "#EXT-X-DISCONTINUITY",
    "#EXT-X-DISCONTINUITY-SEQUENCE",
    "#EXT-X-ENDLIST",
    "#EXT-X-PLAYLIST-TYPE",
    "#EXT-X-I-FRAMES-ONLY",
    "#EXT-X-BYTERANGE",
    "#EXT-X-MAP",
    "#EXT-X-STREAM-INF",
    "#EXT-X-SKIP",
    "#EXT-X-MEDIA",
    "#EXT-X-SERVER-CONTROL",
    "#EXT-X-PART-INF",
    "#EXT-X-PART",
    "#EXT-X-PRELOAD-HINT",
    "#EXT-X-RENDITION-REPORT",
    "#EXT-X-GAP",
];
const KEY: &str = "#EXT-X-KEY";

/// See [`LivePlaylist::render`].
pub(super) fn render(playlist: &LivePlaylist) -> String {
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{}\n", version(playlist));
    // Above the lines of ours: below them an unknown tag would be taken for the first segment's.
    if let Some(newest) = playlist.shown.back() {
        push_lines(&mut text, newest.segment.header_tags.iter().filter(|tag| is_kept(tag)));
    }
    let _ = write!(
        text,
        "#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:{}\n",
        playlist.target_duration_s, playlist.first_number, playlist.discontinuity_sequence,
    );
    let mut in_force = InForce::default();
    for entry in &playlist.shown {
        write_segment(&mut text, entry, &mut in_force);
    }
    if playlist.ended {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    text
}

/// Section 7: 3 for fractions of seconds, 5 for KEYFORMAT, 6 for EXT-X-MAP without I-FRAMES-ONLY.
fn version(playlist: &LivePlaylist) -> u8 {
    let segments = || playlist.shown();
    if segments().any(|segment| segment.init_uri.is_some()) {
        6
    } else if segments().any(|segment| keys(segment).any(|line| line.contains("KEYFORMAT"))) {
        5
    } else {
        3
    }
}

/// What carries forward from segment to segment.
#[derive(Default)]
struct InForce<'a> {
    map: Option<&'a str>,
    keys: Vec<&'a str>,
}

fn write_segment<'a>(text: &mut String, entry: &'a Entry, in_force: &mut InForce<'a>) {
    let segment = &entry.segment;
    if entry.discontinuity {
        text.push_str("#EXT-X-DISCONTINUITY\n");
    }
    let keys: Vec<_> = keys(segment).collect();
    if keys != in_force.keys {
        // A key of a format that is not named again would go on applying, so all are ended first.
        if !in_force.keys.is_empty() {
            text.push_str("#EXT-X-KEY:METHOD=NONE\n");
        }
        push_lines(text, &keys);
        in_force.keys = keys;
    }
    if let Some(uri) = segment.init_uri.as_deref()
        && in_force.map != Some(uri)
    {
        let _ = writeln!(text, "#EXT-X-MAP:URI=\"{uri}\"");
        in_force.map = Some(uri);
    }
    push_lines(text, segment.tags.iter().map(String::as_str).filter(|tag| !is_key(tag) && is_kept(tag)));
    if let Some(date) = entry.date {
        let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", iso8601(date.0));
    }
    let (s, us) = (segment.duration_us / 1_000_000, segment.duration_us % 1_000_000);
    let _ = write!(text, "#EXTINF:{s}.{us:06},\n{}\n", segment.uri);
}

fn push_lines<'a>(text: &mut String, lines: impl IntoIterator<Item = impl AsRef<str> + 'a>) {
    for line in lines {
        text.push_str(line.as_ref());
        text.push('\n');
    }
}

fn keys(segment: &LiveSegment) -> impl Iterator<Item = &str> {
    segment.tags.iter().map(String::as_str).filter(|tag| is_key(tag) && is_kept(tag))
}

fn name(tag: &str) -> &str {
    tag.split_once(':').map_or(tag, |(name, _)| name)
}

fn is_key(tag: &str) -> bool {
    name(tag) == KEY
}

/// A line that is a tag, one line only, and not one of ours: a signer is trusted for its stream's bytes,
/// not for the shape of our playlist.
fn is_kept(tag: &str) -> bool {
    tag.starts_with("#EXT") && !tag.contains(char::is_control) && !OURS.contains(&name(tag))
}
