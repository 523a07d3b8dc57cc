//! Segments, and what a signer says of them.

use bytes::Bytes;
use streamr_model::{
    Manifest, MediaSequence, SecretKey, SegmentContainer, Signed, StreamEpoch, StreamId, UnixMs,
};
use url::Url;

/// The bytes of segment `n`, different for each.
pub(crate) fn segment(n: u64, len: usize) -> Bytes {
    (0..len as u64).map(|i| ((i * (n + 3)) ^ (i >> 7)).to_le_bytes()[0]).collect::<Vec<u8>>().into()
}

/// The signed manifest of segment `n`, which is `bytes` and which `origin` serves as `/n`.
pub(crate) fn signed(
    stream: &StreamId,
    n: u64,
    bytes: &[u8],
    origin: &Url,
    key: &SecretKey,
) -> Signed<Manifest> {
    Signed::new(&manifest(stream, n, bytes, origin), key)
}

/// What that manifest says, of a stream with one rendition.
pub(crate) fn manifest(stream: &StreamId, n: u64, bytes: &[u8], origin: &Url) -> Manifest {
    Manifest {
        stream: stream.clone(),
        epoch: StreamEpoch(1),
        one_of: None,
        sequence: MediaSequence(n),
        duration_us: 2_000_000,
        target_duration_s: 2,
        discontinuity: false,
        published_at: UnixMs(1_700_000_000_000 + n * 2_000),
        origin_url: origin.join(&n.to_string()).unwrap().into(),
        origin_offset: 0,
        container: SegmentContainer::MpegTs,
        init: None,
        tags: Vec::new(),
        header_tags: Vec::new(),
        len: u32::try_from(bytes.len()).unwrap(),
        block_len: Manifest::block_len_for(bytes.len()),
        block_hashes: Manifest::hash_blocks(bytes),
    }
}
