//! Messages as bytes: a frame is a four-byte big-endian length, a kind byte and a body.
//!
//! Control bodies are postcard. A block is announced by a frame of 32 bytes of segment, two of index and four of
//! length (big-endian); its bytes follow in one or more frames of their own. Between these other messages
//! may stand: on a slow uplink a request need not wait until a block has passed.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use streamr_model::{BlockIndex, BlockSet, Manifest, SegmentRef};

use crate::message::{Freshness, Message};

/// The protocol's name for negotiation. Changes with every incompatible change of this module.
pub const PROTOCOL: &str = "/streamrp2p/relay/5";

/// Bytes before a frame's body: length and kind.
pub const HEADER_LEN: usize = 5;

/// The longest body: a manifest of 256 KiB with its signature and room to spare.
pub const MAX_BODY_LEN: usize = 260 * 1024;

/// The longest receipt: a document of 512 bytes, its signature and their lengths.
pub const MAX_RECEIPT_LEN: usize = 640;

/// Bytes of the frame that announces a block.
const ANNOUNCEMENT_LEN: usize = HEADER_LEN + 38;

/// Bytes that a block takes beside its own if it is sent in one piece.
pub const BLOCK_HEAD_LEN: usize = ANNOUNCEMENT_LEN + HEADER_LEN;

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
    pub(super) const PART: u8 = 11;
    pub(super) const RECEIPT: u8 = 12;
    pub(super) const INTEREST: u8 = 13;
    pub(super) const LAST: u8 = INTEREST;
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

    /// Bytes of body to read before [`Reader::read`].
    pub fn body_len(self) -> usize {
        self.body_len
    }

    fn message(self, body: &[u8]) -> Result<Message, WireError> {
        let unreadable = WireError::Body(self.kind);
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
            kind::INTEREST => read(body).map(|(rendition, interest)| Message::Interest(rendition, interest)),
            kind::RECEIPT => {
                (body.len() <= MAX_RECEIPT_LEN).then(|| Message::Receipt(Bytes::copy_from_slice(body)))
            }
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

/// Makes messages of one peer's frames. Holds at most the part of one block that has come.
#[derive(Debug, Default)]
pub struct Reader {
    coming: Option<Coming>,
}

/// A block that was announced and has not come altogether.
#[derive(Debug)]
struct Coming {
    segment: SegmentRef,
    index: BlockIndex,
    len: usize,
    bytes: BytesMut,
}

impl Coming {
    fn announced(body: &[u8]) -> Option<Self> {
        let (segment, rest) = body.split_first_chunk::<32>()?;
        let (index, rest) = rest.split_first_chunk::<2>()?;
        let len = u32::from_be_bytes(rest.try_into().ok()?);
        let (segment, index) = (SegmentRef(*segment), BlockIndex(u16::from_be_bytes(*index)));
        let is_block = (1..=Manifest::MAX_BLOCK_LEN).contains(&len);
        is_block.then(|| Self { segment, index, len: len as usize, bytes: BytesMut::new() })
    }

    fn missing(&self) -> usize {
        self.len - self.bytes.len()
    }
}

impl Reader {
    /// Takes a frame's body in; gives the message that it completes, if it does. A block that comes in one piece
    /// is not copied.
    pub fn read(&mut self, header: Header, body: Bytes) -> Result<Option<Message>, WireError> {
        let unreadable = WireError::Body(header.kind);
        if body.len() != header.body_len {
            return Err(unreadable);
        }
        match header.kind {
            kind::BLOCK if self.coming.is_none() => {
                self.coming = Some(Coming::announced(&body).ok_or(unreadable)?);
                Ok(None)
            }
            kind::PART => self.read_part(body).ok_or(unreadable),
            _ => header.message(&body).map(Some),
        }
    }

    fn read_part(&mut self, part: Bytes) -> Option<Option<Message>> {
        let mut coming = self.coming.take()?;
        let whole = if part.len() == coming.len {
            part
        } else {
            let fits = !part.is_empty() && part.len() <= coming.missing();
            fits.then(|| coming.bytes.extend_from_slice(&part))?;
            if coming.missing() > 0 {
                self.coming = Some(coming);
                return Some(None);
            }
            coming.bytes.freeze()
        };
        Some(Some(Message::Block(coming.segment, coming.index, whole)))
    }
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
        Message::Interest(rendition, interest) => control(kind::INTEREST, &(rendition, interest)),
        Message::Block(segment, index, bytes) => {
            let mut head = announce(segment, *index, bytes.len());
            put_header(&mut head, kind::PART, bytes.len());
            (head.freeze(), Some(bytes.clone()))
        }
        Message::Receipt(bytes) => {
            let mut head = BytesMut::with_capacity(HEADER_LEN + bytes.len());
            put_header(&mut head, kind::RECEIPT, bytes.len());
            head.put_slice(bytes);
            (head.freeze(), None)
        }
        Message::Bye => {
            let mut head = BytesMut::with_capacity(HEADER_LEN);
            put_header(&mut head, kind::BYE, 0);
            (head.freeze(), None)
        }
    }
}

