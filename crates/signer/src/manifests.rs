//! A segment and its bytes to a signed manifest.

use std::sync::Arc;

use bytes::Bytes;
use streamr_hls::{MediaSegment, TrackedSegment};
use streamr_model::{
    Manifest, ManifestError, MediaSequence, OneOf, RenditionId, SecretKey, SegmentContainer, Signed,
    StreamEpoch, StreamId, UnixMs,
};

/// Why bytes were not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The bytes are of no container that is carried.
    #[error("its bytes are neither MPEG-TS nor fragmented MP4 nor packed audio")]
    NotMedia,
    /// The initialisation section is too long.
    #[error(
        "its initialisation section has {len} bytes, more than the {} that are carried",
        Manifest::MAX_INIT_LEN
    )]
    InitTooLarge {
        /// Its length.
        len: usize,
    },
    /// The manifest would make no sense.
    #[error("its manifest would not hold: {0}")]
    Manifest(#[from] ManifestError),
}

/// Signs the segments of one rendition, numbering them within each epoch without gaps.
#[derive(Debug)]
pub struct ManifestSigner {
    stream: StreamId,
    key: Arc<SecretKey>,
    rendition: RenditionId,
    epoch: StreamEpoch,
    next: u64,
    /// Whether something was left out since the last segment.
    broken: bool,
}

impl ManifestSigner {
    /// Signs for `stream` with `key`. The first segment begins the first epoch.
    pub fn new(stream: StreamId, key: Arc<SecretKey>, rendition: RenditionId) -> Self {
        Self { stream, key, rendition, epoch: StreamEpoch(0), next: 0, broken: false }
    }

    /// The present epoch.
    pub fn epoch(&self) -> StreamEpoch {
        self.epoch
    }

    /// Goes on in `epoch`, from 0.
    pub fn begin(&mut self, epoch: StreamEpoch) {
        (self.epoch, self.next, self.broken) = (epoch, 0, false);
    }

    /// A segment was left out: players must expect a break before the next one.
    pub fn skip(&mut self) {
        self.broken = true;
    }

    /// Signs `bytes` as the segment `tracked`, first seen at `published_at`, of a stream with these `variants`.
    pub fn sign(
        &mut self,
        tracked: &TrackedSegment,
        bytes: &Bytes,
        init: Option<&Bytes>,
        variants: Vec<String>,
        published_at: UnixMs,
    ) -> Result<(Signed<Manifest>, MediaSequence), SignError> {
        let segment = &tracked.segment;
        let container = container(segment, bytes)?;
        if let Some(len) = init.map(Bytes::len).filter(|len| *len > Manifest::MAX_INIT_LEN) {
            return Err(SignError::InitTooLarge { len });
        }
        let sequence = MediaSequence(self.next);
        let manifest = Manifest {
            stream: self.stream.clone(),
            epoch: self.epoch,
            one_of: (!variants.is_empty()).then_some(OneOf { rendition: self.rendition, variants }),
            sequence,
            // Some origins write 0 for a very short segment.
            duration_us: segment.duration_us.max(1),
            target_duration_s: tracked.target_duration_s,
            discontinuity: tracked.discontinuity || self.broken,
            published_at,
            origin_url: segment.uri.to_string(),
            origin_offset: segment.byte_range.map_or(0, |range| range.start),
            container,
            init: init.map(|init| init.to_vec()),
            tags: kept(segment.key_lines().chain(segment.tags.iter().cloned())),
            header_tags: kept(tracked.header_tags.iter().cloned()),
            len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            block_len: Manifest::block_len_for(bytes.len()),
            block_hashes: Manifest::hash_blocks(bytes),
        };
        manifest.check()?;
        (self.next, self.broken) = (self.next + 1, false);
        Ok((Signed::new(&manifest, &self.key), sequence))
    }
}

/// As many lines as a manifest carries. Keys come first: without them the segment is worth nothing.
fn kept(lines: impl Iterator<Item = String>) -> Vec<String> {
    lines.filter(|line| line.len() <= Manifest::MAX_TEXT_LEN).take(Manifest::MAX_TAGS).collect()
}

/// What the bytes are. Encrypted ones cannot be looked into and are taken for what the playlist says.
fn container(segment: &MediaSegment, bytes: &[u8]) -> Result<SegmentContainer, SignError> {
    const BOXES: [&[u8]; 6] = [b"styp", b"moof", b"sidx", b"ftyp", b"emsg", b"prft"];
    let is_mp4 = bytes.get(4..8).is_some_and(|kind| BOXES.contains(&kind));
    let is_ts = bytes.first() == Some(&0x47);
    let is_packed_audio =
        bytes.starts_with(b"ID3") || (bytes.first() == Some(&0xff) && bytes.len() > 1 && bytes[1] >= 0xe0);
    if segment.map.is_some() || is_mp4 {
        Ok(SegmentContainer::Fmp4)
    } else if is_ts || is_packed_audio || !segment.keys.is_empty() {
        Ok(SegmentContainer::MpegTs)
    } else {
        Err(SignError::NotMedia)
    }
}
