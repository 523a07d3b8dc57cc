//! The task that owns the libp2p swarm.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, NetworkBehaviour, SwarmEvent};
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder, identify, memory_connection_limits, noise, ping, tcp, yamux,
};
use streamr_model::{NodeId, SecretKey};
use streamr_relay_core::{Message, wire};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::carrier::{Carrier, CarrierEvent};
use super::dialer::Dialer;
use super::probe::{self, Traffic};
use super::throttle::Throttle;
use super::{Afterwards, Connection, NetCommand, NetEvent, Whereabouts, identity, link};
use crate::api::{ListenAt, RelayError};

const IDENTIFY_PROTOCOL: &str = "/streamrp2p/id/1";
const MAX_CONNECTIONS: u32 = 96;
const MAX_PENDING: u32 = 32;
/// Two where both ends dialled at the same moment, and again two that died unnoticed with an earlier run of
/// the peer.
const MAX_PER_PEER: u32 = 4;
/// New connections are refused while the process holds more than this.
const MAX_PROCESS_BYTES: usize = 512 * 1024 * 1024;
const LISTENING_PATIENCE: Duration = Duration::from_secs(5);
const DIAL_TICK: Duration = Duration::from_millis(250);
/// The most banned peers remembered; beyond it the smallest ids are forgotten.
const MAX_BANNED: usize = 1_024;

#[derive(NetworkBehaviour)]
struct Behaviour {
    limits: connection_limits::Behaviour,
    memory: memory_connection_limits::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    carrier: Carrier,
    prober: Carrier,
}

/// A connected peer: the connections its two streams are on.
struct Link {
    writes_on: ConnectionId,
    reads_on: Option<ConnectionId>,
    reader: Option<AbortHandle>,
    /// What is queued for it waits here until our stream is negotiated.
    waiting: Option<mpsc::Receiver<Message>>,
    /// Orders to probe it wait here until the stream for probes is negotiated.
    probes: Option<mpsc::Receiver<()>>,
    traffic: Arc<Traffic>,
    whereabouts: Whereabouts,
}

struct Task {
    swarm: Swarm<Behaviour>,
    links: HashMap<NodeId, Link>,
    banned: BTreeSet<NodeId>,
    dialer: Dialer,
    /// Addresses to dial with the next tick unless another one of the peer's has answered by then. At most
    /// [`Dialer::PER_MINUTE`].
    second_choice: HashMap<PeerId, Vec<Multiaddr>>,
    events: mpsc::Sender<NetEvent>,
    throttle: Arc<Throttle>,
}

/// Listens, and spawns the task. Returns where we listen.
pub(super) async fn start(
    key: &SecretKey,
    listen: ListenAt,
    commands: mpsc::Receiver<NetCommand>,
    events: mpsc::Sender<NetEvent>,
    throttle: Arc<Throttle>,
) -> Result<Vec<String>, RelayError> {
    let mut swarm = build(key)?;
    let port = free_port(listen)?;
    let ip = Multiaddr::from(listen.ip);
    for address in [ip.clone().with(Protocol::Udp(port)).with(Protocol::QuicV1), ip.with(Protocol::Tcp(port))]
    {
        swarm.listen_on(address).map_err(|error| RelayError::Network(error.to_string()))?;
    }
    let addresses = tokio::time::timeout(LISTENING_PATIENCE, listening(&mut swarm))
        .await
        .map_err(|_| RelayError::Network("the listeners did not come up in time".into()))?;
    let dialer = Dialer::new(key.node_id());
    let task = Task {
        swarm,
        links: HashMap::new(),
        banned: BTreeSet::new(),
        dialer,
        second_choice: HashMap::new(),
        events,
        throttle,
    };
    tokio::spawn(task.run(commands));
    Ok(addresses)
}

