//! The tokio driver of the swarm: libp2p, origin fetch, segment store, local playback server.
//!
//! Two front doors: [`Relay`] for a supporter node, [`Seed`] for a stream's signer. libp2p does not show
//! through either: peers are [`streamr_model::NodeId`]s and addresses are multiaddr texts.

pub mod api;
mod driver;
mod fetch;
mod net;
pub mod origin;
mod playback;
mod store;
mod thread;
mod uplink;

pub use api::{
    ListenAt, PeerAddresses, Relay, RelayConfig, RelayError, RelayEvent, RelayStats, Seed, SeedConfig,
    SegmentTiming, UplinkMeasured, UploadView, Yielding,
};
pub use streamr_relay_core::Member;
pub use uplink::SharedUplink;
