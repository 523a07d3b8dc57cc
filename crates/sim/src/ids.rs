//! Names that hold the number they stand for and still look like any hash, so that no map is needed from
//! one to the other and relay-core, which hashes and orders names, sees nothing of our numbering.

use streamr_model::{NodeId, SegmentRef};

use crate::dice::{mix, unmix};

/// Names of one world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    seed: u64,
}

impl Names {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed: mix(!seed) }
    }

    pub(crate) fn node(self, index: u32) -> NodeId {
        NodeId(self.write(1, u64::from(index)))
    }

    pub(crate) fn node_index(self, node: NodeId) -> u32 {
        u32::try_from(self.read(1, &node.0)).unwrap_or(u32::MAX)
    }

    pub(crate) fn segment(self, sequence: u16) -> SegmentRef {
        SegmentRef(self.write(2, u64::from(sequence)))
    }

    pub(crate) fn segment_sequence(self, segment: SegmentRef) -> u16 {
        u16::try_from(self.read(2, &segment.0)).unwrap_or(u16::MAX)
    }

    fn write(self, kind: u64, number: u64) -> [u8; 32] {
        let mut name = [0; 32];
        let mut word = mix(number ^ self.seed ^ kind << 56);
        for part in name.chunks_exact_mut(8) {
            part.copy_from_slice(&word.to_be_bytes());
            word = mix(word.wrapping_add(0x9e37_79b9_7f4a_7c15));
        }
        name
    }

    fn read(self, kind: u64, name: &[u8; 32]) -> u64 {
        let mut head = [0; 8];
        head.copy_from_slice(&name[..8]);
        unmix(u64::from_be_bytes(head)) ^ self.seed ^ kind << 56
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_number_and_is_spread_over_all_values() {
        let names = Names::new(3);
        let mut first_bytes = [0_u32; 256];
        for index in 0..25_600 {
            let node = names.node(index);
            assert_eq!(names.node_index(node), index);
            first_bytes[usize::from(node.0[0])] += 1;
        }
        assert!(first_bytes.iter().all(|count| (50..150).contains(count)), "{first_bytes:?}");
        assert_eq!(names.segment_sequence(names.segment(7)), 7);
        assert_ne!(names.node(7).0, names.segment(7).0);
    }
}
