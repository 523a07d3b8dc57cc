//! The segments: what relay-core is told of them and how many bytes they take on the wire.

use std::sync::Arc;

use streamr_model::{
    Manifest, MediaSequence, OneOf, RenditionId, SecretKey, SegmentContainer, SegmentRef, Signed,
    StreamEpoch, StreamId, UnixMs,
};
use streamr_relay_core::{Freshness, Message, wire};

use crate::ids::Names;
use crate::scenario::Scenario;

/// Bytes of a block's frame beyond the block itself; see [`wire`].
const BLOCK_FRAME_BYTES: u64 = wire::BLOCK_HEAD_LEN as u64;

/// Every segment of a run; all have the same length.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) stream: StreamId,
    segments: Vec<(SegmentRef, Arc<Manifest>)>,
    pub(crate) manifest_frame_bytes: u64,
    pub(crate) block_len: u32,
}

impl Media {
    pub(crate) fn new(scenario: &Scenario, names: Names) -> Self {
        let stream: StreamId = "sim".parse().expect("three letters are a stream id");
        let manifest = |sequence: u16| manifest(scenario, &stream, sequence);
        let key = SecretKey::from_seed([1; 32]);
        let signed = Signed::new(&manifest(0), &key);
        let (head, _) = wire::encode(&Message::Manifest(Freshness::Fresh, signed));
        Self {
            segments: (0..scenario.all_segments())
                .map(|n| (names.segment(n), Arc::new(manifest(n))))
                .collect(),
            stream,
            manifest_frame_bytes: head.len() as u64,
            block_len: scenario.block_len,
        }
    }

    pub(crate) fn name(&self, sequence: u16) -> SegmentRef {
        self.segments[usize::from(sequence)].0
    }

    pub(crate) fn manifest(&self, sequence: u16) -> Arc<Manifest> {
        Arc::clone(&self.segments[usize::from(sequence)].1)
    }

    pub(crate) fn blocks(&self) -> u16 {
        self.segments.first().map_or(0, |(_, manifest)| manifest.block_count())
    }

    pub(crate) fn block_frame_bytes(&self) -> u64 {
        u64::from(self.block_len) + BLOCK_FRAME_BYTES
    }
}

/// Which of the stream's renditions segment `number` is of.
fn one_of(scenario: &Scenario, number: u16) -> Option<OneOf> {
    let variant = |rendition: u16| {
        let bandwidth = scenario.rate().0 + u64::from(rendition);
        format!(
            "BANDWIDTH={bandwidth},CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=30.000"
        )
    };
    (scenario.renditions > 1).then(|| OneOf {
        rendition: RenditionId(number % scenario.renditions),
        variants: (0..scenario.renditions).map(variant).collect(),
    })
}

fn manifest(scenario: &Scenario, stream: &StreamId, number: u16) -> Manifest {
    Manifest {
        stream: stream.clone(),
        epoch: StreamEpoch(1),
        one_of: one_of(scenario, number),
        sequence: MediaSequence(u64::from(number / scenario.renditions)),
        duration_us: u64::try_from(scenario.interval.as_micros()).unwrap_or(u64::MAX),
        target_duration_s: u32::try_from(scenario.interval.as_secs()).unwrap_or(u32::MAX).max(1),
        discontinuity: false,
        published_at: UnixMs(0),
        origin_url: String::new(),
        origin_offset: 0,
        container: SegmentContainer::MpegTs,
        init: None,
        tags: Vec::new(),
        header_tags: Vec::new(),
        len: scenario.segment_len(),
        block_len: scenario.block_len,
        // Nothing is hashed here: the world says which blocks are bad.
        block_hashes: vec![[0; 32]; usize::from(scenario.blocks)],
    }
}