fn build(key: &SecretKey) -> Result<Swarm<Behaviour>, RelayError> {
    let failed = |error: &dyn std::fmt::Display| RelayError::Network(error.to_string());
    let limits = ConnectionLimits::default()
        .with_max_established(Some(MAX_CONNECTIONS))
        .with_max_established_per_peer(Some(MAX_PER_PEER))
        .with_max_pending_incoming(Some(MAX_PENDING))
        .with_max_pending_outgoing(Some(MAX_PENDING));
    let swarm = SwarmBuilder::with_existing_identity(identity::keypair(key)?)
        .with_tokio()
        .with_tcp(tcp::Config::new().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|error| failed(&error))?
        .with_quic()
        .with_dns()
        .map_err(|error| failed(&error))?
        .with_behaviour(|keypair| Behaviour {
            limits: connection_limits::Behaviour::new(limits),
            memory: memory_connection_limits::Behaviour::with_max_bytes(MAX_PROCESS_BYTES),
            identify: identify::Behaviour::new(identify::Config::new(
                IDENTIFY_PROTOCOL.into(),
                keypair.public(),
            )),
            ping: ping::Behaviour::new(ping::Config::new()),
            carrier: Carrier::new(wire::PROTOCOL),
            prober: Carrier::new(probe::PROTOCOL),
        })
        .map_err(|error| failed(&error))?
        .with_swarm_config(libp2p::swarm::Config::with_smart_dial)
        .build();
    Ok(swarm)
}

/// One port that is free for UDP and TCP. Bound for a moment, so that a taken port is a clear error.
fn free_port(listen: ListenAt) -> Result<u16, RelayError> {
    const TRIES: usize = 16;
    let try_port = |port| {
        let udp = UdpSocket::bind(SocketAddr::new(listen.ip, port))?;
        let port = udp.local_addr()?.port();
        TcpListener::bind(SocketAddr::new(listen.ip, port)).map(|_| port)
    };
    let mut last = try_port(listen.port);
    for _ in 1..if listen.port == 0 { TRIES } else { 1 } {
        if last.is_ok() {
            break;
        }
        last = try_port(listen.port);
    }
    last.map_err(|source| {
        let what = format!("{} port {} for peers", listen.ip, listen.port);
        RelayError::Listen { what, source }
    })
}

/// Waits until both transports listen.
async fn listening(swarm: &mut Swarm<Behaviour>) -> Vec<String> {
    let mut found: Vec<Multiaddr> = Vec::new();
    let has = |found: &[Multiaddr], wanted: fn(&Protocol<'_>) -> bool| {
        found.iter().any(|a| a.iter().any(|p| wanted(&p)))
    };
    while !(has(&found, |p| matches!(p, Protocol::QuicV1)) && has(&found, |p| matches!(p, Protocol::Tcp(_))))
    {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            found.push(address);
        }
    }
    // With every interface the others follow at once, and are there before this is called again.
    found.extend(swarm.listeners().cloned());
    rank(found)
}

/// TCP moves a block with less work and less delay than QUIC does (ADR 7), so it is dialled first.
fn is_tcp(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::Tcp(_)))
}

/// Useful ones first: loopback only where there is nothing else, TCP before QUIC.
fn rank(mut addresses: Vec<Multiaddr>) -> Vec<String> {
    let is_local = |address: &Multiaddr| match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback() || ip.is_unicast_link_local(),
        _ => true,
    };
    if addresses.iter().any(|address| !is_local(address)) {
        addresses.retain(|address| !is_local(address));
    }
    addresses.sort_by_key(|address| (!is_tcp(address), address.to_string()));
    addresses.dedup();
    addresses.iter().map(Multiaddr::to_string).collect()
}

/// Whether a stranger's address is one that we dial: an IP or name with QUIC or TCP, nothing relayed.
fn is_dialable(address: &Multiaddr) -> bool {
    let parts: Vec<Protocol<'_>> = address.iter().collect();
    let host = |p: &Protocol<'_>| match p {
        Protocol::Ip4(ip) => !IpAddr::from(*ip).is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        Protocol::Ip6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
        Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) => true,
        _ => false,
    };
    match parts.as_slice() {
        [first, Protocol::Udp(_), Protocol::QuicV1] | [first, Protocol::Tcp(_)] => host(first),
        _ => false,
    }
}

fn whereabouts(address: &Multiaddr) -> Whereabouts {
    let is_here = match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        _ => false,
    };
    if is_here { Whereabouts::Here } else { Whereabouts::Elsewhere }
}

