//! The driver: tells the core what happened, carries out what it asks for. One task per stream.
//!
//! Whatever arrives is checked here before the core hears of it: manifests against the stream's key,
//! blocks against their manifest. [`Driver::perform`] is the one place where effects happen.

mod interest;
mod stats;
mod uplink;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use streamr_model::{BlockIndex, Manifest, NodeId, SegmentRef, Signed, StreamKey, UnixMs};
use streamr_relay_core::{
    Action, DropReason, FetchEnd, FetchId, Freshness, Instant, Keep, Member, Message, Role, Supplier, Swarm,
    Verdict,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use crate::api::{PeerAddresses, RelayEvent, RelayStats};
use crate::fetch::{self, Fetch, FetchEvent};
use crate::net::{Afterwards, Net, NetEvent};
use crate::origin::OriginReader;
use crate::playback::Playback;
use crate::store::Store;
use crate::uplink::UplinkSeat;

use stats::Ledger;

/// What the network reported is taken in so many at a time before anything is done about it: as many blocks
/// are hashed in a tenth of a millisecond.
const EVENTS_AT_ONCE: usize = 8;
const STATS_INTERVAL: Duration = Duration::from_millis(250);
const UPLOADS_PATIENCE: Duration = Duration::from_secs(1);
const CLOSE_PATIENCE: Duration = Duration::from_millis(500);
/// The core's timers are finer than the runtime's; waking more often than this gains nothing.
const FINEST_SLEEP: Duration = Duration::from_millis(1);

/// What the handle asks of the driver.
#[derive(Debug)]
pub(crate) enum Order {
    SetMembers { seed: Option<PeerAddresses>, members: Vec<PeerAddresses>, electors: Vec<Member> },
    LetGoOfSeeds,
    Publish(Box<Signed<Manifest>>, Bytes),
    Receipt(NodeId, Bytes),
    Stop(oneshot::Sender<()>),
}

/// What only a supporter's driver has, and a seed's has not.
#[derive(Debug)]
pub(crate) struct Supporting {
    pub(crate) reader: OriginReader,
    pub(crate) playback: Arc<Playback>,
}

/// The channels a driver lives on.
#[derive(Debug)]
pub(crate) struct Channels {
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) net: mpsc::Receiver<NetEvent>,
    pub(crate) stats: watch::Sender<RelayStats>,
    pub(crate) events: mpsc::Sender<RelayEvent>,
}

#[derive(Debug)]
pub(crate) struct Driver {
    begun: tokio::time::Instant,
    key: StreamKey,
    swarm: Swarm,
    store: Store,
    net: Net,
    links: HashMap<NodeId, mpsc::Sender<Message>>,
    supporting: Option<Supporting>,
    fetched: mpsc::Sender<FetchEvent>,
    fetches: HashMap<FetchId, AbortHandle>,
    ledger: Ledger,
    uplink: Option<UplinkSeat>,
    events: mpsc::Sender<RelayEvent>,
    origin_ails: bool,
}

/// Where the core's time begins; given to [`Swarm::new`] too.
pub(crate) const BEGINNING: Instant = Instant(Duration::ZERO);

