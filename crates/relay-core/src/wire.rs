//! Messages as bytes: a frame is a four-byte big-endian length, a kind byte and a body.
//!
//! Control bodies are postcard. A block's body is 32 bytes of segment, two of index (big-endian) and the
//! block itself, so that a reader can take the block straight into the buffer it is stored in.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use streamr_model::{BlockIndex, BlockSet, SegmentRef};

use crate::message::{Freshness, Message};

/// The protocol's name for negotiation. Changes with every incompatible change of this module.
pub const PROTOCOL: &str = "/streamrp2p/relay/2";

/// Bytes before a frame's body: length and kind.
pub const HEADER_LEN: usize = 5;

/// The longest body: a manifest of 256 KiB with its signature and room to spare.
pub const MAX_BODY_LEN: usize = 260 * 1024;

const BLOCK_PREFIX_LEN: usize = 34;

/// Why a frame was refused. The peer that sent it breaks the protocol and is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The length is over [`MAX_BODY_LEN`] or zero.
    #[error("a frame of {0} bytes")]
    Length(usize),
    /// No such kind.
    #[error("a frame of unknown kind {0}")]
    Kind(u8),
    /// The body is not what its kind says.
    #[error("a frame of kind {0} that cannot be read")]
    Body(u8),
}

/// A frame's head: what follows and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    kind: u8,
    body_len: usize,
}

mod kind {
    pub(super) const HELLO: u8 = 0;
    pub(super) const MANIFEST_FRESH: u8 = 1;
    pub(super) const MANIFEST_BACKLOG: u8 = 2;
    pub(super) const HAVE: u8 = 3;
    pub(super) const OFFER: u8 = 4;
    pub(super) const REQUEST: u8 = 5;
    pub(super) const CANCEL: u8 = 6;
    pub(super) const REFUSE: u8 = 7;
    pub(super) const BLOCK: u8 = 8;
    pub(super) const BYE: u8 = 9;
    pub(super) const WANT: u8 = 10;
    pub(super) const LAST: u8 = WANT;
}

impl Header {
    /// Reads a head.
    pub fn decode(bytes: [u8; HEADER_LEN]) -> Result<Self, WireError> {
        let [a, b, c, d, kind] = bytes;
        let body_len = u32::from_be_bytes([a, b, c, d]) as usize;
        if body_len > MAX_BODY_LEN {
            return Err(WireError::Length(body_len));
        }
        if kind > kind::LAST {
            return Err(WireError::Kind(kind));
        }
        Ok(Self { kind, body_len })
    }

    /// Bytes of body to read before [`Header::message`].
    pub fn body_len(self) -> usize {
        self.body_len
    }

    /// Reads the body that follows this head. A block's bytes are shared with `body`, not copied.
    pub fn message(self, body: &Bytes) -> Result<Message, WireError> {
        let unreadable = WireError::Body(self.kind);
        if body.len() != self.body_len {
            return Err(unreadable);
        }
        let about = |build: fn(SegmentRef, BlockSet) -> Message| {
            read::<(SegmentRef, BlockSet)>(body).map(|(segment, blocks)| build(segment, blocks))
        };
        let message = match self.kind {
            kind::HELLO => read(body).map(Message::Hello),
            kind::MANIFEST_FRESH => read(body).map(|signed| Message::Manifest(Freshness::Fresh, signed)),
            kind::MANIFEST_BACKLOG => read(body).map(|signed| Message::Manifest(Freshness::Backlog, signed)),
            kind::HAVE => read(body).map(|(segment, blocks, queue)| Message::Have(segment, blocks, queue)),
            kind::OFFER => about(Message::Offer),
            kind::REQUEST => about(Message::Request),
            kind::CANCEL => about(Message::Cancel),
            kind::REFUSE => {
                read(body).map(|(segment, blocks, queue)| Message::Refuse(segment, blocks, queue))
            }
            kind::WANT => read(body).map(Message::Want),
            kind::BLOCK => read_block(body),
            kind::BYE => body.is_empty().then_some(Message::Bye),
            other => return Err(WireError::Kind(other)),
        };
        message.ok_or(unreadable)
    }
}

/// The whole of `bytes` as a `T`.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::take_from_bytes(bytes).ok().filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

fn read_block(body: &Bytes) -> Option<Message> {
    let (segment, rest) = body.split_first_chunk::<32>()?;
    let (index, _) = rest.split_first_chunk::<2>()?;
    let index = BlockIndex(u16::from_be_bytes(*index));
    Some(Message::Block(SegmentRef(*segment), index, body.slice(BLOCK_PREFIX_LEN..)))
}

