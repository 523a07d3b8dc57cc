//! What the core asks of the driver, and what the driver reports back.

use std::ops::Range;

use bytes::Bytes;
use streamr_model::{BitsPerSecond, BlockIndex, NodeId, SegmentRef};

use crate::message::{Freshness, Message};

/// Names one fetch from the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId(pub u64);

/// An effect for the driver to carry out.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send a message that holds no media.
    Send(NodeId, Message),
    /// Send the segment's signed manifest.
    SendManifest(NodeId, Freshness, SegmentRef),
    /// Send a block from the store; report [`Swarm::handle_block_sent`](super::Swarm::handle_block_sent).
    SendBlock(NodeId, SegmentRef, BlockIndex),
    /// Fetch these consecutive blocks from the origin, report each as it comes and then the end.
    Fetch(FetchId, SegmentRef, Range<u16>),
    /// Give up a fetch that has not ended: nothing of it is wanted any more. It needs no end.
    Abort(FetchId),
    /// The segment is whole: its blocks may be put together.
    Complete(SegmentRef),
    /// The segment comes next in playing order, and is whole.
    Play(SegmentRef),
    /// Forget the segment's manifest and blocks, except for what players may still ask for.
    Evict(SegmentRef),
    /// The peer signed for what we gave it. Nothing in it has been checked.
    Receipt(NodeId, Bytes),
    /// Close every connection to the peer and, unless it only left, do not speak to it again.
    Disconnect(NodeId, DropReason),
}

/// Why a peer is disconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// It said good-bye.
    Left,
    /// It carries another stream.
    OtherStream,
    /// There is no room for more peers.
    Full,
    /// It sent a block that does not verify.
    BadBlock,
    /// It broke the protocol.
    Protocol,
    /// It was dropped before for one of the two above.
    Banned,
}

impl DropReason {
    /// Whether the peer is not spoken to again.
    pub fn is_ban(self) -> bool {
        matches!(self, Self::BadBlock | Self::Protocol | Self::Banned)
    }
}

/// Where a block came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supplier {
    /// The origin, by this fetch.
    Origin(FetchId),
    /// A peer.
    Peer(NodeId),
}

/// What checking a block against its manifest gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the block, to the bit.
    Verified,
    /// It is not.
    Bad,
}

/// Whether the driver keeps a block it has just reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Store it.
    Store,
    /// Throw it away.
    Discard,
}

/// How a fetch from the origin ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchEnd {
    /// Everything asked for came.
    Done,
    /// The origin serves whole files only; the driver stopped reading.
    RangeIgnored,
    /// The origin no longer has the segment, or has other bytes under its name.
    Gone,
    /// The origin does not answer, or answers with an error.
    Failed,
}

/// A supporter as the coordinator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub node: NodeId,
    /// Its uplink, as bounded by the coordinator: its weight in elections.
    pub uplink: BitsPerSecond,
}