pub(crate) fn wall_clock() -> UnixMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Runs a driver until it is told to stop or its handle is gone.
pub(crate) async fn run(
    swarm: Swarm,
    key: StreamKey,
    net: Net,
    supporting: Option<Supporting>,
    uplink: Option<UplinkSeat>,
    mut channels: Channels,
) {
    /// Blocks of all fetches that wait for the driver; beyond it the fetches wait.
    const FETCHED: usize = 64;
    let (fetched, mut fetch_events) = mpsc::channel(FETCHED);
    let mut driver = Driver {
        begun: tokio::time::Instant::now(),
        key,
        swarm,
        store: Store::default(),
        net,
        links: HashMap::new(),
        supporting,
        fetched,
        fetches: HashMap::new(),
        ledger: Ledger::default(),
        uplink,
        events: channels.events,
        origin_ails: false,
    };
    let mut stats_tick = tokio::time::interval(STATS_INTERVAL);
    let mut stopping: Option<(oneshot::Sender<()>, tokio::time::Instant)> = None;
    loop {
        if stopping
            .as_ref()
            .is_some_and(|(_, by)| !driver.swarm.is_uploading() || tokio::time::Instant::now() >= *by)
        {
            break;
        }
        let wake = driver.next_wake();
        tokio::select! {
            order = channels.orders.recv() => match order {
                Some(Order::Stop(done)) => {
                    driver.swarm.leave();
                    stopping = Some((done, tokio::time::Instant::now() + UPLOADS_PATIENCE));
                }
                Some(order) => driver.obey(order).await,
                None => break,
            },
            Some(event) = channels.net.recv() => {
                driver.on_net(event);
                let more = std::iter::from_fn(|| channels.net.try_recv().ok());
                more.take(EVENTS_AT_ONCE - 1).for_each(|event| driver.on_net(event));
            }
            Some(event) = fetch_events.recv() => driver.on_fetch(event),
            () = uplink::changed(&mut driver.uplink) => {}
            () = interest::changed(driver.supporting.as_ref()) => driver.note_interests(),
            () = tokio::time::sleep_until(wake) => driver.swarm.handle_timeout(driver.now()),
            _ = stats_tick.tick() => {
                driver.note_interests();
                channels.stats.send_replace(driver.stats());
            }
        }
        driver.gauge();
        driver.perform().await;
        if driver.ledger.take_news() {
            channels.stats.send_replace(driver.stats());
        }
    }
    channels.stats.send_replace(driver.stats());
    driver.links.clear();
    driver.net.stop(CLOSE_PATIENCE).await;
    if let Some((done, _)) = stopping {
        let _ = done.send(());
    }
}

impl Driver {
    fn now(&self) -> Instant {
        BEGINNING + self.begun.elapsed()
    }

    fn next_wake(&mut self) -> tokio::time::Instant {
        let now = self.now();
        let uplink = self.uplink.as_ref().and_then(UplinkSeat::wait);
        let first = self.swarm.poll_timeout(now).map(|at| at - now).into_iter().chain(uplink).min();
        let wait = first.unwrap_or(Duration::from_secs(1));
        tokio::time::Instant::now() + wait.max(FINEST_SLEEP)
    }

    async fn obey(&mut self, order: Order) {
        let now = self.now();
        match order {
            Order::SetMembers { seed, members, electors } => {
                self.swarm.set_view(now, seed.as_ref().map(|seed| seed.node), electors);
                self.net.set_targets(seed, members).await;
            }
            Order::LetGoOfSeeds => self.let_go_of_seeds().await,
            Order::Publish(signed, segment) => self.publish(now, *signed, &segment),
            Order::Receipt(node, receipt) => self.swarm.send_receipt(node, receipt),
            // Taken by `run`.
            Order::Stop(_) => {}
        }
    }

    /// In a large swarm the seed has room for the electors only.
    async fn let_go_of_seeds(&self) {
        for (node, _) in self.swarm.introduced_peers().filter(|(_, role)| *role == Role::Seed) {
            self.net.disconnect(node, Afterwards::Welcome).await;
        }
    }

    fn publish(&mut self, now: Instant, signed: Signed<Manifest>, segment: &Bytes) {
        let Some((name, manifest)) = self.believe(&signed) else {
            tracing::error!("a manifest of our own does not verify; the segment is not published");
            return;
        };
        if self.swarm.publish(now, name, Arc::clone(&manifest)) == Keep::Discard {
            return;
        }
        self.store.insert(name, signed, Arc::clone(&manifest));
        for index in (0..manifest.block_count()).map(BlockIndex) {
            let Some((start, len)) = manifest.block_span(index) else { continue };
            let (start, end) = (start as usize, (start + len) as usize);
            if end <= segment.len() {
                self.store.put(&name, index, segment.slice(start..end));
            }
        }
    }

    /// The content of a manifest that the stream's signer signed and that makes sense.
    fn believe(&self, signed: &Signed<Manifest>) -> Option<(SegmentRef, Arc<Manifest>)> {
        let manifest = signed.verify_stream(&self.key).ok().filter(|manifest| manifest.check().is_ok())?;
        Some((signed.segment_ref(), Arc::new(manifest)))
    }

