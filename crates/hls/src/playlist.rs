//! What a playlist says, as values.

use std::sync::Arc;

use url::Url;

use crate::guard::ReadError;
use crate::multivariant::Variant;
use crate::read;

/// Either kind of playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Playlist {
    /// A multivariant playlist (RFC 8216's master playlist): its variant streams, in its order.
    Multivariant(Vec<Variant>),
    /// A media playlist.
    Media(MediaPlaylist),
}

impl Playlist {
    /// Reads `bytes` as the playlist found at `url`, against which its URIs are resolved.
    ///
    /// Any bytes are safe: size, lines, numbers and attribute lists are bounded before anything is built.
    pub fn read(bytes: &[u8], url: &Url) -> Result<Self, ReadError> {
        read::playlist(bytes, url)
    }
}

/// A media playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// EXT-X-TARGETDURATION, in seconds; at least 1.
    pub target_duration_s: u32,
    /// EXT-X-MEDIA-SEQUENCE of the first segment.
    pub media_sequence: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE; 0 where absent.
    pub discontinuity_sequence: u64,
    /// Whether EXT-X-ENDLIST was found.
    pub ended: bool,
    /// Lines about the whole playlist that no field stands for, as the origin wrote them.
    pub header_tags: Vec<String>,
    /// The segments, in order.
    pub segments: Vec<MediaSegment>,
}

impl MediaPlaylist {
    /// The sequence after the last segment's.
    pub fn next_sequence(&self) -> u64 {
        self.segments.last().map_or(self.media_sequence, |last| last.sequence + 1)
    }
}

/// A media segment and what applies to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaSegment {
    /// Where it is, resolved: http or https.
    pub uri: Url,
    /// EXTINF, in microseconds.
    pub duration_us: u64,
    /// Its media sequence number.
    pub sequence: u64,
    /// Whether an EXT-X-DISCONTINUITY stands before it.
    pub discontinuity: bool,
    /// EXT-X-BYTERANGE with its start worked out.
    pub byte_range: Option<ByteRange>,
    /// The EXT-X-MAP in force.
    pub map: Option<Arc<Map>>,
    /// The EXT-X-KEYs in force, one per KEYFORMAT, at most [`Key::MAX`].
    pub keys: Arc<[Arc<Key>]>,
    /// Its other tags as the origin wrote them, unknown ones included. Parts and hints of low-latency HLS
    /// are left out: they name files that nobody but the origin serves.
    pub tags: Vec<String>,
}

impl MediaSegment {
    /// The EXT-X-KEY lines that make the segment readable wherever it is served under whatever number:
    /// absolute URIs, and the IV written out where it would be the sequence number.
    pub fn key_lines(&self) -> impl Iterator<Item = String> + '_ {
        self.keys.iter().map(|key| key.line(self.sequence))
    }

    /// EXTINF rounded to whole seconds, which RFC 8216 compares with the target duration.
    pub fn rounded_s(&self) -> u64 {
        rounded_s(self.duration_us)
    }
}

/// A duration rounded to the nearest whole second.
pub(crate) fn rounded_s(duration_us: u64) -> u64 {
    duration_us.saturating_add(500_000) / 1_000_000
}

/// A part of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// Number of bytes.
    pub len: u64,
}

impl ByteRange {
    /// The byte after the last; never overflows in a range that was read.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

/// EXT-X-MAP: where the media initialisation section is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Map {
    /// Where it is, resolved.
    pub uri: Url,
    /// The part of the resource, where not all of it.
    pub byte_range: Option<ByteRange>,
}

/// EXT-X-KEY: how a segment is encrypted. Passed on, never used by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// KEYFORMAT; `identity` where absent.
    pub format: String,
    /// The attributes as text, the URI made absolute.
    pub(crate) attributes: String,
    /// Whether the IV is the media sequence number.
    pub(crate) implicit_iv: bool,
}

impl Key {
    /// The most keys in force at once.
    pub const MAX: usize = 4;

    fn line(&self, sequence: u64) -> String {
        if self.implicit_iv {
            format!("#EXT-X-KEY:{},IV=0x{sequence:032x}", self.attributes)
        } else {
            format!("#EXT-X-KEY:{}", self.attributes)
        }
    }
}