impl Task {
    async fn run(mut self, mut commands: mpsc::Receiver<NetCommand>) {
        let mut tick = tokio::time::interval(DIAL_TICK);
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event).await,
                command = commands.recv() => match command {
                    Some(NetCommand::Disconnect(node, afterwards)) => self.disconnect(node, afterwards),
                    Some(NetCommand::SetTargets(seed, peers)) => {
                        self.dialer.set_targets(Instant::now(), seed, peers);
                    }
                    Some(NetCommand::Stop(done)) => {
                        self.close().await;
                        drop(self);
                        let _ = done.send(());
                        return;
                    }
                    None => return,
                },
                _ = tick.tick() => self.dial(),
            }
        }
    }

    fn dial(&mut self) {
        for (peer, addresses) in std::mem::take(&mut self.second_choice) {
            self.dial_at(peer, PeerCondition::Disconnected, addresses);
        }
        for (node, addresses) in self.dialer.due(Instant::now()) {
            let Some(peer) = identity::peer_id(&node).filter(|_| !self.banned.contains(&node)) else {
                continue;
            };
            let dialable = addresses.iter().filter_map(|a| a.parse().ok()).filter(is_dialable);
            let (mut first, mut second): (Vec<Multiaddr>, Vec<Multiaddr>) = dialable.partition(is_tcp);
            if first.is_empty() {
                std::mem::swap(&mut first, &mut second);
            }
            self.dial_at(peer, PeerCondition::DisconnectedAndNotDialing, first);
            if !second.is_empty() {
                self.second_choice.insert(peer, second);
            }
        }
    }

    fn dial_at(&mut self, peer: PeerId, condition: PeerCondition, addresses: Vec<Multiaddr>) {
        let dial = DialOpts::peer_id(peer).condition(condition).addresses(addresses).build();
        if let Err(error) = self.swarm.dial(dial) {
            tracing::debug!(peer.id = %peer, %error, "not dialled");
        }
    }

    fn disconnect(&mut self, node: NodeId, afterwards: Afterwards) {
        if afterwards == Afterwards::Banned {
            self.banned.insert(node);
            if self.banned.len() > MAX_BANNED {
                self.banned.pop_first();
            }
        }
        if let Some(peer) = identity::peer_id(&node) {
            // Fails only if it is disconnected already.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    async fn close(&mut self) {
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let drained = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(300), drained).await;
    }

    async fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished {
                peer_id, connection_id, num_established, endpoint, ..
            } if num_established.get() == 1 => {
                self.on_connected(peer_id, connection_id, whereabouts(endpoint.get_remote_address())).await;
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.on_closed(peer_id, connection_id, num_established).await;
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                let Some(node) = identity::node_id(&peer) else { return };
                tracing::debug!(peer.id = %node.short(), %error, "could not be dialled");
                match self.second_choice.remove(&peer) {
                    Some(addresses) => self.dial_at(peer, PeerCondition::Disconnected, addresses),
                    None => self.dialer.failed(Instant::now(), node),
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Carrier(event)) => self.on_stream(event).await,
            SwarmEvent::Behaviour(BehaviourEvent::Prober(event)) => self.on_probe_stream(event),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event { peer, result: Err(error), .. })) => {
                tracing::debug!(%peer, %error, "does not answer pings");
                let _ = self.swarm.disconnect_peer_id(peer);
            }
            _ => {}
        }
    }

    async fn on_connected(&mut self, peer: PeerId, connection: ConnectionId, whereabouts: Whereabouts) {
        let Some(node) = identity::node_id(&peer).filter(|node| !self.banned.contains(node)) else {
            let _ = self.swarm.disconnect_peer_id(peer);
            return;
        };
        self.dialer.connected(Instant::now(), node);
        self.link(node, connection, None, whereabouts).await;
    }

    async fn link(
        &mut self,
        node: NodeId,
        writes_on: ConnectionId,
        reads_on: Option<ConnectionId>,
        whereabouts: Whereabouts,
    ) {
        let (queue, waiting) = mpsc::channel(link::QUEUE);
        let (probes, orders) = mpsc::channel(1);
        let traffic = Arc::new(Traffic::default());
        let connection = Connection { queue, probes, traffic: Arc::clone(&traffic), whereabouts };
        let (waiting, probes) = (Some(waiting), Some(orders));
        self.links
            .insert(node, Link { writes_on, reads_on, reader: None, waiting, probes, traffic, whereabouts });
        let _ = self.events.send(NetEvent::Connected(node, connection)).await;
    }

    fn ends(&self, node: NodeId, link: &Link) -> link::Ends {
        link::Ends { node, events: self.events.clone(), traffic: Arc::clone(&link.traffic) }
    }

    /// Without one of its two streams a peer is no peer: everything is closed, and it is dialled afresh.
    async fn on_closed(&mut self, peer: PeerId, connection: ConnectionId, left: u32) {
        let Some(node) = identity::node_id(&peer) else { return };
        let Some(link) = self.links.get(&node) else { return };
        if left > 0 {
            if link.writes_on == connection || link.reads_on == Some(connection) {
                let _ = self.swarm.disconnect_peer_id(peer);
            }
            return;
        }
        self.links.remove(&node);
        self.dialer.disconnected(Instant::now(), node);
        let _ = self.events.send(NetEvent::Disconnected(node)).await;
    }

    async fn on_stream(&mut self, event: CarrierEvent) {
        match event {
            CarrierEvent::Outbound(peer, connection, stream) => {
                let Some(node) = identity::node_id(&peer) else { return };
                let link = self.links.get_mut(&node).filter(|link| link.writes_on == connection);
                let Some(queue) = link.and_then(|link| link.waiting.take()) else { return };
                let Some(ends) = self.links.get(&node).map(|link| self.ends(node, link)) else { return };
                tokio::spawn(link::write(ends, stream, queue, Arc::clone(&self.throttle)));
            }
            CarrierEvent::Inbound(peer, connection, stream) => {
                let Some(node) = identity::node_id(&peer) else { return };
                let Some(link) = self.links.get_mut(&node) else { return };
                if link.reads_on.is_some() {
                    self.start_over(peer, node, connection).await;
                } else {
                    link.reads_on = Some(connection);
                }
                let Some(ends) = self.links.get(&node).map(|link| self.ends(node, link)) else { return };
                let reader = tokio::spawn(link::read(ends, stream)).abort_handle();
                if let Some(link) = self.links.get_mut(&node) {
                    link.reader = Some(reader);
                }
            }
            CarrierEvent::Unsupported(peer) => {
                let _ = self.swarm.disconnect_peer_id(peer);
            }
        }
    }

    /// A peer that cannot be probed is a peer all the same.
    fn on_probe_stream(&mut self, event: CarrierEvent) {
        match event {
            CarrierEvent::Outbound(peer, connection, stream) => {
                let Some(node) = identity::node_id(&peer) else { return };
                let link = self.links.get_mut(&node).filter(|link| link.writes_on == connection);
                let Some(link) = link else { return };
                if let Some(orders) = link.probes.take() {
                    let traffic = Arc::clone(&link.traffic);
                    tokio::spawn(probe::ask(node, stream, orders, traffic, self.events.clone()));
                }
            }
            CarrierEvent::Inbound(peer, _, stream) => {
                let Some(link) = identity::node_id(&peer).and_then(|node| self.links.get(&node)) else {
                    return;
                };
                tokio::spawn(probe::answer(stream, Arc::clone(&link.traffic)));
            }
            CarrierEvent::Unsupported(_) => {}
        }
    }

    /// A peer that opens its one stream a second time was started again, and its older connections died
    /// without a word: they are closed, and it is met anew on the connection it uses now.
    async fn start_over(&mut self, peer: PeerId, node: NodeId, connection: ConnectionId) {
        let mut whereabouts = Whereabouts::Elsewhere;
        if let Some(old) = self.links.remove(&node) {
            whereabouts = old.whereabouts;
            // A late message of the old stream would come before the new one's hello, and ban the peer.
            old.reader.inspect(AbortHandle::abort);
            for dead in
                [Some(old.writes_on), old.reads_on].into_iter().flatten().filter(|id| *id != connection)
            {
                self.swarm.close_connection(dead);
            }
        }
        let _ = self.events.send(NetEvent::Disconnected(node)).await;
        self.swarm.behaviour_mut().carrier.open_on(peer, connection);
        self.swarm.behaviour_mut().prober.open_on(peer, connection);
        self.link(node, connection, Some(connection), whereabouts).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_of_strangers_are_dialled() {
        let dialable = |text: &str| text.parse().is_ok_and(|address| is_dialable(&address));
        assert!(dialable("/ip4/192.0.2.1/udp/4001/quic-v1"));
        assert!(dialable("/ip6/2001:db8::1/tcp/4001"));
        assert!(dialable("/dns4/example.org/tcp/4001"));
        for bad in
            ["/ip4/0.0.0.0/tcp/1", "/ip4/224.0.0.1/udp/1/quic-v1", "/unix/a", "/ip4/192.0.2.1/tcp/1/ws"]
        {
            assert!(!dialable(bad), "{bad}");
        }
    }

    #[test]
    fn loopback_is_offered_only_where_there_is_nothing_else() {
        let all: Vec<Multiaddr> =
            ["/ip4/127.0.0.1/tcp/1", "/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/udp/1/quic-v1"]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect();
        assert_eq!(rank(all.clone()), ["/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/udp/1/quic-v1"]);
        assert_eq!(rank(all[..1].to_vec()), ["/ip4/127.0.0.1/tcp/1"]);
    }
}