    fn on_net(&mut self, event: NetEvent) {
        let now = self.now();
        match event {
            NetEvent::Connected(node, connection) => {
                if let Some(seat) = &mut self.uplink {
                    seat.connected(node, &connection);
                }
                self.links.insert(node, connection.queue);
                self.swarm.handle_connected(now, node);
            }
            NetEvent::Disconnected(node) => {
                self.links.remove(&node);
                if let Some(seat) = &mut self.uplink {
                    seat.disconnected(node);
                }
                self.swarm.handle_disconnected(now, node);
            }
            NetEvent::Message(node, Message::Manifest(freshness, signed)) => {
                self.on_manifest(node, freshness, signed);
            }
            NetEvent::Message(node, Message::Block(name, index, block)) => {
                self.on_block(Supplier::Peer(node), name, index, block);
            }
            NetEvent::Message(node, message) => self.swarm.handle_message(now, node, message),
            NetEvent::Garbage(node) => self.swarm.handle_protocol_error(now, node),
            NetEvent::Echo(node, echo) => {
                if let Some(seat) = &mut self.uplink {
                    seat.echo(node, echo);
                }
            }
            NetEvent::BlocksWritten(node, bytes) => {
                if let Some(seat) = &mut self.uplink {
                    seat.wrote(node);
                }
                self.ledger.served(node);
                self.swarm.handle_block_sent(now, node, bytes);
            }
        }
    }

    fn on_manifest(&mut self, from: NodeId, freshness: Freshness, signed: Signed<Manifest>) {
        let now = self.now();
        if self.store.get(&signed.segment_ref()).is_some_and(|stored| stored.signed == signed) {
            let Some(stored) = self.store.get(&signed.segment_ref()) else { return };
            let manifest = Arc::clone(&stored.manifest);
            self.swarm.handle_manifest(now, from, freshness, signed.segment_ref(), manifest);
            return;
        }
        let Some((name, manifest)) = self.believe(&signed) else {
            self.swarm.handle_protocol_error(now, from);
            return;
        };
        self.ledger.manifest_at = Some(wall_clock());
        self.note_description(&manifest);
        if self.swarm.handle_manifest(now, from, freshness, name, Arc::clone(&manifest)) == Keep::Store {
            self.store.insert(name, signed, manifest);
        }
    }

    fn on_block(&mut self, from: Supplier, name: SegmentRef, index: BlockIndex, block: Bytes) {
        // Of a segment we have evicted, or never heard of, nothing can be said.
        let Some(stored) = self.store.get(&name) else { return };
        let good = stored.manifest.verifies(index, &block);
        let verdict = if good { Verdict::Verified } else { Verdict::Bad };
        let before = self.swarm.counters().bytes_origin;
        if self.swarm.handle_block(self.now(), from, name, index, verdict) == Keep::Store {
            let from_origin = self.swarm.counters().bytes_origin - before;
            if let Some(stored) = self.store.get_mut(&name) {
                stored.bytes_origin += u32::try_from(from_origin).unwrap_or(0);
            }
            self.store.put(&name, index, block);
        }
    }

    fn on_fetch(&mut self, event: FetchEvent) {
        match event {
            FetchEvent::Block(fetch, name, index, block) => {
                self.on_block(Supplier::Origin(fetch), name, index, block);
            }
            FetchEvent::Ended(fetch, end, error) => {
                self.fetches.remove(&fetch);
                tracing::debug!(fetch.id = fetch.0, ?end, ?error, "fetch ended");
                match (end, error) {
                    (FetchEnd::Failed, Some(error)) if !self.origin_ails => {
                        self.origin_ails = true;
                        self.tell(RelayEvent::OriginTrouble { detail: error.to_string() });
                    }
                    (FetchEnd::Done, _) if self.origin_ails => {
                        self.origin_ails = false;
                        self.tell(RelayEvent::OriginWell);
                    }
                    _ => {}
                }
                self.swarm.handle_fetch_ended(self.now(), fetch, end);
            }
        }
    }

    /// Carries out everything the core asks for.
    async fn perform(&mut self) {
        while let Some(action) = self.swarm.poll_action() {
            match action {
                Action::Send(node, message) => self.send(node, message).await,
                Action::SendManifest(node, freshness, name) => {
                    if let Some(signed) = self.store.get(&name).map(|stored| stored.signed.clone()) {
                        self.send(node, Message::Manifest(freshness, signed)).await;
                    }
                }
                Action::SendBlock(node, name, index) => {
                    if let Some(block) = self.store.block(&name, index) {
                        self.send(node, Message::Block(name, index, block)).await;
                    }
                }
                Action::Fetch(id, segment, blocks) => self.start_fetch(id, segment, blocks),
                Action::Abort(id) => self.abort_fetch(id),
                Action::Complete(name) => self.on_complete(&name),
                Action::Play(name) => self.play(&name),
                Action::Evict(name) => self.store.evict(&name),
                Action::Receipt(from, receipt) => self.tell(RelayEvent::Receipt { from, receipt }),
                Action::Disconnect(node, reason) => self.disconnect(node, reason).await,
            }
        }
    }

