//! The interface of this crate to the node and to the signer.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use streamr_model::{
    BitsPerSecond, Manifest, NodeId, ProviderTally, SecretKey, Signed, StreamId, StreamKey, UnixMs,
};
use tokio::sync::{mpsc, watch};
use url::Url;

/// Where peers can reach us: one port for QUIC (UDP) and TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAt {
    /// The interface; `0.0.0.0` or `::` for all.
    pub ip: IpAddr,
    /// The port; 0 picks one.
    pub port: u16,
}

/// What a supporter node needs to carry one stream.
#[derive(Debug)]
pub struct RelayConfig {
    /// The node's identity.
    pub identity: SecretKey,
    /// The stream.
    pub stream: StreamId,
    /// The key its manifests must be signed with.
    pub stream_key: StreamKey,
    /// Its origin's playlist; segments are fetched only from this URL's host and port.
    pub origin: Url,
    /// Where peers can reach us.
    pub listen: ListenAt,
    /// Where local players find the stream.
    pub playback: SocketAddr,
    /// What is given to peers never exceeds this.
    pub upload_cap: BitsPerSecond,
    /// How long after publication a segment must be complete here.
    pub live_delay: Duration,
    /// The most segment bytes kept in memory.
    pub store_limit_bytes: u64,
}

/// A peer and where it may be found: multiaddr texts, unreadable ones ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddresses {
    /// Who.
    pub node: NodeId,
    /// Where.
    pub addresses: Vec<String>,
    /// The uplink it offers.
    pub uplink: BitsPerSecond,
}

/// When a segment was published and when this node held all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentTiming {
    /// Epoch and sequence, as `EPOCH-SEQUENCE`.
    pub segment: String,
    /// Length in bytes.
    pub len: u32,
    /// By the signer's clock.
    pub published_at: UnixMs,
    /// By this machine's clock.
    pub complete_at: UnixMs,
    /// Bytes of it that came from the origin or the seed.
    pub bytes_origin: u32,
}

/// Counters since the relay started, refreshed four times a second.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayStats {
    /// Peers connected, the seed not counted.
    pub peers: u32,
    /// Whether the seed is connected.
    pub seed_connected: bool,
    /// Peers that got media from us in the last minute.
    pub peers_served_lately: u32,
    /// Local players that asked in the last half minute.
    pub local_viewers: u32,
    /// Media bytes given to peers.
    pub bytes_served: u64,
    /// Media bytes given to local players.
    pub bytes_played: u64,
    /// Verified media bytes from the origin and the seed.
    pub bytes_origin: u64,
    /// Verified media bytes from peers.
    pub bytes_peers: u64,
    /// Segments completed.
    pub segments: u64,
    /// Segments given up.
    pub segments_missed: u64,
    /// Blocks that did not verify.
    pub blocks_bad: u64,
    /// Blocks that were received twice.
    pub blocks_duplicate: u64,
    /// When a manifest last came, by this machine's clock.
    pub last_manifest_at: Option<UnixMs>,
    /// The last 64 completed segments, oldest first.
    pub recent: Vec<SegmentTiming>,
    /// What each provider gave, most bytes first, at most 64.
    pub received: Vec<ProviderTally>,
    /// Bytes of media held in memory.
    pub store_bytes: u64,
}

/// What the node should tell a person or the coordinator about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayEvent {
    /// A peer sent bytes that do not verify, or broke the protocol, and is not spoken to again.
    PeerDropped {
        /// Who.
        peer: NodeId,
        /// What it did.
        reason: String,
    },
    /// The origin failed; told once per outage.
    OriginTrouble {
        /// What is wrong, as a sentence.
        detail: String,
    },
    /// The origin answers again.
    OriginWell,
}

/// Why a relay could not start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// A port is taken or the interface is not ours.
    #[error("cannot listen on {what}: {source}")]
    Listen {
        /// Which address, for what.
        what: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// libp2p refused its configuration.
    #[error("the peer network cannot start: {0}")]
    Network(String),
}

/// A running supporter node's swarm, for one stream. Dropping it without [`Relay::stop`] stops it at once.
#[derive(Debug)]
pub struct Relay {
    stats: watch::Receiver<RelayStats>,
}

impl Relay {
    /// Listens, dials nobody yet, and serves local playback. Events beyond the channel's 64 are dropped.
    pub async fn start(_config: RelayConfig) -> Result<(Self, mpsc::Receiver<RelayEvent>), RelayError> {
        Err(RelayError::Network("not built yet".into()))
    }

    /// Addresses peers can dial: multiaddr texts without the `/p2p` part.
    pub fn addresses(&self) -> Vec<String> {
        Vec::new()
    }

    /// Where local players are served.
    pub fn playback(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    /// Counters.
    pub fn stats(&self) -> watch::Receiver<RelayStats> {
        self.stats.clone()
    }

    /// Replaces the view of who carries the stream. Ourselves may be in it.
    pub async fn set_members(&self, _seed: Option<PeerAddresses>, _members: Vec<PeerAddresses>) {}

    /// Changes the cap; takes effect with the next block.
    pub async fn set_upload_cap(&self, _cap: BitsPerSecond) {}

    /// Finishes blocks under way for at most a second, says good-bye, closes every socket.
    pub async fn stop(self) {}
}

/// What a stream's signer needs to be a peer.
#[derive(Debug)]
pub struct SeedConfig {
    /// The seed's libp2p identity (not the stream's key).
    pub identity: SecretKey,
    /// The stream.
    pub stream: StreamId,
    /// The stream's public key.
    pub stream_key: StreamKey,
    /// Where peers can reach us.
    pub listen: ListenAt,
    /// The most segment bytes kept in memory.
    pub store_limit_bytes: u64,
}

/// A stream's signer as a peer: announces manifests, serves blocks of whole segments.
#[derive(Debug)]
pub struct Seed {}

impl Seed {
    /// Listens.
    pub async fn start(_config: SeedConfig) -> Result<Self, RelayError> {
        Err(RelayError::Network("not built yet".into()))
    }

    /// Addresses peers can dial: multiaddr texts without the `/p2p` part.
    pub fn addresses(&self) -> Vec<String> {
        Vec::new()
    }

    /// Announces a segment to every connected peer and serves its blocks from then on.
    pub async fn publish(&self, _manifest: Signed<Manifest>, _segment: Bytes) {}

    /// Media bytes given to peers since the start.
    pub fn bytes_served(&self) -> u64 {
        0
    }

    /// Closes every socket.
    pub async fn stop(self) {}
}
