//! A peer that lies, for the end-to-end tests: it speaks the protocol, is told of segments by honest peers
//! and answers with bytes that are not theirs, asked or unasked.
//!
//! `evil_peer SECRET_SEED_HEX STREAM STREAM_KEY_HEX LIE [NODE_HEX=MULTIADDR]…`, where LIE is
//!
//! - `blocks`: right manifests, other bytes in the blocks;
//! - `manifest`: manifests signed with a key of its own;
//! - `garbage`: frames that are no messages.
//!
//! Its ready line tells where it listens; then it prints a line for each connection made and lost.

#![allow(clippy::print_stdout, reason = "the program's output")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::identity::{Keypair, PublicKey, ed25519};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol, SwarmBuilder, identify, noise, ping, tcp, yamux};
use streamr_model::{
    BitsPerSecond, BlockIndex, BlockSet, Manifest, NodeId, SecretKey, SegmentRef, Signed, StreamId, StreamKey,
};
use streamr_relay_core::wire::{self, Header, PROTOCOL};
use streamr_relay_core::{Freshness, Hello, Message, QueueTime, Role};
use tokio::sync::mpsc;

/// Messages waiting for one victim; beyond it the newest lie is lost.
const QUEUE: usize = 4096;
const REDIAL_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    Blocks,
    Manifest,
    Garbage,
}

/// What is written to a victim: a message, or bytes that are none.
enum Written {
    Message(Message),
    Raw(Bytes),
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    stream: libp2p_stream::Behaviour,
}

/// What all connections share.
struct Liar {
    secret: SecretKey,
    stream: StreamId,
    key: StreamKey,
    lie: Lie,
    known: Mutex<BTreeMap<SegmentRef, (Signed<Manifest>, Manifest)>>,
    victims: Mutex<BTreeMap<PeerId, mpsc::Sender<Written>>>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seed, stream, key, lie, dial @ ..] = arguments.as_slice() else {
        bail!("see the module's documentation")
    };
    let seed: NodeId = seed.parse().context("the secret seed")?;
    let lie = match lie.as_str() {
        "blocks" => Lie::Blocks,
        "manifest" => Lie::Manifest,
        "garbage" => Lie::Garbage,
        other => bail!("no such lie: {other}"),
    };
    let liar = Arc::new(Liar {
        secret: SecretKey::from_seed(seed.0),
        stream: stream.parse()?,
        key: key.parse().context("the stream's key")?,
        lie,
        known: Mutex::default(),
        victims: Mutex::default(),
    });
    let dial = dial.iter().map(|text| read_target(text)).collect::<anyhow::Result<Vec<_>>>()?;
    run(&liar, &dial).await
}

fn read_target(text: &str) -> anyhow::Result<(PeerId, Multiaddr)> {
    let (node, address) = text.split_once('=').context("NODE=ADDRESS")?;
    let node: NodeId = node.parse()?;
    let public = PublicKey::from(ed25519::PublicKey::try_from_bytes(&node.0)?);
    Ok((public.to_peer_id(), address.parse()?))
}

async fn run(liar: &Arc<Liar>, dial: &[(PeerId, Multiaddr)]) -> anyhow::Result<()> {
    let mut swarm = SwarmBuilder::with_existing_identity(Keypair::ed25519_from_bytes(liar.secret.to_seed())?)
        .with_tokio()
        .with_tcp(tcp::Config::new(), noise::Config::new, yamux::Config::default)?
        .with_quic()
        .with_behaviour(|keypair| Behaviour {
            identify: identify::Behaviour::new(identify::Config::new("/evil/1".into(), keypair.public())),
            ping: ping::Behaviour::new(ping::Config::new()),
            stream: libp2p_stream::Behaviour::new(),
        })?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build();
    let mut control = swarm.behaviour().stream.new_control();
    let mut incoming = control.accept(StreamProtocol::new(PROTOCOL))?;
    swarm.listen_on("/ip4/127.0.0.1/udp/0/quic-v1".parse()?)?;
    let mut redial = tokio::time::interval(REDIAL_EVERY);
    let mut said_ready = false;
    loop {
        tokio::select! {
            Some((peer, stream)) = incoming.next() => {
                tokio::spawn(read(Arc::clone(liar), peer, stream));
            }
            _ = redial.tick() => for (peer, address) in dial {
                if !swarm.is_connected(peer) {
                    // It fails where the victim has had enough; then it is tried again.
                    let _ = swarm.dial(address.clone());
                }
            },
            event = swarm.select_next_some() => match event {
                SwarmEvent::NewListenAddr { address, .. } if !said_ready => {
                    said_ready = true;
                    let node = liar.secret.node_id();
                    println!(r#"{{"ready":"evil peer","node":"{node}","addresses":["{address}"]}}"#);
                }
                SwarmEvent::ConnectionEstablished { peer_id, num_established, .. } if num_established.get() == 1 => {
                    println!("connected {peer_id}");
                    let (sender, queue) = mpsc::channel(QUEUE);
                    liar.lock_victims().insert(peer_id, sender);
                    tokio::spawn(write(Arc::clone(liar), peer_id, control.clone(), queue));
                }
                SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                    println!("lost {peer_id}");
                    liar.lock_victims().remove(&peer_id);
                }
                _ => {}
            },
        }
    }
}

