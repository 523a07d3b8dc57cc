//! What a node tells the coordinator about itself, signed.

use serde::{Deserialize, Serialize};

use crate::id::{NodeId, StreamId};
use crate::signed::Document;
use crate::units::BitsPerSecond;

/// Proves that whoever enrols holds the node's key: the coordinator's challenge, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentProof {
    /// The node.
    pub node: NodeId,
    /// The challenge as given, hex digits.
    pub challenge: String,
    /// The coordinator's address as the node knows it, so that a proof given to one is worthless to another.
    pub coordinator: String,
}

impl Document for EnrolmentProof {
    const DOMAIN: &'static str = "streamrp2p 2026 enrolment proof 1";
    const MAX_LEN: usize = 1024;
}

/// What a node is doing when it reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeActivity {
    /// Carrying the stream.
    Supporting,
    /// Held by the person or the machine; counts as declared downtime.
    Paused,
    /// About to go; the last report of the session.
    Leaving,
}

/// A node's report. Numbered from 1 within a session; each carries the nonce of the last answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The reporting node.
    pub node: NodeId,
    /// The stream it supports.
    pub stream: StreamId,
    /// Names this run of the node; drawn at random when it starts supporting.
    pub session: u64,
    /// Counts the reports of the session from 1.
    pub number: u64,
    /// The nonce from the last answer; empty in the first report.
    pub nonce: String,
    /// What it is doing.
    pub activity: NodeActivity,
    /// Uplink it offers.
    pub uplink_bps: BitsPerSecond,
    /// Where it listens: multiaddr texts, most useful first, at most [`Heartbeat::MAX_ADDRESSES`].
    pub addresses: Vec<String>,
    /// Peers connected now.
    pub peers: u32,
    /// Verified media bytes it fetched from the origin or the signer this session.
    pub bytes_origin: u64,
}

impl Heartbeat {
    /// The most addresses in a report.
    pub const MAX_ADDRESSES: usize = 8;
}

impl Document for Heartbeat {
    const DOMAIN: &'static str = "streamrp2p 2026 heartbeat 2";
    const MAX_LEN: usize = 16 * 1024;
}