/// The frame that announces a block of `len` bytes.
pub fn announce(segment: &SegmentRef, index: BlockIndex, len: usize) -> BytesMut {
    let mut frame = BytesMut::with_capacity(BLOCK_HEAD_LEN);
    put_header(&mut frame, kind::BLOCK, ANNOUNCEMENT_LEN - HEADER_LEN);
    frame.put_slice(&segment.0);
    frame.put_u16(index.0);
    frame.put_u32(u32::try_from(len).expect("no block is longer than MAX_BLOCK_LEN"));
    frame
}

/// The head of a frame with the next `len` bytes of the announced block.
pub fn part(len: usize) -> BytesMut {
    let mut head = BytesMut::with_capacity(HEADER_LEN);
    put_header(&mut head, kind::PART, len);
    head
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
    use crate::message::{Hello, Interest, QueueTime, Role};
    use proptest::prelude::*;
    use streamr_model::{BitsPerSecond, RenditionId};

    fn bytes_of(message: &Message) -> Vec<u8> {
        let (head, tail) = encode(message);
        [head, tail.unwrap_or_default()].concat()
    }

    /// All messages that the bytes make; an error if a frame is none or something is left over.
    fn decode(mut bytes: &[u8]) -> Result<Vec<Message>, WireError> {
        let (mut reader, mut messages) = (Reader::default(), Vec::new());
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_first_chunk().ok_or(WireError::Length(0))?;
            let header = Header::decode(*head)?;
            let body = rest.get(..header.body_len()).ok_or(WireError::Length(rest.len()))?;
            messages.extend(reader.read(header, Bytes::copy_from_slice(body))?);
            bytes = &rest[header.body_len()..];
        }
        if reader.coming.is_some() { Err(WireError::Body(kind::BLOCK)) } else { Ok(messages) }
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
            (any::<u16>(), prop_oneof![Just(Interest::Whole), Just(Interest::OwnStripes)])
                .prop_map(|(r, interest)| Message::Interest(RenditionId(r), interest)),
            (any::<[u8; 32]>(), any::<u16>(), proptest::collection::vec(any::<u8>(), 1..32_769))
                .prop_map(|(s, i, b)| Message::Block(SegmentRef(s), BlockIndex(i), b.into())),
            proptest::collection::vec(any::<u8>(), 0..=MAX_RECEIPT_LEN)
                .prop_map(|b| Message::Receipt(b.into())),
            Just(Message::Bye),
        ]
    }

    proptest! {
        #[test]
        fn every_message_survives_the_wire(message in any_message()) {
            prop_assert_eq!(decode(&bytes_of(&message)), Ok(vec![message]));
        }

        #[test]
        fn a_block_may_come_in_parts_with_other_messages_between(
            block in proptest::collection::vec(any::<u8>(), 1..32_769),
            cuts in proptest::collection::vec(1_usize..9_000, 0..9),
            others in proptest::collection::vec(any_message(), 0..9),
        ) {
            let (name, index) = (SegmentRef([7; 32]), BlockIndex(300));
            let others: Vec<Message> =
                others.into_iter().filter(|other| !matches!(other, Message::Block(..))).collect();
            let mut bytes = announce(&name, index, block.len()).to_vec();
            let (mut rest, mut between) = (block.as_slice(), others.iter());
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len().saturating_sub(1)));
                if !now.is_empty() {
                    bytes.extend([&part(now.len())[..], now].concat());
                }
                bytes.extend(between.next().map(bytes_of).unwrap_or_default());
                rest = later;
            }
            bytes.extend([&part(rest.len())[..], rest].concat());
            let told = others.len() - between.len();
            let expected = others[..told].iter().cloned().chain([Message::Block(name, index, block.into())]);
            prop_assert_eq!(decode(&bytes), Ok(expected.collect::<Vec<_>>()));
        }

        #[test]
        fn no_frames_keep_more_than_a_block(frames in proptest::collection::vec(
            (prop_oneof![Just(kind::BLOCK), Just(kind::PART)], proptest::collection::vec(any::<u8>(), 0..40_000)),
            0..20,
        )) {
            let mut reader = Reader::default();
            for (kind, body) in frames {
                let header = Header { kind, body_len: body.len() };
                if reader.read(header, body.into()).is_err() {
                    break;
                }
                let kept = reader.coming.as_ref().map_or(0, |coming| coming.bytes.len());
                prop_assert!(kept < Manifest::MAX_BLOCK_LEN as usize);
            }
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
    fn a_receipt_longer_than_any_is_refused() {
        let frame = bytes_of(&Message::Receipt(vec![7; MAX_RECEIPT_LEN + 1].into()));
        assert_eq!(decode(&frame), Err(WireError::Body(kind::RECEIPT)));
    }

    #[test]
    fn the_frames_are_the_ones_peers_in_the_field_speak() {
        let block = Message::Block(SegmentRef([0xab; 32]), BlockIndex(258), Bytes::from_static(b"xyz"));
        let mut expected = vec![0, 0, 0, 38, 8];
        expected.extend([0xab; 32]);
        expected.extend([1, 2, 0, 0, 0, 3]);
        expected.extend([0, 0, 0, 3, 11, b'x', b'y', b'z']);
        assert_eq!(bytes_of(&block), expected);
        assert_eq!(bytes_of(&Message::Bye), [0, 0, 0, 0, 9]);
        let interest = Message::Interest(RenditionId(3), Interest::OwnStripes);
        assert_eq!(bytes_of(&interest), [0, 0, 0, 2, 13, 3, 1]);
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
