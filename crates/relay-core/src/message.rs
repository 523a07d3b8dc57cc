//! What peers say to each other.
//!
//! One ordered stream in each direction per pair. The first message is [`Message::Hello`]; a segment's
//! manifest comes before anything else about that segment.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use streamr_model::{BitsPerSecond, BlockIndex, BlockSet, Manifest, SegmentRef, Signed, StreamId};

/// What a peer is to the swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The stream's signer: has every block, wants none, counts as the origin.
    Seed,
    /// A supporter node.
    Supporter,
    /// Plays and gives nothing back. Served first.
    Viewer,
}

/// Whether a manifest is news or history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Freshness {
    /// Just published: its owners fetch it now.
    Fresh,
    /// Told to a newcomer; others may hold it already.
    Backlog,
}

/// A message between peers.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Who speaks. First, once.
    Hello(Hello),
    /// A segment exists.
    Manifest(Freshness, Signed<Manifest>),
    /// The sender holds exactly these blocks of the segment.
    Have(SegmentRef, BlockSet),
    /// The sender is about to send these blocks unasked.
    Offer(SegmentRef, BlockSet),
    /// The sender wants these blocks.
    Request(SegmentRef, BlockSet),
    /// The sender no longer wants these blocks.
    Cancel(SegmentRef, BlockSet),
    /// The sender cannot give these blocks.
    Refuse(SegmentRef, BlockSet),
    /// A block.
    Block(SegmentRef, BlockIndex, Bytes),
    /// The sender leaves; ask it for nothing more.
    Bye,
}

/// The first message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// What the sender is.
    pub role: Role,
    /// The stream it carries.
    pub stream: StreamId,
    /// The uplink it offers; a hint, bounded by whoever uses it.
    pub uplink: BitsPerSecond,
}
