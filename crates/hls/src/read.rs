//! The line pass: an origin's text in, checked values and a reduced playlist for `hls_m3u8` out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use url::Url;

use crate::attributes::Attributes;
use crate::guard::{self, BadLine, MAX_DURATION_US, ReadError};
use crate::multivariant::{self, Variant};
use crate::playlist::{ByteRange, Key, Map, MediaPlaylist, MediaSegment, Playlist};

/// The most variants read from a multivariant playlist; the rest are not looked at.
const MAX_VARIANTS: usize = 64;
/// The longest line kept as it came: what a manifest carries.
const MAX_TAG_LEN: usize = 2048;

/// Tags of low-latency HLS that name files or promise answers only the origin gives.
const ORIGIN_ONLY: [&str; 6] = [
    "#EXT-X-PART",
    "#EXT-X-PART-INF",
    "#EXT-X-PRELOAD-HINT",
    "#EXT-X-RENDITION-REPORT",
    "#EXT-X-SERVER-CONTROL",
    "#EXT-X-SKIP",
];

/// See [`Playlist::read`].
pub(crate) fn playlist(bytes: &[u8], url: &Url) -> Result<Playlist, ReadError> {
    let text = guard::text(bytes)?;
    let mut pass = LinePass::new(url);
    for (at, line) in text.lines().enumerate() {
        pass.line(line.trim()).map_err(|what| ReadError::Line { line: at + 1, what })?;
    }
    pass.finish()
}

/// What stands between one URI and the next.
#[derive(Default)]
struct Pending {
    duration_us: Option<u64>,
    byte_range: Option<(u64, Option<u64>)>,
    discontinuity: bool,
    tags: Vec<String>,
    variant: Option<Offered>,
}

/// A variant and the groups of sound and picture that it refers to.
struct Offered {
    variant: Variant,
    groups: Vec<Group>,
}

/// TYPE and GROUP-ID of EXT-X-MEDIA.
type Group = (&'static str, String);

/// The groups without which a variant plays in part only; their TYPE is the attribute that refers to them.
const MEDIA_TYPES: [&str; 2] = ["AUDIO", "VIDEO"];

/// What our pass alone knows of a segment; the rest comes back from `hls_m3u8`.
struct Extra {
    uri: Url,
    map: Option<Arc<Map>>,
    keys: Arc<[Arc<Key>]>,
    tags: Vec<String>,
}

struct LinePass<'a> {
    url: &'a Url,
    target_duration_s: Option<u64>,
    counters: (u64, u64),
    ended: bool,
    header_tags: Vec<String>,
    variants: Option<Vec<Offered>>,
    /// Whether one of a group stands in the segments of the variants themselves.
    groups: BTreeMap<Group, bool>,
    body: String,
    extras: Vec<Extra>,
    pending: Pending,
    map: Option<Arc<Map>>,
    keys: Arc<[Arc<Key>]>,
    last_range: Option<(Url, u64)>,
}

impl<'a> LinePass<'a> {
    fn new(url: &'a Url) -> Self {
        Self {
            url,
            target_duration_s: None,
            counters: (0, 0),
            ended: false,
            header_tags: Vec::new(),
            variants: None,
            groups: BTreeMap::new(),
            body: String::new(),
            extras: Vec::new(),
            pending: Pending::default(),
            map: None,
            keys: Arc::new([]),
            last_range: None,
        }
    }

    fn line(&mut self, line: &str) -> Result<(), BadLine> {
        if line.starts_with("#EXT") {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            self.tag(name, value.trim(), line)
        } else if line.is_empty() || line.starts_with('#') {
            Ok(())
        } else {
            self.uri(line)
        }
    }

