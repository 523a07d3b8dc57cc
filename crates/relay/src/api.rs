//! The interface of this crate to the node and to the signer.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use streamr_model::{
    BitsPerSecond, Manifest, NodeId, ProviderTally, SecretKey, Signed, StreamId, StreamKey, UnixMs,
};
use streamr_relay_core::{Config, Member, Role, Swarm};
use tokio::sync::{mpsc, oneshot, watch};
use url::Url;

use crate::driver::{self, Channels, Order, Supporting};
use crate::net::{Net, Throttle};
use crate::origin::{OriginPatience, OriginReader};
use crate::playback::{Playback, PlaybackServer};
use crate::thread::OwnThread;
use crate::uplink::{SharedUplink, UplinkSeat};

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
    /// What is given to peers passes this, beside what other streams' relays give to theirs.
    pub uplink: SharedUplink,
    /// How much the stream counts beside the others there: where both want more than there is, one of twice
    /// the weight gets twice as much.
    pub weight: NonZeroU32,
    /// How long after publication a segment must be complete here.
    pub live_delay: Duration,
    /// The most segment bytes kept in memory.
    pub store_limit_bytes: u64,
}

/// Whether uploads give way when somebody else needs the uplink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yielding {
    /// The uplink is measured, a share of it used, and less while round trips grow.
    On,
    /// Uploads are paced to the cap, whatever happens.
    Off,
}

/// What the uplink was found to carry, in media bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UplinkMeasured {
    /// So much got through.
    pub capacity: BitsPerSecond,
    /// And more did not. Otherwise it may carry more.
    pub is_limit: bool,
}

/// How one stream uses the uplink now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadView {
    /// `None` until something was sent.
    pub measured: Option<UplinkMeasured>,
    /// The stream's uploads are paced to this now.
    pub rate_now: BitsPerSecond,
    /// What the stream's peers may count on: its part, by weight, of what all may.
    pub share: BitsPerSecond,
    /// Whether somebody else needs the uplink now.
    pub gives_way: bool,
}

/// A peer and where it may be found: multiaddr texts, unreadable ones ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddresses {
    /// Who.
    pub node: NodeId,
    /// Where.
    pub addresses: Vec<String>,
}

/// When a segment was published and when this node held all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentTiming {
    /// Epoch and sequence, as `EPOCH-SEQUENCE`; of one of several renditions `EPOCH-SEQUENCE-RENDITION`.
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

/// Counters since the relay started, refreshed four times a second and with every completed segment.
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
    /// Media bytes given to each peer, most first, at most 128.
    pub given: Vec<(NodeId, u64)>,
    /// Bytes of media held in memory.
    pub store_bytes: u64,
    /// How the uplink is used; `None` where it is not measured.
    pub upload: Option<UploadView>,
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
    /// A peer signed for what it got from us. Nothing in it has been checked.
    Receipt {
        /// Who sent it.
        from: NodeId,
        /// At most [`MAX_RECEIPT_LEN`](streamr_relay_core::wire::MAX_RECEIPT_LEN) bytes.
        receipt: Bytes,
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
    /// The origin's address cannot be used.
    #[error("the origin cannot be read: {0}")]
    Origin(String),
    /// So many share the uplink already, and no more can.
    #[error("no more than {0} streams can share an uplink")]
    TooManyStreams(usize),
    /// libp2p refused its configuration.
    #[error("the peer network cannot start: {0}")]
    Network(String),
}

/// How long after its deadline a segment is kept for peers that come late.
const RETENTION: Duration = Duration::from_secs(10);
/// Orders that wait for the driver; beyond it the handle waits.
const ORDERS: usize = 64;
/// Events that wait for the node; beyond it the newest are lost.
const EVENTS: usize = 64;
/// What a seed may send: it stands beside the origin, whose uplink is the operator's affair.
const SEED_UPLINK: BitsPerSecond = BitsPerSecond(1_000_000_000);

/// A running supporter node's swarm, for one stream. Dropping it without [`Relay::stop`] stops it at once.
#[derive(Debug)]
pub struct Relay {
    me: NodeId,
    orders: mpsc::Sender<Order>,
    stats: watch::Receiver<RelayStats>,
    addresses: Vec<String>,
    playback: PlaybackServer,
    _thread: OwnThread,
}

impl Relay {
    /// Listens, dials nobody yet, and serves local playback. Events beyond the channel's 64 are dropped.
    pub async fn start(config: RelayConfig) -> Result<(Self, mpsc::Receiver<RelayEvent>), RelayError> {
        let reader = OriginReader::new(&config.origin, OriginPatience::default())
            .map_err(|error| RelayError::Origin(error.to_string()))?;
        let playback = Arc::new(Playback::new(config.stream.clone(), config.store_limit_bytes));
        let server = playback.serve(config.playback).await?;
        let uplink = config.uplink.join(config.weight)?;
        let me = config.identity.node_id();
        let swarm = Swarm::new(
            Config {
                me,
                role: Role::Supporter,
                stream: config.stream,
                uplink: uplink.part().promised,
                live_delay: config.live_delay,
                store_limit_bytes: config.store_limit_bytes,
                retention: RETENTION,
            },
            driver::BEGINNING,
        );
        let supporting = Supporting { reader, playback };
        let thread = OwnThread::start("relay")?;
        let supporter = Some((supporting, uplink));
        let start = spawn(swarm, config.stream_key, config.identity, config.listen, supporter);
        let Handles { orders, stats, events, addresses } = thread.run(start).await?;
        Ok((Self { me, orders, stats, addresses, playback: server, _thread: thread }, events))
    }

