//! The only road to `hls_m3u8`.
//!
//! The parser is good at well-formed playlists and dangerous on others: it panics on an EXTINF that is
//! negative, NaN or huge, on a negative DATERANGE duration, on the attribute value `"`, on byte ranges
//! that overflow; it takes seconds and a gigabyte over many keys; it refuses valid playlists of versions
//! over 7. So it is never shown an origin's text. Our own line pass (`read`) bounds the input, checks
//! every number, and writes a *reduced* playlist that holds nothing but the tags whose values are taken
//! from the parser, in their plainest form: no attribute list of a media playlist, no key, no date range,
//! no version, nothing after the last URI. Should it panic all the same, that is caught.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// The largest playlist, in bytes.
pub const MAX_PLAYLIST_LEN: usize = 1024 * 1024;
/// The most lines in a playlist.
pub const MAX_LINES: usize = 20_000;
/// The longest segment or target duration: a day.
pub const MAX_DURATION_US: u64 = 86_400_000_000;
/// The largest media sequence number: exact in every player that counts in floating point.
pub const MAX_SEQUENCE: u64 = 1 << 53;

/// Why bytes were refused as a playlist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Over [`MAX_PLAYLIST_LEN`].
    #[error("the playlist has {len} bytes, more than the {MAX_PLAYLIST_LEN} that are read")]
    TooLarge {
        /// Its length.
        len: usize,
    },
    /// Over [`MAX_LINES`].
    #[error("the playlist has more than the {MAX_LINES} lines that are read")]
    TooManyLines,
    /// Not UTF-8.
    #[error("the playlist is not UTF-8 text: byte {at} cannot be read")]
    NotUtf8 {
        /// The first byte that is not.
        at: usize,
    },
    /// The first line is not EXTM3U: a web page, an empty file, something else.
    #[error("this is not a playlist: it begins with “{begins}” instead of #EXTM3U")]
    NotAPlaylist {
        /// How it begins, shortened.
        begins: String,
    },
    /// A line that cannot be read.
    #[error("line {line} of the playlist {what}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: BadLine,
    },
    /// A media playlist without EXT-X-TARGETDURATION.
    #[error("the media playlist has no EXT-X-TARGETDURATION")]
    NoTargetDuration,
    /// `hls_m3u8` refused what our line pass let through.
    #[error("the playlist cannot be read: {0}")]
    Refused(String),
}

/// What is wrong with a line; completes the sentence “line 7 of the playlist …”.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// EXTINF or EXT-X-TARGETDURATION out of range.
    #[error("has a duration that is not a number from 0 to 86,400 seconds")]
    Duration,
    /// A counter out of range.
    #[error("has a sequence number that is not a whole number up to 2^53")]
    Sequence,
    /// A byte range that cannot be worked out.
    #[error("has a byte range that cannot be worked out")]
    ByteRange,
    /// An attribute list with a lone quote, a missing value or a missing attribute.
    #[error("has an attribute list that cannot be read")]
    Attributes,
    /// A URI that does not resolve to http or https.
    #[error("has a URI that does not lead to an http or https address")]
    Uri,
    /// A segment's URI without EXTINF.
    #[error("names a segment without EXTINF")]
    NoDuration,
    /// Tags of both kinds of playlist.
    #[error("belongs into the other kind of playlist")]
    Mixed,
    /// More keys in force than any player follows.
    #[error("puts more keys in force than are read")]
    TooManyKeys,
}

/// `bytes` as text, within the bounds.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, ReadError> {
    if bytes.len() > MAX_PLAYLIST_LEN {
        return Err(ReadError::TooLarge { len: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| ReadError::NotUtf8 { at: error.valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.starts_with("#EXTM3U") {
        let begins = text.trim_start().chars().take_while(|c| !c.is_control()).take(40).collect();
        return Err(ReadError::NotAPlaylist { begins });
    }
    if text.lines().nth(MAX_LINES).is_some() {
        return Err(ReadError::TooManyLines);
    }
    Ok(text)
}

/// Reads a reduced media playlist.
pub(crate) fn media(reduced: &str) -> Result<hls_m3u8::MediaPlaylist<'_>, ReadError> {
    shielded(|| {
        hls_m3u8::MediaPlaylist::builder()
            .allowable_excess_duration(Duration::from_micros(MAX_DURATION_US))
            .parse(reduced)
    })
}

/// Reads a reduced multivariant playlist.
pub(crate) fn multivariant(reduced: &str) -> Result<hls_m3u8::MasterPlaylist<'_>, ReadError> {
    shielded(|| hls_m3u8::MasterPlaylist::try_from(reduced))
}

/// Turns refusals and panics alike into an error.
fn shielded<T, E: Display>(parse: impl FnOnce() -> Result<T, E>) -> Result<T, ReadError> {
    match catch_unwind(AssertUnwindSafe(parse)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(ReadError::Refused(error.to_string().chars().take(200).collect())),
        Err(_) => Err(ReadError::Refused("the parser broke on it".into())),
    }
}

/// A decimal number of seconds, in microseconds, if from 0 to [`MAX_DURATION_US`]. No sign, no exponent.
pub(crate) fn duration_us(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || whole.len() > 20 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Seven digits: the last one rounds.
    let tenths = fraction.bytes().chain(std::iter::repeat(b'0')).take(7);
    let tenths = tenths.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    let us = whole.checked_mul(1_000_000)?.checked_add((tenths + 5) / 10)?;
    (us <= MAX_DURATION_US).then_some(us)
}

/// A counter up to [`MAX_SEQUENCE`].
pub(crate) fn sequence(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|number| *number <= MAX_SEQUENCE)
}

/// `LEN[@START]`, neither over [`MAX_SEQUENCE`], so that sums never overflow.
pub(crate) fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    match text.split_once('@') {
        Some((len, start)) => Some((sequence(len)?, Some(sequence(start)?))),
        None => Some((sequence(text)?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_and_bounded() {
        assert_eq!(duration_us("2.023"), Some(2_023_000));
        assert_eq!(duration_us("10"), Some(10_000_000));
        assert_eq!(duration_us(".5"), Some(500_000));
        assert_eq!(duration_us("0.0000005"), Some(1));
        assert_eq!(duration_us("86400"), Some(MAX_DURATION_US));
        for bad in
            ["", ".", "-1", "+1", "nan", "inf", "1e3", "86400.1", "99999999999999999999999", "1 2", "१"]
        {
            assert_eq!(duration_us(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_panic_of_the_parser_is_an_error_of_ours() {
        let broken = shielded(|| -> Result<(), std::fmt::Error> { panic!("as hls_m3u8 would") });
        assert!(matches!(broken, Err(ReadError::Refused(_))));
    }
}
