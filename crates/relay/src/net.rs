//! The peer network: libp2p behind messages and node ids.
//!
//! One task owns the libp2p swarm; each connected peer has one reading and one writing task. Everything
//! is bounded: a peer whose outgoing queue is full is disconnected by the driver, and a reader waits for the
//! driver before it reads on, which holds back its peer.

mod carrier;
mod dialer;
mod identity;
mod link;
mod probe;
mod task;
mod throttle;

use std::sync::Arc;
use std::time::Duration;

use streamr_model::{NodeId, SecretKey};
use streamr_relay_core::Message;
use streamr_relay_core::uplink::Echo;
use tokio::sync::{mpsc, oneshot};

use crate::api::{ListenAt, PeerAddresses, RelayError};
pub(crate) use probe::Traffic;
pub(crate) use throttle::{Slices, Throttle};

/// What the network reports.
#[derive(Debug)]
pub(crate) enum NetEvent {
    /// The first connection to a peer stands.
    Connected(NodeId, Connection),
    /// The last connection to a peer is gone.
    Disconnected(NodeId),
    /// A peer sent a message.
    Message(NodeId, Message),
    /// A peer sent something that is no message.
    Garbage(NodeId),
    /// A probe came back.
    Echo(NodeId, Echo),
    /// So many bytes of blocks were written to a peer's stream.
    BlocksWritten(NodeId, usize),
}

/// What the driver holds of a connected peer.
#[derive(Debug)]
pub(crate) struct Connection {
    /// What is put in is written as soon as our stream is; when it is full, the peer does not read.
    pub(crate) queue: mpsc::Sender<Message>,
    /// Each order sends a probe.
    pub(crate) probes: mpsc::Sender<()>,
    /// What was exchanged.
    pub(crate) traffic: Arc<Traffic>,
    /// Where the peer is.
    pub(crate) whereabouts: Whereabouts,
}

/// Whether the way to a peer passes our uplink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// On this very machine.
    Here,
    /// Elsewhere, as far as we know.
    Elsewhere,
}

/// What the network is asked to do.
#[derive(Debug)]
enum NetCommand {
    Disconnect(NodeId, Afterwards),
    SetTargets(Option<PeerAddresses>, Vec<PeerAddresses>),
    Stop(oneshot::Sender<()>),
}

/// Whether a disconnected peer may come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It may.
    Welcome,
    /// It is refused.
    Banned,
}

/// A running peer network.
#[derive(Debug)]
pub(crate) struct Net {
    commands: mpsc::Sender<NetCommand>,
    addresses: Vec<String>,
}

impl Net {
    const COMMANDS: usize = 256;
    const EVENTS: usize = 1_024;

    /// Listens on one port for QUIC and TCP. All blocks pass `throttle`.
    pub(crate) async fn start(
        identity: &SecretKey,
        listen: ListenAt,
        throttle: Arc<Throttle>,
    ) -> Result<(Self, mpsc::Receiver<NetEvent>), RelayError> {
        let (commands, command_rx) = mpsc::channel(Self::COMMANDS);
        let (events, event_rx) = mpsc::channel(Self::EVENTS);
        let addresses = task::start(identity, listen, command_rx, events, throttle).await?;
        Ok((Self { commands, addresses }, event_rx))
    }

    /// Multiaddr texts of where we listen.
    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Closes every connection to a peer.
    pub(crate) async fn disconnect(&self, node: NodeId, afterwards: Afterwards) {
        self.command(NetCommand::Disconnect(node, afterwards)).await;
    }

    /// Keeps connections to the seed and to these peers; others may still connect to us.
    pub(crate) async fn set_targets(&self, seed: Option<PeerAddresses>, peers: Vec<PeerAddresses>) {
        self.command(NetCommand::SetTargets(seed, peers)).await;
    }

    /// Closes every socket; returns once that is done, or after `patience`.
    pub(crate) async fn stop(&self, patience: Duration) {
        let (done, stopped) = oneshot::channel();
        self.command(NetCommand::Stop(done)).await;
        let _ = tokio::time::timeout(patience, stopped).await;
    }

    async fn command(&self, command: NetCommand) {
        // The task ends only when we are dropped or told it to.
        let _ = self.commands.send(command).await;
    }
}
