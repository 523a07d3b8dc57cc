//! Verified media in memory. What may be in it, and for how long, the core decides.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use streamr_model::{BlockIndex, Manifest, SegmentRef, Signed};

/// A segment's manifest and the verified blocks of it that are here.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) signed: Signed<Manifest>,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) bytes_origin: u32,
    blocks: Vec<Option<Bytes>>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Store {
    segments: HashMap<SegmentRef, Stored>,
    bytes: u64,
}

impl Store {
    pub(crate) fn get(&self, name: &SegmentRef) -> Option<&Stored> {
        self.segments.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &SegmentRef) -> Option<&mut Stored> {
        self.segments.get_mut(name)
    }

    /// Bytes of media held.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn insert(&mut self, name: SegmentRef, signed: Signed<Manifest>, manifest: Arc<Manifest>) {
        let blocks = vec![None; usize::from(manifest.block_count())];
        self.segments.insert(name, Stored { signed, manifest, bytes_origin: 0, blocks });
    }

    /// Takes in a block that verified.
    pub(crate) fn put(&mut self, name: &SegmentRef, index: BlockIndex, block: Bytes) {
        let slot = self.segments.get_mut(name).and_then(|stored| stored.blocks.get_mut(index.at()));
        if let Some(slot @ None) = slot {
            self.bytes += block.len() as u64;
            *slot = Some(block);
        }
    }

    pub(crate) fn block(&self, name: &SegmentRef, index: BlockIndex) -> Option<Bytes> {
        self.segments.get(name)?.blocks.get(index.at())?.clone()
    }

    /// Every block in order, once all are here. The bytes are shared, not copied.
    pub(crate) fn whole(&self, name: &SegmentRef) -> Option<Vec<Bytes>> {
        self.segments.get(name)?.blocks.iter().cloned().collect()
    }

    pub(crate) fn evict(&mut self, name: &SegmentRef) {
        if let Some(stored) = self.segments.remove(name) {
            self.bytes -= stored.blocks.iter().flatten().map(|block| block.len() as u64).sum::<u64>();
        }
    }
}
