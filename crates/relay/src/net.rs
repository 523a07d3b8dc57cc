//! The peer network: libp2p behind messages and node ids.
//!
//! One task owns the libp2p swarm; each connected peer has one reading and one writing task. Everything
//! is bounded: a peer whose outgoing queue is full is disconnected by the driver, and a reader waits for the
//! driver before it reads on, which holds back its peer.

mod carrier;
mod dialer;
mod identity;
mod link;
mod task;

use std::time::Duration;

use streamr_model::{NodeId, SecretKey};
use streamr_relay_core::Message;
use tokio::sync::{mpsc, oneshot};

use crate::api::{ListenAt, PeerAddresses, RelayError};

/// What the network reports.
#[derive(Debug)]
pub(crate) enum NetEvent {
    /// The first connection to a peer stands. What is put into the queue is written as soon as our stream
    /// is; a full queue means a peer that does not read.
    Connected(NodeId, mpsc::Sender<Message>),
    /// The last connection to a peer is gone.
    Disconnected(NodeId),
    /// A peer sent a message.
    Message(NodeId, Message),
    /// A peer sent something that is no message.
    Garbage(NodeId),
    /// So many bytes of a block were written to a peer's socket.
    BlockWritten(NodeId, usize),
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

    /// Listens on one port for QUIC and TCP.
    pub(crate) async fn start(
        identity: &SecretKey,
        listen: ListenAt,
    ) -> Result<(Self, mpsc::Receiver<NetEvent>), RelayError> {
        let (commands, command_rx) = mpsc::channel(Self::COMMANDS);
        let (events, event_rx) = mpsc::channel(Self::EVENTS);
        let addresses = task::start(identity, listen, command_rx, events).await?;
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
