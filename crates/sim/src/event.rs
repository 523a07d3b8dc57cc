//! What can happen, in 24 bytes: at a million nodes tens of millions of messages are on their way at once.

use streamr_model::{BlockIndex, BlockSet};
use streamr_relay_core::{FetchEnd, Freshness, Message, QueueTime};

use crate::ids::Names;
use crate::media::Media;

/// A node's number; 0 is the seed.
pub(crate) type Index = u32;

/// Something that happens at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Publish(u16),
    /// From now on every supporter that is here sends so many hundredths of what it offers.
    Uplinks(u32),
    /// The coordinator looks at who is there.
    Census,
    Join(Index),
    Connect(Index, Index),
    /// A node leaves, with a word or without.
    Leave(Index),
    /// Its process ends.
    Gone(Index),
    /// The coordinator misses a node that vanished.
    Forgotten(Index),
    /// A node sees that its connection to a peer has ended.
    Lost {
        node: Index,
        peer: Index,
    },
    /// A node asks the coordinator again.
    Refresh(Index),
    Wake(Index),
    Message {
        from: Index,
        to: Index,
        what: Packed,
    },
    Manifest {
        from: Index,
        to: Index,
        freshness: Freshness,
        sequence: u16,
    },
    Block {
        from: Index,
        to: Index,
        sequence: u16,
        index: BlockIndex,
    },
    /// A block's last bit has left.
    Sent {
        from: Index,
        to: Index,
    },
    Fetched {
        node: Index,
        fetch: u32,
        sequence: u16,
        index: BlockIndex,
    },
    FetchEnded {
        node: Index,
        fetch: u32,
        end: FetchEnd,
    },
}

/// A message between two peers, without an allocation where it names blocks of a segment of up to 64.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Packed {
    Blocks {
        kind: Kind,
        sequence: u16,
        queue: QueueTime,
        low: u32,
        high: u32,
    },
    /// Any other message, kept in the [`Parking`].
    Parked(u32),
}

/// Messages that name blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Have,
    Offer,
    Request,
    Cancel,
    Refuse,
}

/// Messages that do not fit an event.
#[derive(Debug, Default)]
pub(crate) struct Parking {
    places: Vec<Option<Message>>,
    free: Vec<u32>,
}

impl Parking {
    pub(crate) fn pack(&mut self, names: Names, message: Message) -> Packed {
        let (kind, segment, blocks, queue) = match message {
            Message::Have(segment, ref blocks, queue) => (Kind::Have, segment, blocks, queue),
            Message::Offer(segment, ref blocks) => (Kind::Offer, segment, blocks, QueueTime(0)),
            Message::Request(segment, ref blocks) => (Kind::Request, segment, blocks, QueueTime(0)),
            Message::Cancel(segment, ref blocks) => (Kind::Cancel, segment, blocks, QueueTime(0)),
            Message::Refuse(segment, ref blocks, queue) => (Kind::Refuse, segment, blocks, queue),
            other => return self.park(other),
        };
        if blocks.capacity() > 64 {
            return self.park(message);
        }
        let bits = blocks.iter().fold(0_u64, |bits, index| bits | 1 << index.0);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let (low, high) = (bits as u32, (bits >> 32) as u32);
        Packed::Blocks { kind, sequence: names.segment_sequence(segment), queue, low, high }
    }

    fn park(&mut self, message: Message) -> Packed {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = Some(message);
            return Packed::Parked(place);
        }
        self.places.push(Some(message));
        Packed::Parked(u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX))
    }

    /// The message again; to be called once for each that was packed.
    pub(crate) fn unpack(&mut self, media: &Media, packed: Packed) -> Option<Message> {
        match packed {
            Packed::Parked(place) => {
                self.free.push(place);
                self.places[place as usize].take()
            }
            Packed::Blocks { kind, sequence, queue, low, high } => {
                let mut bits = u64::from(high) << 32 | u64::from(low);
                let mut blocks = BlockSet::empty(media.blocks());
                while bits != 0 {
                    blocks.insert(BlockIndex(u16::try_from(bits.trailing_zeros()).unwrap_or(0)));
                    bits &= bits - 1;
                }
                let segment = media.name(sequence);
                Some(match kind {
                    Kind::Have => Message::Have(segment, blocks, queue),
                    Kind::Offer => Message::Offer(segment, blocks),
                    Kind::Request => Message::Request(segment, blocks),
                    Kind::Cancel => Message::Cancel(segment, blocks),
                    Kind::Refuse => Message::Refuse(segment, blocks, queue),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn an_event_stays_small() {
        assert!(size_of::<Event>() <= 24, "{}", size_of::<Event>());
    }

    #[test]
    fn a_message_comes_out_as_it_went_in() {
        for blocks in [1, 32, 33, 64, 65, 200] {
            let scenario = Scenario { blocks, ..Scenario::new(1) };
            let names = Names::new(1);
            let media = Media::new(&scenario, names);
            let mut parking = Parking::default();
            let mut set = BlockSet::empty(blocks);
            for index in (0..blocks).filter(|index| index % 3 == 0 || *index + 1 == blocks) {
                set.insert(BlockIndex(index));
            }
            let name = media.name(3);
            for message in [
                Message::Have(name, set.clone(), QueueTime(9)),
                Message::Offer(name, set.clone()),
                Message::Request(name, set.clone()),
                Message::Cancel(name, set.clone()),
                Message::Refuse(name, set.clone(), QueueTime(9)),
                Message::Bye,
            ] {
                let packed = parking.pack(names, message.clone());
                assert_eq!(parking.unpack(&media, packed), Some(message));
            }
            assert_eq!(parking.free.len(), parking.places.len(), "nothing stays behind");
        }
    }
}
