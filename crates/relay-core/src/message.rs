//! What peers say to each other.
//!
//! One ordered stream in each direction per pair. The first message is [`Message::Hello`]. Whoever hears of
//! a segment whose manifest it lacks asks for it with [`Message::Want`].

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use streamr_model::{
    BitsPerSecond, BlockIndex, BlockSet, Manifest, RenditionId, SegmentRef, Signed, StreamId,
};

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

/// What a node wants of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Interest {
    /// All of it.
    Whole,
    /// The stripes that it is elected to fetch, to pass them on: nobody plays it there.
    OwnStripes,
}

/// A message between peers.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Who speaks. First, once.
    Hello(Hello),
    /// A segment exists.
    Manifest(Freshness, Signed<Manifest>),
    /// The sender holds exactly these blocks of the segment; what is asked of it now waits so long.
    Have(SegmentRef, BlockSet, QueueTime),
    /// The sender is about to send these blocks unasked.
    Offer(SegmentRef, BlockSet),
    /// The sender wants these blocks.
    Request(SegmentRef, BlockSet),
    /// The sender no longer wants these blocks.
    Cancel(SegmentRef, BlockSet),
    /// The sender cannot give these blocks; what is asked of it now waits so long.
    Refuse(SegmentRef, BlockSet, QueueTime),
    /// The sender has heard of the segment and wants its manifest.
    Want(SegmentRef),
    /// What the sender wants of a rendition from now on; before, all of it.
    Interest(RenditionId, Interest),
    /// A block.
    Block(SegmentRef, BlockIndex, Bytes),
    /// What the sender received of us, signed; of no meaning to the swarm itself.
    Receipt(Bytes),
    /// The sender leaves; ask it for nothing more.
    Bye,
}

/// How long a block asked for now would wait behind others, in milliseconds; a hint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueueTime(pub u16);

impl From<Duration> for QueueTime {
    fn from(span: Duration) -> Self {
        Self(u16::try_from(span.as_millis()).unwrap_or(u16::MAX))
    }
}

impl From<QueueTime> for Duration {
    fn from(QueueTime(ms): QueueTime) -> Self {
        Self::from_millis(ms.into())
    }
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
