//! The seam between the node and the relay, so that the node can be tested without sockets.

use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use streamr_model::NodeId;
use streamr_relay::{Member, PeerAddresses, Relay, RelayConfig, RelayError, RelayEvent, RelayStats};
use tokio::sync::{mpsc, watch};

/// Starts relays.
pub(crate) trait Carrier: Send + Sync + 'static {
    /// What it starts.
    type Carried: Carried;

    /// See [`Relay::start`].
    fn start(
        &self,
        config: RelayConfig,
    ) -> impl Future<Output = Result<(Self::Carried, mpsc::Receiver<RelayEvent>), RelayError>> + Send;
}

/// A running relay. Dropping it stops it at once.
pub(crate) trait Carried: Send + Sync + 'static {
    /// See [`Relay::addresses`].
    fn addresses(&self) -> Vec<String>;
    /// See [`Relay::playback`].
    fn playback(&self) -> SocketAddr;
    /// See [`Relay::stats`].
    fn stats(&self) -> watch::Receiver<RelayStats>;
    /// See [`Relay::set_members`].
    fn set_members(
        &self,
        seed: Option<PeerAddresses>,
        members: Vec<PeerAddresses>,
        electors: Vec<Member>,
    ) -> impl Future<Output = ()> + Send;
    /// See [`Relay::send_receipt`].
    fn send_receipt(&self, node: NodeId, receipt: Bytes) -> impl Future<Output = ()> + Send;
    /// See [`Relay::stop`].
    fn stop(self) -> impl Future<Output = ()> + Send;
}

/// The real one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RelayCarrier;

impl Carrier for RelayCarrier {
    type Carried = Relay;

    async fn start(&self, config: RelayConfig) -> Result<(Relay, mpsc::Receiver<RelayEvent>), RelayError> {
        Relay::start(config).await
    }
}

impl Carried for Relay {
    fn addresses(&self) -> Vec<String> {
        Self::addresses(self)
    }

    fn playback(&self) -> SocketAddr {
        Self::playback(self)
    }

    fn stats(&self) -> watch::Receiver<RelayStats> {
        Self::stats(self)
    }

    async fn set_members(
        &self,
        seed: Option<PeerAddresses>,
        members: Vec<PeerAddresses>,
        electors: Vec<Member>,
    ) {
        Self::set_members(self, seed, members, electors).await;
    }

    async fn send_receipt(&self, node: NodeId, receipt: Bytes) {
        Self::send_receipt(self, node, receipt).await;
    }

    async fn stop(self) {
        Self::stop(self).await;
    }
}
