//! What a stream's signer says about one segment.

use serde::{Deserialize, Serialize};

use crate::block::BlockIndex;
use crate::id::{MediaSequence, RenditionId, SegmentRef, StreamEpoch, StreamId};
use crate::signed::{Document, Signed};
use crate::units::UnixMs;

/// What a segment's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SegmentContainer {
    /// MPEG-2 transport stream (RFC 8216 section 3.2).
    MpegTs,
    /// Fragmented MP4 (section 3.3).
    Fmp4,
}

/// One of several renditions of a stream, and what players choose it from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneOf {
    /// Its place in `variants`.
    pub rendition: RenditionId,
    /// The attribute list of each rendition's EXT-X-STREAM-INF, in the order of [`RenditionId`]: 2 to
    /// [`Manifest::MAX_RENDITIONS`].
    pub variants: Vec<String>,
}

/// One segment of a live stream: where it stands, what it says of itself, and the hash of each block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The stream.
    pub stream: StreamId,
    /// The origin's incarnation.
    pub epoch: StreamEpoch,
    /// Which of several renditions it is of; `None` where the stream has one.
    pub one_of: Option<OneOf>,
    /// The number within the epoch. Consecutive; never reused.
    pub sequence: MediaSequence,
    /// EXTINF, in microseconds; over 0.
    pub duration_us: u64,
    /// The epoch's constant TARGETDURATION, in seconds.
    pub target_duration_s: u32,
    /// Whether a DISCONTINUITY stands before the segment.
    pub discontinuity: bool,
    /// When the signer first saw the segment at the origin, by the signer's clock.
    pub published_at: UnixMs,
    /// Where the origin serves it: an absolute http(s) URL. A hint, never an identity.
    pub origin_url: String,
    /// Bytes of `origin_url` to skip before the segment (EXT-X-BYTERANGE); 0 for a file of its own.
    pub origin_offset: u64,
    /// What the bytes are.
    pub container: SegmentContainer,
    /// The media initialisation section (EXT-X-MAP) where there is one.
    pub init: Option<Vec<u8>>,
    /// The segment's other playlist lines as the origin wrote them, unknown tags included, without the
    /// tags that the fields above stand for.
    pub tags: Vec<String>,
    /// Further lines about the playlist as a whole, as the origin wrote them.
    pub header_tags: Vec<String>,
    /// Length in bytes.
    pub len: u32,
    /// Length of every block but the last, in bytes.
    pub block_len: u32,
    /// BLAKE3 of each block, in order.
    pub block_hashes: Vec<[u8; 32]>,
}

impl Document for Manifest {
    const DOMAIN: &'static str = "streamrp2p 2026 manifest 2";
    // 64 MiB in 16 KiB blocks: 128 KiB of hashes, 64 KiB of initialisation section, and tags.
    const MAX_LEN: usize = 256 * 1024;
}

/// Why a signed manifest makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// `block_len` is outside 16 to 32 KiB.
    #[error("the block length is not 16 to 32 KiB")]
    BlockLen,
    /// The segment is empty or longer than [`Manifest::MAX_SEGMENT_LEN`].
    #[error("the segment is empty or over 64 MiB")]
    SegmentLen,
    /// Lengths and number of hashes disagree.
    #[error("the number of block hashes does not match the length")]
    HashCount,
    /// The duration is zero or over a day.
    #[error("the duration is zero or over a day")]
    Duration,
    /// A text of the manifest holds a line break or is too long.
    #[error("a tag or URL of the manifest holds a line break or is too long")]
    Text,
    /// The segment is of none of the renditions that the manifest names, or it names too many.
    #[error("the rendition is none of those that the manifest names, at most {}", Manifest::MAX_RENDITIONS)]
    Rendition,
}

impl Manifest {
    /// The longest block, in bytes.
    pub const MAX_BLOCK_LEN: u32 = 32 * 1024;
    /// The shortest, in bytes.
    pub const MIN_BLOCK_LEN: u32 = 16 * 1024;
    /// As many blocks a segment has at least, as far as its length allows.
    const ENOUGH_BLOCKS: usize = 32;
    /// The longest segment, in bytes.
    pub const MAX_SEGMENT_LEN: u32 = 64 * 1024 * 1024;
    /// The longest initialisation section, in bytes.
    pub const MAX_INIT_LEN: usize = 64 * 1024;
    /// The longest URL or playlist line, in bytes.
    pub const MAX_TEXT_LEN: usize = 2048;
    /// The most lines of the segment, and as many of the playlist.
    pub const MAX_TAGS: usize = 32;
    /// The most renditions of a stream.
    pub const MAX_RENDITIONS: usize = 8;
    /// The longest attribute list of a rendition, in bytes. Every manifest carries those of all.
    pub const MAX_VARIANT_LEN: usize = 512;

