//! One fetch of consecutive blocks from the origin, as a task: each block is reported as soon as its last
//! byte is here.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use streamr_model::{BlockIndex, Manifest, SegmentRef};
use streamr_relay_core::{FetchEnd, FetchId};
use tokio::sync::mpsc;
use url::Url;

use crate::origin::{OriginError, OriginReader, RangeBody, RangeKind};

/// What a fetch reports: any number of blocks, then its end.
#[derive(Debug)]
pub(crate) enum FetchEvent {
    /// A block's worth of bytes, not yet checked.
    Block(FetchId, SegmentRef, BlockIndex, Bytes),
    /// Nothing more comes; with the origin's failure, if it was one.
    Ended(FetchId, FetchEnd, Option<OriginError>),
}

/// What to fetch.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) id: FetchId,
    pub(crate) segment: SegmentRef,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) blocks: Range<u16>,
}

/// Runs a fetch to its end.
pub(crate) async fn run(reader: OriginReader, fetch: Fetch, events: mpsc::Sender<FetchEvent>) {
    let (end, error) = match blocks(&reader, &fetch, &events).await {
        Ok(end) => (end, None),
        Err(error) => (judge(&error), Some(error)),
    };
    let _ = events.send(FetchEvent::Ended(fetch.id, end, error)).await;
}

/// Whether a failure is about this segment only or about the origin.
fn judge(error: &OriginError) -> FetchEnd {
    match error {
        OriginError::NotFound
        | OriginError::Elsewhere { .. }
        | OriginError::WrongRange
        | OriginError::Empty
        | OriginError::TooLarge { .. } => FetchEnd::Gone,
        _ => FetchEnd::Failed,
    }
}

async fn blocks(
    reader: &OriginReader,
    fetch: &Fetch,
    events: &mpsc::Sender<FetchEvent>,
) -> Result<FetchEnd, OriginError> {
    let manifest = &fetch.manifest;
    let Ok(url) = Url::parse(&manifest.origin_url) else {
        return Err(OriginError::NotHttp { url: manifest.origin_url.clone() });
    };
    let spans =
        fetch.blocks.clone().map(BlockIndex).filter_map(|index| Some((index, manifest.block_span(index)?)));
    let mut spans = spans.peekable();
    let Some((_, (start, _))) = spans.peek().copied() else { return Ok(FetchEnd::Done) };
    let len: u32 = spans.clone().map(|(_, (_, len))| len).sum();
    let from = manifest.origin_offset.saturating_add(u64::from(start));
    let mut body = reader.stream_range(&url, from, u64::from(len)).await?;
    let is_whole_file = start == 0 && len == manifest.len && manifest.origin_offset == 0;
    if body.kind() == RangeKind::Whole && !is_whole_file {
        return Ok(FetchEnd::RangeIgnored);
    }
    let mut chunk = Bytes::new();
    for (index, (_, len)) in spans {
        let block = take(&mut body, &mut chunk, len as usize).await?;
        if events.send(FetchEvent::Block(fetch.id, fetch.segment, index, block)).await.is_err() {
            break;
        }
    }
    Ok(FetchEnd::Done)
}

/// The next `len` bytes, out of what is left in `chunk` and what follows. A block that came in one chunk is
/// not copied: the chunk's other bytes are the blocks beside it, kept and given up with it.
async fn take(body: &mut RangeBody, chunk: &mut Bytes, len: usize) -> Result<Bytes, OriginError> {
    if chunk.len() >= len {
        return Ok(chunk.split_to(len));
    }
    let mut block = BytesMut::with_capacity(len);
    while block.len() < len {
        if chunk.is_empty() {
            let received = u64::try_from(block.len()).unwrap_or(u64::MAX);
            let truncated = OriginError::Truncated { received, expected: Some(len as u64) };
            *chunk = body.chunk().await?.ok_or(truncated)?;
        }
        let piece = chunk.split_to((len - block.len()).min(chunk.len()));
        block.extend_from_slice(&piece);
    }
    Ok(block.freeze())
}
