//! Membership: who carries a stream, as far as one node has to know.

use serde::{Deserialize, Serialize};
use streamr_model::{BitsPerSecond, NodeId, StreamId, StreamKey};
use url::Url;
use utoipa::ToSchema;

/// `GET /streams/{stream}/members` (node token): whom to connect to, and who takes part in elections.
///
/// A swarm may have any number of supporters and this answer stays small: the electors are a bounded list
/// which everybody has the same, and the members are the asker's own neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Membership {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// Grows with every change, so that views can be ordered. A heartbeat's answer may name a later one than
    /// the newest view there is.
    pub version: u64,
    /// The key that signs its manifests.
    #[schema(value_type = Option<String>)]
    pub key: Option<StreamKey>,
    /// The origin's playlist.
    #[schema(value_type = String)]
    pub origin: Url,
    /// The signer as a peer, while it is live. Shown to the electors, and to everybody while there are at
    /// most [`Membership::SEED_FOR_ALL`] supporters.
    pub seed: Option<SeedView>,
    /// Supporting nodes heard of lately.
    pub supporters: u32,
    /// Who takes part in elections, by id: the same in every view of one version, at most
    /// [`Membership::MAX_ELECTORS`].
    pub electors: Vec<Elector>,
    /// Whom the asker is to be connected to, never itself: everybody while there are at most
    /// [`Membership::MAX_EVERYBODY`] supporters, else its neighbours; at most [`Membership::MAX_MEMBERS`].
    pub members: Vec<MemberView>,
}

impl Membership {
    /// The most electors.
    pub const MAX_ELECTORS: usize = 32;
    /// Up to so many supporters everybody is shown to everybody.
    pub const MAX_EVERYBODY: usize = 32;
    /// Up to so many supporters the seed is shown to everybody: a seed has room for 64 peers.
    pub const SEED_FOR_ALL: usize = 48;
    /// The most members in one view.
    pub const MAX_MEMBERS: usize = 64;
    /// The most uplink a member is shown with, whatever it offers.
    pub const MAX_UPLINK: BitsPerSecond = BitsPerSecond(1_000_000_000);
}

/// The signer as a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeedView {
    /// Its identity.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// Where it listens: multiaddr texts.
    pub addresses: Vec<String>,
}

/// One that takes part in elections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Elector {
    /// Its identity.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// The uplink it offers, bounded by the coordinator: its weight.
    #[schema(value_type = u64)]
    pub uplink_bps: BitsPerSecond,
}

/// One supporting node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberView {
    /// Its identity.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// Where it listens: multiaddr texts.
    pub addresses: Vec<String>,
    /// The uplink it offers, bounded by the coordinator.
    #[schema(value_type = u64)]
    pub uplink_bps: BitsPerSecond,
}