    /// The block length for a segment of so many bytes. Long blocks cost least; but while a block is passed on
    /// nothing else is, so a short segment has short ones.
    pub fn block_len_for(segment_len: usize) -> u32 {
        let is_long = segment_len >= Self::ENOUGH_BLOCKS * Self::MAX_BLOCK_LEN as usize;
        if is_long { Self::MAX_BLOCK_LEN } else { Self::MIN_BLOCK_LEN }
    }

    /// BLAKE3 of each block of `segment`, in order; blocks as long as [`Manifest::block_len_for`] says.
    pub fn hash_blocks(segment: &[u8]) -> Vec<[u8; 32]> {
        let blocks = segment.chunks(Self::block_len_for(segment.len()) as usize);
        blocks.map(|block| blake3::hash(block).into()).collect()
    }

    /// Whether the fields agree with each other. A signer that is not ours could sign nonsense.
    pub fn check(&self) -> Result<(), ManifestError> {
        let plain = |text: &String| text.len() <= Self::MAX_TEXT_LEN && !text.contains(['\n', '\r']);
        if !(Self::MIN_BLOCK_LEN..=Self::MAX_BLOCK_LEN).contains(&self.block_len) {
            return Err(ManifestError::BlockLen);
        }
        if self.len == 0 || self.len > Self::MAX_SEGMENT_LEN {
            return Err(ManifestError::SegmentLen);
        }
        if self.block_hashes.len() != self.len.div_ceil(self.block_len) as usize {
            return Err(ManifestError::HashCount);
        }
        if !(1..=86_400_000_000).contains(&self.duration_us)
            || !(1..=86_400).contains(&self.target_duration_s)
        {
            return Err(ManifestError::Duration);
        }
        let init_fits = self.init.as_ref().is_none_or(|init| init.len() <= Self::MAX_INIT_LEN);
        let few_and_plain = |tags: &[String]| tags.len() <= Self::MAX_TAGS && tags.iter().all(plain);
        if !plain(&self.origin_url)
            || !few_and_plain(&self.tags)
            || !few_and_plain(&self.header_tags)
            || !init_fits
        {
            return Err(ManifestError::Text);
        }
        self.check_renditions()
    }

    fn check_renditions(&self) -> Result<(), ManifestError> {
        let Some(OneOf { rendition, variants }) = &self.one_of else { return Ok(()) };
        let plain = |list: &String| list.len() <= Self::MAX_VARIANT_LEN && !list.contains(char::is_control);
        if !variants.iter().all(plain) {
            return Err(ManifestError::Text);
        }
        let is_choice = (2..=Self::MAX_RENDITIONS).contains(&variants.len());
        if is_choice && usize::from(rendition.0) < variants.len() {
            Ok(())
        } else {
            Err(ManifestError::Rendition)
        }
    }

    /// The rendition it is of.
    pub fn rendition(&self) -> RenditionId {
        self.one_of.as_ref().map_or(RenditionId(0), |one_of| one_of.rendition)
    }

    /// What players choose from: attribute lists as in [`OneOf`]; empty where the stream has one rendition.
    pub fn variants(&self) -> &[String] {
        self.one_of.as_ref().map_or(&[], |one_of| &one_of.variants)
    }

    /// Number of blocks. Correct once [`Manifest::check`] has passed.
    pub fn block_count(&self) -> u16 {
        u16::try_from(self.block_hashes.len()).unwrap_or(u16::MAX)
    }

    /// Where block `index` starts and how long it is, in bytes; `None` beyond the segment.
    pub fn block_span(&self, index: BlockIndex) -> Option<(u32, u32)> {
        let start = u32::from(index.0).checked_mul(self.block_len).filter(|start| *start < self.len)?;
        Some((start, self.block_len.min(self.len - start)))
    }

    /// Whether `bytes` are block `index`, to the bit.
    pub fn verifies(&self, index: BlockIndex, bytes: &[u8]) -> bool {
        let long_enough = self.block_span(index).is_some_and(|(_, len)| len as usize == bytes.len());
        long_enough && self.block_hashes.get(index.at()).is_some_and(|hash| blake3::hash(bytes) == *hash)
    }
}