    fn tag(&mut self, name: &str, value: &str, line: &str) -> Result<(), BadLine> {
        match name {
            "#EXTM3U" | "#EXT-X-VERSION" => self.header(None),
            "#EXT-X-TARGETDURATION" => {
                let us = guard::duration_us(value).ok_or(BadLine::Duration)?;
                self.target_duration_s = Some(us.div_ceil(1_000_000).max(1));
                self.header(None);
            }
            "#EXT-X-MEDIA-SEQUENCE" => {
                self.counters.0 = guard::sequence(value).ok_or(BadLine::Sequence)?;
                self.header(None);
            }
            "#EXT-X-DISCONTINUITY-SEQUENCE" => {
                self.counters.1 = guard::sequence(value).ok_or(BadLine::Sequence)?;
                self.header(None);
            }
            "#EXT-X-ENDLIST" => self.ended = true,
            "#EXTINF" => {
                let seconds = value.split(',').next().unwrap_or_default().trim();
                self.pending.duration_us = Some(guard::duration_us(seconds).ok_or(BadLine::Duration)?);
            }
            "#EXT-X-BYTERANGE" => {
                self.pending.byte_range = Some(guard::byte_range(value).ok_or(BadLine::ByteRange)?);
            }
            "#EXT-X-DISCONTINUITY" => self.pending.discontinuity = true,
            "#EXT-X-MAP" => self.map = Some(Arc::new(self.read_map(value)?)),
            "#EXT-X-KEY" => self.key(value)?,
            "#EXT-X-STREAM-INF" => self.pending.variant = Some(self.read_variant(value)?),
            "#EXT-X-MEDIA" => self.media_group(value),
            "#EXT-X-I-FRAME-STREAM-INF" | "#EXT-X-SESSION-DATA" | "#EXT-X-SESSION-KEY" => {
                self.variants.get_or_insert_default();
            }
            "#EXT-X-PLAYLIST-TYPE"
            | "#EXT-X-I-FRAMES-ONLY"
            | "#EXT-X-INDEPENDENT-SEGMENTS"
            | "#EXT-X-START"
            | "#EXT-X-ALLOW-CACHE"
            | "#EXT-X-DEFINE" => self.header(Some(line)),
            _ if ORIGIN_ONLY.contains(&name) => {}
            _ if line.len() <= MAX_TAG_LEN => self.pending.tags.push(line.into()),
            _ => {}
        }
        Ok(())
    }

    /// A line about the whole playlist. Unknown tags above it are about the playlist too; those below
    /// the last such line belong to the first segment.
    fn header(&mut self, line: Option<&str>) {
        if self.extras.is_empty() {
            self.header_tags.append(&mut self.pending.tags);
        }
        self.header_tags.extend(line.map(String::from));
    }