async fn write(
    liar: Arc<Liar>,
    peer: PeerId,
    mut control: libp2p_stream::Control,
    mut queue: mpsc::Receiver<Written>,
) -> Option<()> {
    let mut stream = control.open_stream(peer, StreamProtocol::new(PROTOCOL)).await.ok()?;
    let hello =
        Hello { role: Role::Supporter, stream: liar.stream.clone(), uplink: BitsPerSecond(1_000_000_000) };
    let mut next = Some(Written::Message(Message::Hello(hello)));
    while let Some(written) = next {
        let (head, tail) = match written {
            Written::Message(message) => wire::encode(&message),
            Written::Raw(bytes) => (bytes, None),
        };
        stream.write_all(&head).await.ok()?;
        stream.write_all(&tail.unwrap_or_default()).await.ok()?;
        stream.flush().await.ok()?;
        next = queue.recv().await;
    }
    Some(())
}

async fn read(liar: Arc<Liar>, peer: PeerId, mut stream: Stream) -> Option<()> {
    let mut reader = wire::Reader::default();
    loop {
        let mut head = [0; wire::HEADER_LEN];
        stream.read_exact(&mut head).await.ok()?;
        let header = Header::decode(head).ok()?;
        let mut body = vec![0; header.body_len()];
        stream.read_exact(&mut body).await.ok()?;
        let Some(message) = reader.read(header, Bytes::from(body)).ok()? else { continue };
        match message {
            Message::Hello(hello) if hello.role != Role::Seed => {
                let segments: Vec<_> = liar.lock_known().keys().copied().collect();
                segments.iter().for_each(|name| liar.lie_about(peer, name));
            }
            Message::Manifest(_, signed) => liar.learn(signed),
            Message::Request(name, blocks) => liar.send_blocks(peer, &name, &blocks),
            _ => {}
        }
    }
}

impl Liar {
    fn lock_victims(&self) -> std::sync::MutexGuard<'_, BTreeMap<PeerId, mpsc::Sender<Written>>> {
        self.victims.lock().unwrap_or_else(|dead| dead.into_inner())
    }

    fn lock_known(&self) -> std::sync::MutexGuard<'_, BTreeMap<SegmentRef, (Signed<Manifest>, Manifest)>> {
        self.known.lock().unwrap_or_else(|dead| dead.into_inner())
    }

    fn say(&self, to: PeerId, written: Written) {
        if let Some(victim) = self.lock_victims().get(&to) {
            let _ = victim.try_send(written);
        }
    }

    fn learn(&self, signed: Signed<Manifest>) {
        let Ok(manifest) = signed.verify_stream(&self.key) else { return };
        let name = signed.segment_ref();
        if self.lock_known().insert(name, (signed, manifest)).is_some() {
            return;
        }
        // Whoever told it is lied to as well.
        let victims: Vec<PeerId> = self.lock_victims().keys().copied().collect();
        victims.into_iter().for_each(|peer| self.lie_about(peer, &name));
    }

    fn lie_about(&self, to: PeerId, name: &SegmentRef) {
        let Some((signed, manifest)) = self.lock_known().get(name).cloned() else { return };
        let all = BlockSet::full(manifest.block_count());
        match self.lie {
            Lie::Blocks => {
                self.say(to, Written::Message(Message::Manifest(Freshness::Fresh, signed)));
                self.say(to, Written::Message(Message::Have(*name, all.clone(), QueueTime::default())));
                self.say(to, Written::Message(Message::Offer(*name, all.clone())));
                self.send_blocks(to, name, &all);
            }
            Lie::Manifest => {
                let forged =
                    Manifest { sequence: streamr_model::MediaSequence(manifest.sequence.0 + 1), ..manifest };
                let forged = Signed::new(&forged, &self.secret);
                self.say(to, Written::Message(Message::Manifest(Freshness::Fresh, forged)));
            }
            Lie::Garbage => {
                self.say(to, Written::Raw(Bytes::from_static(&[0, 0, 0, 3, 1, 0xff, 0xff, 0xff])));
            }
        }
    }

    /// Zeros of the right length.
    fn send_blocks(&self, to: PeerId, name: &SegmentRef, blocks: &BlockSet) {
        let Some((_, manifest)) = self.lock_known().get(name).cloned() else { return };
        for index in blocks.iter() {
            let Some((_, len)) = manifest.block_span(index) else { continue };
            let zeros = Bytes::from(vec![0; len as usize]);
            self.say(to, Written::Message(Message::Block(*name, BlockIndex(index.0), zeros)));
        }
    }
}