/// A message as the pieces to write one after the other; a block's bytes are the second piece, uncopied.
pub fn encode(message: &Message) -> (Bytes, Option<Bytes>) {
    match message {
        Message::Hello(hello) => control(kind::HELLO, hello),
        Message::Manifest(Freshness::Fresh, signed) => control(kind::MANIFEST_FRESH, signed),
        Message::Manifest(Freshness::Backlog, signed) => control(kind::MANIFEST_BACKLOG, signed),
        Message::Have(segment, blocks, queue) => control(kind::HAVE, &(segment, blocks, queue)),
        Message::Offer(segment, blocks) => control(kind::OFFER, &(segment, blocks)),
        Message::Request(segment, blocks) => control(kind::REQUEST, &(segment, blocks)),
        Message::Cancel(segment, blocks) => control(kind::CANCEL, &(segment, blocks)),
        Message::Refuse(segment, blocks, queue) => control(kind::REFUSE, &(segment, blocks, queue)),
        Message::Want(segment) => control(kind::WANT, segment),
        Message::Block(segment, index, bytes) => {
            let mut head = BytesMut::with_capacity(HEADER_LEN + BLOCK_PREFIX_LEN);
            put_header(&mut head, kind::BLOCK, BLOCK_PREFIX_LEN + bytes.len());
            head.put_slice(&segment.0);
            head.put_u16(index.0);
            (head.freeze(), Some(bytes.clone()))
        }
        Message::Bye => {
            let mut head = BytesMut::with_capacity(HEADER_LEN);
            put_header(&mut head, kind::BYE, 0);
            (head.freeze(), None)
        }
    }
}

fn control<T: Serialize>(kind: u8, body: &T) -> (Bytes, Option<Bytes>) {
    let body =
        postcard::to_allocvec(body).expect("a message is plain data: encoding it into memory cannot fail");
    let mut frame = BytesMut::with_capacity(HEADER_LEN + body.len());
    put_header(&mut frame, kind, body.len());
    frame.put_slice(&body);
    (frame.freeze(), None)
}

fn put_header(frame: &mut BytesMut, kind: u8, body_len: usize) {
    frame.put_u32(u32::try_from(body_len).expect("no message is longer than MAX_BODY_LEN"));
    frame.put_u8(kind);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Hello, QueueTime, Role};
    use proptest::prelude::*;
    use streamr_model::BitsPerSecond;

    fn bytes_of(message: &Message) -> Vec<u8> {
        let (head, tail) = encode(message);
        [head, tail.unwrap_or_default()].concat()
    }

    fn decode(frame: &[u8]) -> Result<Message, WireError> {
        let (head, body) = frame.split_first_chunk().unwrap();
        Header::decode(*head)?.message(&Bytes::copy_from_slice(body))
    }

    fn any_set() -> impl Strategy<Value = BlockSet> {
        (1_u16..300, proptest::collection::vec(0_u16..300, 0..50)).prop_map(|(len, blocks)| {
            let mut set = BlockSet::empty(len);
            blocks.into_iter().for_each(|index| {
                set.insert(BlockIndex(index));
            });
            set
        })
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let about = || (any::<[u8; 32]>().prop_map(SegmentRef), any_set());
        prop_oneof![
            any::<u64>().prop_map(|bps| Message::Hello(Hello {
                role: Role::Supporter,
                stream: "alice".parse().unwrap(),
                uplink: BitsPerSecond(bps)
            })),
            (about(), any::<u16>()).prop_map(|((s, b), q)| Message::Have(s, b, QueueTime(q))),
            about().prop_map(|(s, b)| Message::Offer(s, b)),
            about().prop_map(|(s, b)| Message::Request(s, b)),
            about().prop_map(|(s, b)| Message::Cancel(s, b)),
            (about(), any::<u16>()).prop_map(|((s, b), q)| Message::Refuse(s, b, QueueTime(q))),
            any::<[u8; 32]>().prop_map(|s| Message::Want(SegmentRef(s))),
            (any::<[u8; 32]>(), any::<u16>(), proptest::collection::vec(any::<u8>(), 0..40_000))
                .prop_map(|(s, i, b)| Message::Block(SegmentRef(s), BlockIndex(i), b.into())),
            Just(Message::Bye),
        ]
    }

    proptest! {
        #[test]
        fn every_message_survives_the_wire(message in any_message()) {
            prop_assert_eq!(decode(&bytes_of(&message)), Ok(message));
        }

        #[test]
        fn no_frame_makes_reading_panic(frame in proptest::collection::vec(any::<u8>(), 5..200)) {
            let _ = decode(&frame);
        }

        #[test]
        fn a_frame_cut_short_is_refused(message in any_message(), cut in 1_usize..30) {
            let frame = bytes_of(&message);
            let end = frame.len().saturating_sub(cut).max(HEADER_LEN);
            prop_assume!(end < frame.len());
            prop_assert!(decode(&frame[..end]).is_err());
        }
    }

    #[test]
    fn the_frames_are_the_ones_peers_in_the_field_speak() {
        let block = Message::Block(SegmentRef([0xab; 32]), BlockIndex(258), Bytes::from_static(b"xyz"));
        let mut expected = vec![0, 0, 0, 37, 8];
        expected.extend([0xab; 32]);
        expected.extend([1, 2, b'x', b'y', b'z']);
        assert_eq!(bytes_of(&block), expected);
        assert_eq!(bytes_of(&Message::Bye), [0, 0, 0, 0, 9]);
        let hello = Message::Hello(Hello {
            role: Role::Seed,
            stream: "al".parse().unwrap(),
            uplink: BitsPerSecond(300),
        });
        assert_eq!(bytes_of(&hello), [0, 0, 0, 6, 0, 0, 2, b'a', b'l', 0xac, 2]);
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_anything_is_reserved() {
        assert_eq!(Header::decode([0xff, 0, 0, 0, 1]), Err(WireError::Length(0xff00_0000)));
    }
}