    fn resolve(&self, uri: &str) -> Result<Url, BadLine> {
        let url = self.url.join(uri).map_err(|_| BadLine::Uri)?;
        if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(BadLine::Uri) }
    }

    /// Keys are fetched by players only, so the schemes that players know are let through.
    fn key_uri(&self, uri: &str) -> Result<Url, BadLine> {
        let url = self.url.join(uri).map_err(|_| BadLine::Uri)?;
        if matches!(url.scheme(), "http" | "https" | "skd" | "data") { Ok(url) } else { Err(BadLine::Uri) }
    }

    fn read_map(&self, value: &str) -> Result<Map, BadLine> {
        let list = Attributes::read(value).ok_or(BadLine::Attributes)?;
        let uri = self.resolve(list.text("URI").ok_or(BadLine::Attributes)?)?;
        let byte_range = match list.text("BYTERANGE") {
            Some(range) => {
                let (len, start) = guard::byte_range(range).ok_or(BadLine::ByteRange)?;
                Some(ByteRange { start: start.unwrap_or(0), len })
            }
            None => None,
        };
        Ok(Map { uri, byte_range })
    }

    /// Puts a key in force in place of the one with the same KEYFORMAT; METHOD=NONE ends all.
    fn key(&mut self, value: &str) -> Result<(), BadLine> {
        let list = Attributes::read(value).ok_or(BadLine::Attributes)?;
        let method = list.text("METHOD").ok_or(BadLine::Attributes)?;
        if method == "NONE" {
            self.keys = Arc::new([]);
            return Ok(());
        }
        let format = list.text("KEYFORMAT").unwrap_or("identity").to_owned();
        let mut attributes = String::new();
        for (name, raw) in list.iter() {
            let comma = if attributes.is_empty() { "" } else { "," };
            let absolute = if name == "URI" { list.text("URI").map(|uri| self.key_uri(uri)) } else { None };
            // Writing to a String cannot fail.
            let _ = match absolute.transpose()? {
                Some(uri) => write!(attributes, "{comma}URI=\"{uri}\""),
                None => write!(attributes, "{comma}{name}={raw}"),
            };
        }
        if attributes.len() > MAX_TAG_LEN - 64 {
            return Err(BadLine::Attributes);
        }
        let implicit_iv = format == "identity" && list.raw("IV").is_none();
        let mut keys: Vec<_> = self.keys.iter().filter(|key| key.format != format).cloned().collect();
        keys.push(Arc::new(Key { format, attributes, implicit_iv }));
        if keys.len() > Key::MAX {
            return Err(BadLine::TooManyKeys);
        }
        self.keys = keys.into();
        Ok(())
    }

    /// An EXT-X-MEDIA that cannot be read is as good as none: what it offers is not carried.
    fn media_group(&mut self, value: &str) {
        self.variants.get_or_insert_default();
        let Some(list) = Attributes::read(value) else { return };
        let Some(kind) = MEDIA_TYPES.into_iter().find(|kind| list.text("TYPE") == Some(kind)) else { return };
        let group = (kind, list.text("GROUP-ID").unwrap_or_default().to_owned());
        *self.groups.entry(group).or_default() |= list.text("URI").is_none();
    }

    fn read_variant(&self, value: &str) -> Result<Offered, BadLine> {
        let list = Attributes::read(value).ok_or(BadLine::Attributes)?;
        let bandwidth_bps = multivariant::bandwidth_bps(&list);
        let size = |(width, height): (&str, &str)| Some((width.parse().ok()?, height.parse().ok()?));
        let resolution = list.text("RESOLUTION").and_then(|text| text.split_once('x')).and_then(size);
        let group = |kind: &'static str| Some((kind, list.text(kind)?.to_owned()));
        let attributes = multivariant::passed_on(&list, bandwidth_bps);
        let uri = self.url.clone();
        let variant = Variant { uri, bandwidth_bps, resolution, attributes, is_apart: false };
        Ok(Offered { variant, groups: MEDIA_TYPES.into_iter().filter_map(group).collect() })
    }

    fn uri(&mut self, line: &str) -> Result<(), BadLine> {
        let uri = self.resolve(line)?;
        let pending = std::mem::take(&mut self.pending);
        if let Some(mut offered) = pending.variant {
            if !self.extras.is_empty() {
                return Err(BadLine::Mixed);
            }
            let variants = self.variants.get_or_insert_default();
            if variants.len() < MAX_VARIANTS {
                offered.variant.uri = uri;
                variants.push(offered);
            }
            return Ok(());
        }
        if self.variants.is_some() {
            return Err(BadLine::Mixed);
        }
        let duration_us = pending.duration_us.ok_or(BadLine::NoDuration)?;
        self.reduce(&uri, duration_us, pending.discontinuity, pending.byte_range)?;
        self.extras.push(Extra { uri, map: self.map.clone(), keys: self.keys.clone(), tags: pending.tags });
        Ok(())
    }

    /// Writes the segment in the plainest form there is, its byte range with an explicit start.
    fn reduce(
        &mut self,
        uri: &Url,
        duration_us: u64,
        discontinuity: bool,
        byte_range: Option<(u64, Option<u64>)>,
    ) -> Result<(), BadLine> {
        if discontinuity {
            self.body.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if let Some((len, start)) = byte_range {
            let follows = self.last_range.as_ref().filter(|(last, _)| last == uri).map(|(_, end)| *end);
            let start = start.or(follows).ok_or(BadLine::ByteRange)?;
            let end = start.checked_add(len).filter(|_| len > 0).ok_or(BadLine::ByteRange)?;
            self.last_range = Some((uri.clone(), end));
            let _ = writeln!(self.body, "#EXT-X-BYTERANGE:{len}@{start}");
        } else {
            self.last_range = None;
        }
        let (s, us) = (duration_us / 1_000_000, duration_us % 1_000_000);
        let _ = write!(self.body, "#EXTINF:{s}.{us:06},\n{uri}\n");
        Ok(())
    }

    fn finish(self) -> Result<Playlist, ReadError> {
        match self.variants {
            Some(offered) if self.target_duration_s.is_none() => {
                let is_apart = |offered: &Offered| {
                    offered.groups.iter().any(|group| self.groups.get(group).is_some_and(|inside| !inside))
                };
                let variant = |offered: Offered| Variant { is_apart: is_apart(&offered), ..offered.variant };
                multivariant(offered.into_iter().map(variant).collect()).map(Playlist::Multivariant)
            }
            _ => self.media().map(Playlist::Media),
        }
    }

    fn media(self) -> Result<MediaPlaylist, ReadError> {
        let target = self.target_duration_s.ok_or(ReadError::NoTargetDuration)?;
        let reduced = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{}\n\
             #EXT-X-DISCONTINUITY-SEQUENCE:{}\n{}{}",
            self.counters.0,
            self.counters.1,
            self.body,
            if self.ended { "#EXT-X-ENDLIST\n" } else { "" },
        );
        let parsed = guard::media(&reduced)?;
        if parsed.segments.num_elements() != self.extras.len() {
            return Err(ReadError::Refused("the parser counts other segments than we do".into()));
        }
        let media_sequence = parsed.media_sequence as u64;
        let segment = |((at, extra), found): ((u64, Extra), &hls_m3u8::MediaSegment<'_>)| {
            // The guard let nothing over a day through, so the microseconds fit.
            let duration_us = u64::try_from(found.duration.duration().as_micros()).unwrap_or(MAX_DURATION_US);
            MediaSegment {
                uri: extra.uri,
                duration_us,
                sequence: media_sequence + at,
                discontinuity: found.has_discontinuity,
                byte_range: found.byte_range.map(|range| ByteRange {
                    start: range.start().unwrap_or(0) as u64,
                    len: range.len() as u64,
                }),
                map: extra.map,
                keys: extra.keys,
                tags: extra.tags,
            }
        };
        Ok(MediaPlaylist {
            target_duration_s: u32::try_from(parsed.target_duration.as_secs()).unwrap_or(u32::MAX),
            media_sequence,
            discontinuity_sequence: parsed.discontinuity_sequence as u64,
            ended: parsed.has_end_list,
            header_tags: self.header_tags,
            segments: (0..).zip(self.extras).zip(parsed.segments.values()).map(segment).collect(),
        })
    }
}

/// Lets `hls_m3u8` read the variants, reduced to what is taken from it.
fn multivariant(mut variants: Vec<Variant>) -> Result<Vec<Variant>, ReadError> {
    let mut reduced = String::from("#EXTM3U\n");
    for variant in &variants {
        let _ = write!(reduced, "#EXT-X-STREAM-INF:BANDWIDTH={}", variant.bandwidth_bps);
        if let Some((width, height)) = variant.resolution {
            let _ = write!(reduced, ",RESOLUTION={width}x{height}");
        }
        let _ = write!(reduced, "\n{}\n", variant.uri);
    }
    let parsed = guard::multivariant(&reduced)?;
    if parsed.variant_streams.len() != variants.len() {
        return Err(ReadError::Refused("the parser counts other variants than we do".into()));
    }
    for (variant, found) in variants.iter_mut().zip(&parsed.variant_streams) {
        variant.bandwidth_bps = found.bandwidth();
    }
    Ok(variants)
}