impl Signed<Manifest> {
    /// The name of the segment this manifest describes.
    pub fn segment_ref(&self) -> SegmentRef {
        SegmentRef(self.digest())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::key::SecretKey;
    use proptest::prelude::*;

    pub(crate) fn manifest_of(segment: &[u8]) -> Manifest {
        Manifest {
            stream: "alice".parse().unwrap(),
            epoch: StreamEpoch(1),
            one_of: None,
            sequence: MediaSequence(3),
            duration_us: 2_000_000,
            target_duration_s: 2,
            discontinuity: false,
            published_at: UnixMs(5),
            origin_url: "http://127.0.0.1/live/alice-3.ts".into(),
            origin_offset: 0,
            container: SegmentContainer::MpegTs,
            init: None,
            tags: vec![],
            header_tags: vec![],
            len: u32::try_from(segment.len()).unwrap(),
            block_len: Manifest::block_len_for(segment.len()),
            block_hashes: Manifest::hash_blocks(segment),
        }
    }

    fn one_of(rendition: u16, variants: &[&str]) -> OneOf {
        let variants = variants.iter().map(|list| (*list).to_owned()).collect();
        OneOf { rendition: RenditionId(rendition), variants }
    }

    proptest! {
        #[test]
        fn exactly_the_original_blocks_verify(len in 1_usize..200_000, at in any::<prop::sample::Index>()) {
            let segment: Vec<u8> = (0..len).map(|i| (i * 31).to_le_bytes()[0]).collect();
            let manifest = manifest_of(&segment);
            prop_assert_eq!(manifest.check(), Ok(()));
            for index in (0..manifest.block_count()).map(BlockIndex) {
                let (start, block_len) = manifest.block_span(index).unwrap();
                let block = &segment[start as usize..(start + block_len) as usize];
                prop_assert!(manifest.verifies(index, block));
                let mut bad = block.to_vec();
                let at = at.index(bad.len());
                bad[at] ^= 1;
                prop_assert!(!manifest.verifies(index, &bad));
                prop_assert!(!manifest.verifies(index, &block[1..]));
            }
            prop_assert_eq!(manifest.block_span(BlockIndex(manifest.block_count())), None);
        }
    }

    #[test]
    fn nonsense_is_refused_though_it_is_signed() {
        let good = manifest_of(&[1; 70_000]);
        let spoil: [fn(&mut Manifest); 11] = [
            |m| m.block_len = 1,
            |m| m.len = 0,
            |m| m.block_hashes.truncate(1),
            |m| m.duration_us = 0,
            |m| m.tags.push("#EXT-X-A\n#EXT-X-ENDLIST".into()),
            |m| m.header_tags = vec!["#EXT-X-A".into(); 33],
            |m| m.len = u32::MAX,
            |m| m.one_of = Some(one_of(0, &["BANDWIDTH=1"; 1])),
            |m| m.one_of = Some(one_of(0, &["BANDWIDTH=1"; 9])),
            |m| m.one_of = Some(one_of(0, &["BANDWIDTH=1\u{b}"; 2])),
            |m| m.one_of = Some(one_of(2, &["BANDWIDTH=1"; 2])),
        ];
        for change in spoil {
            let mut bad = good.clone();
            change(&mut bad);
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_manifest_is_encoded_as_peers_in_the_field_read_it() {
        let manifest = Manifest {
            one_of: Some(one_of(1, &["BANDWIDTH=9", "BANDWIDTH=1"])),
            origin_url: "http://o/1.ts".into(),
            block_hashes: vec![[0xab; 32]],
            ..manifest_of(&[1; 100])
        };
        assert_eq!(manifest.check(), Ok(()));
        let mut expected =
            b"\x05alice\x01\x01\x01\x02\x0bBANDWIDTH=9\x0bBANDWIDTH=1\x03\x80\x89\x7a\x02\0\x05".to_vec();
        expected.extend(b"\x0dhttp://o/1.ts\0\0\0\0\0\x64\x80\x80\x01\x01");
        expected.extend([0xab; 32]);
        assert_eq!(postcard::to_allocvec(&manifest).unwrap(), expected);
        // One rendition is a zero byte: the id that stood there before there were several.
        let of_one = Manifest { one_of: None, ..manifest };
        assert_eq!(postcard::to_allocvec(&of_one).unwrap()[..9], *b"\x05alice\x01\0\x03");
    }

    #[test]
    fn a_segment_is_named_by_what_it_is_not_by_its_url() {
        let key = SecretKey::from_seed([1; 32]);
        let first = manifest_of(&[1; 100]);
        let restarted = Manifest { epoch: StreamEpoch(2), ..first.clone() };
        assert_ne!(Signed::new(&first, &key).segment_ref(), Signed::new(&restarted, &key).segment_ref());
    }
}