    async fn send(&mut self, node: NodeId, message: Message) {
        let full = self.links.get(&node).is_some_and(|queue| queue.try_send(message).is_err());
        if full {
            tracing::debug!(peer.id = %node.short(), "does not read what it is sent");
            self.links.remove(&node);
            self.net.disconnect(node, Afterwards::Welcome).await;
        }
    }

    fn start_fetch(&mut self, id: FetchId, segment: SegmentRef, blocks: std::ops::Range<u16>) {
        let (Some(supporting), Some(stored)) = (&self.supporting, self.store.get(&segment)) else { return };
        let manifest = Arc::clone(&stored.manifest);
        tracing::debug!(fetch.id = id.0, segment.seq = manifest.sequence.0, ?blocks, "fetch begins");
        let fetch = Fetch { id, segment, manifest, blocks };
        // Bounded by the core, which has at most four under way.
        let task = tokio::spawn(fetch::run(supporting.reader.clone(), fetch, self.fetched.clone()));
        self.fetches.insert(id, task.abort_handle());
    }

    fn abort_fetch(&mut self, id: FetchId) {
        if let Some(fetch) = self.fetches.remove(&id) {
            fetch.abort();
        }
    }

    fn on_complete(&mut self, name: &SegmentRef) {
        if let Some(stored) = self.store.get(name) {
            self.ledger.complete(&stored.manifest, stored.bytes_origin, wall_clock());
        }
    }

    fn play(&mut self, name: &SegmentRef) {
        let (Some(supporting), Some(blocks)) = (&self.supporting, self.store.whole(name)) else { return };
        if let Some(stored) = self.store.get(name) {
            supporting.playback.push(&stored.manifest, blocks, wall_clock());
        }
    }

    async fn disconnect(&mut self, node: NodeId, reason: DropReason) {
        tracing::debug!(peer.id = %node.short(), ?reason, "disconnected");
        self.links.remove(&node);
        let afterwards = if reason.is_ban() { Afterwards::Banned } else { Afterwards::Welcome };
        self.net.disconnect(node, afterwards).await;
        let reason = match reason {
            DropReason::BadBlock => "it sent a block that does not match the streamer's signature",
            DropReason::Protocol => "it broke the protocol",
            DropReason::Banned | DropReason::Left | DropReason::OtherStream | DropReason::Full => return,
        };
        self.tell(RelayEvent::PeerDropped { peer: node, reason: reason.into() });
    }

    /// Nobody waits for these: a full channel loses the newest.
    fn tell(&self, event: RelayEvent) {
        let _ = self.events.try_send(event);
    }

    fn stats(&mut self) -> RelayStats {
        let counters = self.swarm.counters();
        let count =
            |role| self.swarm.introduced_peers().filter(|(_, found)| (*found == Role::Seed) == role).count();
        let playback = self.supporting.as_ref().map(|supporting| &supporting.playback);
        RelayStats {
            peers: u32::try_from(count(false)).unwrap_or(u32::MAX),
            seed_connected: count(true) > 0,
            peers_served_lately: self.ledger.served_lately(),
            local_viewers: playback.map_or(0, |playback| playback.viewers()),
            bytes_served: counters.bytes_served,
            bytes_played: playback.map_or(0, |playback| playback.bytes_played()),
            bytes_origin: counters.bytes_origin,
            bytes_peers: counters.bytes_peers,
            segments: counters.segments_complete,
            segments_missed: counters.segments_missed,
            blocks_bad: counters.blocks_bad,
            blocks_duplicate: counters.blocks_duplicate,
            last_manifest_at: self.ledger.manifest_at,
            recent: self.ledger.recent(),
            received: stats::tallies(&self.swarm),
            given: stats::given(&self.swarm),
            store_bytes: self.store.bytes(),
            upload: self.uplink.as_ref().and_then(UplinkSeat::view),
        }
    }
}
