//! Blocks: the unit of hashing, forwarding and accounting.

use serde::{Deserialize, Serialize};

/// A block's place in its segment, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockIndex(pub u16);

impl BlockIndex {
    /// As an index into a slice.
    pub fn at(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of blocks of one segment of known length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSet {
    len: u16,
    words: Vec<u64>,
}

impl BlockSet {
    /// No block of a segment of `len` blocks.
    pub fn empty(len: u16) -> Self {
        Self { len, words: vec![0; usize::from(len).div_ceil(64)] }
    }

    /// Every block of a segment of `len` blocks.
    pub fn full(len: u16) -> Self {
        (0..len).map(BlockIndex).fold(Self::empty(len), |mut set, index| {
            set.insert(index);
            set
        })
    }

    /// Whether this set, perhaps from a stranger, is one of a segment of `len` blocks.
    pub fn fits(&self, len: u16) -> bool {
        self.len == len
            && self.words.len() == usize::from(len).div_ceil(64)
            && (len.is_multiple_of(64) || self.words.last().is_none_or(|word| word >> (len % 64) == 0))
    }

    /// Blocks in the segment, whether in the set or not.
    pub fn capacity(&self) -> u16 {
        self.len
    }

    /// Whether `index` is in the set.
    pub fn contains(&self, index: BlockIndex) -> bool {
        index.0 < self.len
            && self.words.get(index.at() / 64).is_some_and(|word| word >> (index.0 % 64) & 1 == 1)
    }

    /// Adds `index`; true if it was missing. A block beyond the segment is never added.
    pub fn insert(&mut self, index: BlockIndex) -> bool {
        if index.0 >= self.len || self.contains(index) {
            return false;
        }
        self.words[index.at() / 64] |= 1 << (index.0 % 64);
        true
    }

    /// Takes `index` out; true if it was there.
    pub fn remove(&mut self, index: BlockIndex) -> bool {
        if !self.contains(index) {
            return false;
        }
        self.words[index.at() / 64] &= !(1 << (index.0 % 64));
        true
    }

    /// Blocks in the set.
    pub fn count(&self) -> u16 {
        let ones: u32 = self.words.iter().map(|word| word.count_ones()).sum();
        u16::try_from(ones).unwrap_or(u16::MAX)
    }

    /// Whether every block of the segment is in the set.
    pub fn is_full(&self) -> bool {
        self.count() == self.len
    }

    /// Whether no block is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The blocks in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = BlockIndex> + '_ {
        (0..self.len).map(BlockIndex).filter(|index| self.contains(*index))
    }

    /// The blocks not in the set, in order.
    pub fn missing(&self) -> impl Iterator<Item = BlockIndex> + '_ {
        (0..self.len).map(BlockIndex).filter(|index| !self.contains(*index))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_block_set_is_a_set(len in 1_u16..400, steps in proptest::collection::vec((any::<bool>(), 0_u16..500), 0..200)) {
            let mut set = BlockSet::empty(len);
            let mut model = BTreeSet::new();
            for (add, index) in steps {
                if add {
                    prop_assert_eq!(set.insert(BlockIndex(index)), index < len && model.insert(index));
                    if index >= len { model.remove(&index); }
                } else {
                    prop_assert_eq!(set.remove(BlockIndex(index)), model.remove(&index));
                }
                prop_assert_eq!(usize::from(set.count()), model.len());
            }
            prop_assert!(set.iter().map(|b| b.0).eq(model.iter().copied()));
            prop_assert_eq!(set.missing().count() + model.len(), usize::from(len));
            prop_assert!(set.fits(len));
        }
    }

    #[test]
    fn a_strangers_set_with_bits_beyond_the_segment_does_not_fit() {
        let mut set = BlockSet::empty(10);
        set.words[0] = 1 << 10;
        assert!(!set.fits(10));
        assert!(BlockSet::full(64).fits(64) && BlockSet::full(65).fits(65));
    }
}
