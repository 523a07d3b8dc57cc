//! The behaviour that carries one of our protocols: one stream of ours to write on, opened on the first
//! connection to a peer, and one of the peer's to read from, on the connection that was the first to it.
//!
//! One long-lived stream per direction spares the negotiation round trip per transfer and keeps the
//! grown congestion and flow-control windows.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::swarm::handler::{ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    NotifyHandler, SubstreamProtocol, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol};

/// What the behaviour tells its owner.
#[derive(Debug)]
pub(super) enum CarrierEvent {
    /// Our stream to write on.
    Outbound(PeerId, ConnectionId, Stream),
    /// The peer's stream to read from.
    Inbound(PeerId, ConnectionId, Stream),
    /// The peer does not speak the protocol.
    Unsupported(PeerId),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Carrier {
    protocol: &'static str,
    to_swarm: VecDeque<ToSwarm<CarrierEvent, Open>>,
}

impl Carrier {
    /// Of the protocol with this name.
    pub(super) fn new(protocol: &'static str) -> Self {
        Self { protocol, to_swarm: VecDeque::new() }
    }

    /// Opens our stream on this connection.
    pub(super) fn open_on(&mut self, peer_id: PeerId, connection: ConnectionId) {
        let handler = NotifyHandler::One(connection);
        self.to_swarm.push_back(ToSwarm::NotifyHandler { peer_id, handler, event: Open });
    }
}

/// Tells a connection to open our stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open;

impl NetworkBehaviour for Carrier {
    type ConnectionHandler = Handler;
    type ToSwarm = CarrierEvent;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(Handler::new(self.protocol))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(Handler::new(self.protocol))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionEstablished(connection) = event
            && connection.other_established == 0
        {
            self.open_on(connection.peer_id, connection.connection_id);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        let event = match event {
            FromHandler::Outbound(stream) => CarrierEvent::Outbound(peer, connection, stream),
            FromHandler::Inbound(stream) => CarrierEvent::Inbound(peer, connection, stream),
            FromHandler::Unsupported => CarrierEvent::Unsupported(peer),
        };
        self.to_swarm.push_back(ToSwarm::GenerateEvent(event));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<CarrierEvent, THandlerInEvent<Self>>> {
        self.to_swarm.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// What a connection tells the behaviour.
#[derive(Debug)]
pub(super) enum FromHandler {
    Outbound(Stream),
    Inbound(Stream),
    Unsupported,
}

type Protocol = ReadyUpgrade<StreamProtocol>;

/// One connection's part. Holds at most one request and two events, however often the peer opens streams:
/// a second inbound stream is refused by dropping it.
#[derive(Debug)]
pub(super) struct Handler {
    protocol: &'static str,
    opens: bool,
    has_inbound: bool,
    to_behaviour: VecDeque<FromHandler>,
}

impl Handler {
    fn new(protocol: &'static str) -> Self {
        Self { protocol, opens: false, has_inbound: false, to_behaviour: VecDeque::new() }
    }

    fn protocol(&self) -> SubstreamProtocol<Protocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(StreamProtocol::new(self.protocol)), ())
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = FromHandler;
    type InboundProtocol = Protocol;
    type OutboundProtocol = Protocol;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Protocol> {
        self.protocol()
    }

    fn on_behaviour_event(&mut self, Open: Open) {
        self.opens = true;
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Protocol, (), FromHandler>> {
        if let Some(event) = self.to_behaviour.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(event));
        }
        if std::mem::take(&mut self.opens) {
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: self.protocol(),
            });
        }
        Poll::Pending
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Protocol, Protocol>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: stream, .. }) => {
                let is_second = std::mem::replace(&mut self.has_inbound, true);
                self.to_behaviour.extend((!is_second).then_some(FromHandler::Inbound(stream)));
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: stream, ..
            }) => {
                self.to_behaviour.push_back(FromHandler::Outbound(stream));
            }
            ConnectionEvent::DialUpgradeError(_) => self.to_behaviour.push_back(FromHandler::Unsupported),
            // ReadyUpgrade cannot fail on our side, and the rest changes nothing here.
            ConnectionEvent::ListenUpgradeError(error) => {
                let _: Infallible = error.error;
            }
            _ => {}
        }
    }
}