    /// Addresses peers can dial: multiaddr texts without the `/p2p` part.
    pub fn addresses(&self) -> Vec<String> {
        self.addresses.clone()
    }

    /// Where local players are served.
    pub fn playback(&self) -> SocketAddr {
        self.playback.address
    }

    /// Counters.
    pub fn stats(&self) -> watch::Receiver<RelayStats> {
        self.stats.clone()
    }

    /// Replaces the view of who carries the stream: whom to be connected to (ourselves may be in it), and the
    /// electors, the same for everybody. A node that is neither an elector nor told of a seed lets go of the
    /// seed it had.
    pub async fn set_members(
        &self,
        seed: Option<PeerAddresses>,
        members: Vec<PeerAddresses>,
        electors: Vec<Member>,
    ) {
        let is_elector = electors.iter().any(|elector| elector.node == self.me);
        if seed.is_none() && !is_elector {
            order(&self.orders, Order::LetGoOfSeeds).await;
        }
        order(&self.orders, Order::SetMembers { seed, members, electors }).await;
    }

    /// Sends `node` a signed receipt, if it is connected. At most
    /// [`MAX_RECEIPT_LEN`](streamr_relay_core::wire::MAX_RECEIPT_LEN) bytes; a longer one would break the protocol.
    pub async fn send_receipt(&self, node: NodeId, receipt: Bytes) {
        order(&self.orders, Order::Receipt(node, receipt)).await;
    }

    /// Finishes blocks under way for at most a second, says good-bye, closes every socket.
    pub async fn stop(self) {
        stop(&self.orders).await;
    }
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
pub struct Seed {
    orders: mpsc::Sender<Order>,
    stats: watch::Receiver<RelayStats>,
    addresses: Vec<String>,
    _events: mpsc::Receiver<RelayEvent>,
    _thread: OwnThread,
}

impl Seed {
    /// How long the seed keeps a segment for nodes whose origin ignores Range or has dropped it.
    const LIVE_DELAY: Duration = Duration::from_secs(30);

    /// Listens.
    pub async fn start(config: SeedConfig) -> Result<Self, RelayError> {
        let swarm = Swarm::new(
            Config {
                me: config.identity.node_id(),
                role: Role::Seed,
                stream: config.stream,
                uplink: SEED_UPLINK,
                live_delay: Self::LIVE_DELAY,
                store_limit_bytes: config.store_limit_bytes,
                retention: RETENTION,
            },
            driver::BEGINNING,
        );
        let thread = OwnThread::start("seed")?;
        let start = spawn(swarm, config.stream_key, config.identity, config.listen, None);
        let Handles { orders, stats, events, addresses } = thread.run(start).await?;
        Ok(Self { orders, stats, addresses, _events: events, _thread: thread })
    }

    /// Addresses peers can dial: multiaddr texts without the `/p2p` part.
    pub fn addresses(&self) -> Vec<String> {
        self.addresses.clone()
    }

    /// Announces a segment to every connected peer and serves its blocks from then on.
    pub async fn publish(&self, manifest: Signed<Manifest>, segment: Bytes) {
        order(&self.orders, Order::Publish(Box::new(manifest), segment)).await;
    }

    /// Media bytes given to peers since the start.
    pub fn bytes_served(&self) -> u64 {
        self.stats.borrow().bytes_served
    }

    /// Closes every socket.
    pub async fn stop(self) {
        stop(&self.orders).await;
    }
}

/// What is left outside of the thread that a driver runs on.
struct Handles {
    orders: mpsc::Sender<Order>,
    stats: watch::Receiver<RelayStats>,
    events: mpsc::Receiver<RelayEvent>,
    addresses: Vec<String>,
}

/// Starts network and driver on the thread this is called on.
async fn spawn(
    swarm: Swarm,
    key: StreamKey,
    identity: SecretKey,
    listen: ListenAt,
    supporter: Option<(Supporting, UplinkSeat)>,
) -> Result<Handles, RelayError> {
    let (supporting, uplink) = supporter.unzip();
    let throttle = uplink.as_ref().map_or_else(|| Arc::new(Throttle::new()), UplinkSeat::throttle);
    let (net, net_events) = Net::start(&identity, listen, throttle).await?;
    let addresses = net.addresses().to_vec();
    let (orders, order_rx) = mpsc::channel(ORDERS);
    let (stats_tx, stats) = watch::channel(RelayStats::default());
    let (event_tx, events) = mpsc::channel(EVENTS);
    let channels = Channels { orders: order_rx, net: net_events, stats: stats_tx, events: event_tx };
    tokio::spawn(driver::run(swarm, key, net, supporting, uplink, channels));
    Ok(Handles { orders, stats, events, addresses })
}

async fn order(orders: &mpsc::Sender<Order>, order: Order) {
    // The driver outlives every handle unless the runtime is going down.
    let _ = orders.send(order).await;
}

async fn stop(orders: &mpsc::Sender<Order>) {
    let (done, stopped) = oneshot::channel();
    order(orders, Order::Stop(done)).await;
    let _ = stopped.await;
}
