//! Blocks: the unit of hashing, forwarding and accounting.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A block's place in its segment, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockIndex(pub u16);

impl BlockIndex {
    /// As an index into a slice.
    pub fn at(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of blocks of one segment of known length. Up to 128 blocks it needs no memory beyond itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSet {
    len: u16,
    words: SmallVec<[u64; 2]>,
}

impl BlockSet {
    /// No block of a segment of `len` blocks.
    pub fn empty(len: u16) -> Self {
        Self { len, words: SmallVec::from_elem(0, usize::from(len).div_ceil(64)) }
    }

    /// Every block of a segment of `len` blocks.
    pub fn full(len: u16) -> Self {
        let mut set = Self { len, words: SmallVec::from_elem(u64::MAX, usize::from(len).div_ceil(64)) };
        set.trim();
        set
    }

    /// Only `index`, of a segment of `len` blocks; empty if it lies beyond.
    pub fn only(len: u16, index: BlockIndex) -> Self {
        let mut set = Self::empty(len);
        set.insert(index);
        set
    }

    /// Clears the bits of the last word that stand for no block.
    fn trim(&mut self) {
        if !self.len.is_multiple_of(64)
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << (self.len % 64)) - 1;
        }
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

    /// Adds every block of `other`, a set of the same segment.
    pub fn insert_all(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, more)| *word |= more);
        self.trim();
    }

    /// Takes every block of `other` out.
    pub fn remove_all(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, less)| *word &= !less);
    }

    /// The blocks that are in `other` too.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let words = self.words.iter().zip(&other.words).map(|(word, other)| word & other);
        let mut both = Self::empty(self.len);
        both.words.iter_mut().zip(words).for_each(|(word, value)| *word = value);
        both
    }

    /// The blocks that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.remove_all(other);
        rest
    }

    /// Whether some block of this set is not in `other`.
    pub fn has_more_than(&self, other: &Self) -> bool {
        let word_of_other = |at: usize| other.words.get(at).copied().unwrap_or(0);
        self.words.iter().enumerate().any(|(at, word)| word & !word_of_other(at) != 0)
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
        let ones = |(at, word): (usize, &u64)| {
            let first = u16::try_from(at * 64).unwrap_or(u16::MAX);
            Ones(*word).map(move |bit| BlockIndex(first + bit))
        };
        // Bits beyond the segment stand for no block; a set that came from a stranger may have some.
        self.words.iter().enumerate().flat_map(ones).take_while(|index| index.0 < self.len)
    }

    /// The blocks not in the set, in order.
    pub fn missing(&self) -> impl Iterator<Item = BlockIndex> + '_ {
        (0..self.len).map(BlockIndex).filter(|index| !self.contains(*index))
    }
}

/// The positions of the ones in a word, lowest first.
struct Ones(u64);

impl Iterator for Ones {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        u16::try_from(bit).ok()
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

    proptest! {
        #[test]
        fn sets_combine_as_sets_do(
            len in 1_u16..300,
            a in proptest::collection::btree_set(0_u16..300, 0..80),
            b in proptest::collection::btree_set(0_u16..300, 0..80),
        ) {
            let within = |set: BTreeSet<u16>| -> BTreeSet<u16> { set.into_iter().filter(|n| *n < len).collect() };
            let (a, b) = (within(a), within(b));
            let of = |set: &BTreeSet<u16>| set.iter().fold(BlockSet::empty(len), |mut all, n| {
                all.insert(BlockIndex(*n));
                all
            });
            let numbers = |set: &BlockSet| -> BTreeSet<u16> { set.iter().map(|index| index.0).collect() };
            prop_assert_eq!(numbers(&of(&a).and(&of(&b))), &a & &b);
            prop_assert_eq!(numbers(&of(&a).without(&of(&b))), &a - &b);
            let mut both = of(&a);
            both.insert_all(&of(&b));
            prop_assert_eq!(numbers(&both), &a | &b);
            prop_assert_eq!(of(&a).has_more_than(&of(&b)), !a.is_subset(&b));
            prop_assert_eq!(of(&a).is_full(), a.len() == usize::from(len));
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
