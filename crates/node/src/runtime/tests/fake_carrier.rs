//! A relay that carries nothing and remembers everything.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use streamr_model::NodeId;
use streamr_relay::{Member, PeerAddresses, RelayConfig, RelayError, RelayEvent, RelayStats, SharedUplink};
use tokio::sync::{mpsc, watch};

use crate::carrier::{Carried, Carrier};

/// What the fakes of one test have seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Streams being carried now.
    pub(super) carried: Vec<String>,
    pub(super) started: usize,
    pub(super) stopped: usize,
    pub(super) taken_ports: Vec<u16>,
    pub(super) stop_hangs: bool,
    pub(super) uplink: Option<SharedUplink>,
    pub(super) members: Vec<PeerAddresses>,
    pub(super) electors: Vec<Member>,
    pub(super) receipts: Vec<(NodeId, Bytes)>,
    pub(super) counters: Option<watch::Sender<RelayStats>>,
    pub(super) events: Option<mpsc::Sender<RelayEvent>>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct FakeCarrier(Arc<Mutex<Seen>>);

impl FakeCarrier {
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }

    pub(super) fn count(&self, stats: RelayStats) {
        self.seen().counters.as_ref().unwrap().send_replace(stats);
    }
}

pub(super) struct FakeRelay {
    seen: FakeCarrier,
    stream: String,
    playback: SocketAddr,
    stats: watch::Receiver<RelayStats>,
}

impl Carrier for FakeCarrier {
    type Carried = FakeRelay;

    async fn start(
        &self,
        config: RelayConfig,
    ) -> Result<(FakeRelay, mpsc::Receiver<RelayEvent>), RelayError> {
        let mut seen = self.seen();
        for port in [config.playback.port(), config.listen.port] {
            if seen.taken_ports.contains(&port) {
                let what = format!("port {port}");
                return Err(RelayError::Listen { what, source: io::ErrorKind::AddrInUse.into() });
            }
        }
        assert_eq!(config.stream_key, super::fake_coordinator::stream_key());
        assert!(seen.carried.is_empty(), "two relays at once");
        let stream = config.stream.to_string();
        seen.carried.push(stream.clone());
        seen.started += 1;
        seen.uplink = Some(config.uplink);
        let (counters, stats) = watch::channel(RelayStats::default());
        let (events, receiver) = mpsc::channel(64);
        seen.counters = Some(counters);
        seen.events = Some(events);
        let port = if config.playback.port() == 0 { 40_000 } else { config.playback.port() };
        let playback = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok((FakeRelay { seen: self.clone(), stream, playback, stats }, receiver))
    }
}

impl Carried for FakeRelay {
    fn addresses(&self) -> Vec<String> {
        vec!["/ip4/127.0.0.1/tcp/4001".into()]
    }

    fn playback(&self) -> SocketAddr {
        self.playback
    }

    fn stats(&self) -> watch::Receiver<RelayStats> {
        self.stats.clone()
    }

    async fn set_members(
        &self,
        _seed: Option<PeerAddresses>,
        members: Vec<PeerAddresses>,
        electors: Vec<Member>,
    ) {
        let mut seen = self.seen.seen();
        seen.members = members;
        seen.electors = electors;
    }

    async fn send_receipt(&self, node: NodeId, receipt: Bytes) {
        self.seen.seen().receipts.push((node, receipt));
    }

    async fn stop(self) {
        let hangs = self.seen.seen().stop_hangs;
        if hangs {
            std::future::pending::<()>().await;
        }
        self.seen.seen().stopped += 1;
    }
}

impl Drop for FakeRelay {
    fn drop(&mut self) {
        self.seen.seen().carried.retain(|stream| *stream != self.stream);
    }
}
