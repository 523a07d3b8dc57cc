//! One node that carries two streams over one uplink: real sockets on loopback, a seed for each stream, and the
//! same two consumers for both.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use streamr_model::{BitsPerSecond, SecretKey, StreamId};
use streamr_relay::{
    ListenAt, Member, PeerAddresses, Relay, RelayConfig, Seed, SeedConfig, SharedUplink, Yielding,
};
use url::Url;

use crate::media::{segment, signed};

const SEGMENTS: u64 = 10;
const SEGMENT_LEN: usize = 800_000;
const CAP: BitsPerSecond = BitsPerSecond(8_000_000);
const CONSUMERS: u8 = 2;
/// Long enough that nobody goes to the origin for what the node in the middle is slow to give.
const LIVE_DELAY: Duration = Duration::from_secs(240);
const PATIENCE: Duration = Duration::from_secs(60);

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed([n; 32])
}

/// An origin that ignores Range: the seeds are asked in its place.
async fn origin() -> Url {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let router =
        Router::new().route("/{n}", get(|Path(n): Path<u64>| async move { segment(n, SEGMENT_LEN) }));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn relay(stream: &StreamId, identity: SecretKey, origin: &Url, at: (SharedUplink, u32)) -> Relay {
    let config = RelayConfig {
        identity,
        stream: stream.clone(),
        stream_key: key(1).stream_key(),
        origin: origin.clone(),
        listen: ListenAt { ip: Ipv4Addr::LOCALHOST.into(), port: 0 },
        playback: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        uplink: at.0,
        weight: NonZeroU32::new(at.1).unwrap(),
        live_delay: LIVE_DELAY,
        store_limit_bytes: 64 << 20,
    };
    Relay::start(config).await.unwrap().0
}

/// A stream: its seed, the node that carries it, and those that get all they have from that node.
struct Stream {
    name: StreamId,
    seed: Seed,
    carrier: Relay,
    consumers: Vec<Relay>,
}

impl Stream {
    async fn start(name: &str, origin: &Url, uplink: &SharedUplink, weight: u32) -> Self {
        let name: StreamId = name.parse().unwrap();
        let config = SeedConfig {
            identity: key(2),
            stream: name.clone(),
            stream_key: key(1).stream_key(),
            listen: ListenAt { ip: Ipv4Addr::LOCALHOST.into(), port: 0 },
            store_limit_bytes: 64 << 20,
        };
        let seed = Seed::start(config).await.unwrap();
        let carrier = relay(&name, key(3), origin, (uplink.clone(), weight)).await;
        let mut consumers = Vec::new();
        for n in 0..CONSUMERS {
            let alone = SharedUplink::new(CAP, Yielding::Off);
            consumers.push(relay(&name, key(10 + n), origin, (alone, 1)).await);
        }
        let stream = Self { name, seed, carrier, consumers };
        stream.introduce().await;
        stream
    }

    async fn introduce(&self) {
        let (seed, carrier) = (key(2).node_id(), key(3).node_id());
        let seed = PeerAddresses { node: seed, addresses: self.seed.addresses() };
        let electors = vec![Member { node: carrier, uplink: CAP }];
        let carrier = PeerAddresses { node: carrier, addresses: self.carrier.addresses() };
        self.carrier.set_members(Some(seed), Vec::new(), electors.clone()).await;
        for consumer in &self.consumers {
            consumer.set_members(None, vec![carrier.clone()], electors.clone()).await;
        }
    }

    fn is_introduced(&self) -> bool {
        let carrier = self.carrier.stats().borrow().clone();
        carrier.seed_connected && carrier.peers == u32::from(CONSUMERS)
    }

    async fn publish(&self, origin: &Url) {
        for n in 0..SEGMENTS {
            let bytes = segment(n, SEGMENT_LEN);
            self.seed.publish(signed(&self.name, n, &bytes, origin, &key(1)), bytes).await;
        }
    }

    /// What the consumers have from the carrier.
    fn consumed(&self) -> u64 {
        self.consumers.iter().map(|consumer| consumer.stats().borrow().bytes_peers).sum()
    }

    fn rate_now(&self) -> u64 {
        self.carrier.stats().borrow().upload.unwrap().rate_now.0
    }

    fn describe(&self) -> String {
        let stats = self.carrier.stats().borrow().clone();
        format!(
            "{}: peers {}, segments {}, served {}, consumed {}, upload {:?}",
            self.name,
            stats.peers,
            stats.segments,
            stats.bytes_served,
            self.consumed(),
            stats.upload
        )
    }
}

async fn until(streams: [&Stream; 2], what: &str, reached: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !reached() {
        assert!(
            Instant::now() < deadline,
            "not in time: {what}\n{}\n{}",
            streams[0].describe(),
            streams[1].describe()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_streams_share_an_uplink_by_weight_and_one_has_it_all_when_the_other_wants_nothing() {
    let origin = origin().await;
    let uplink = SharedUplink::new(CAP, Yielding::On);
    let alice = Stream::start("alice", &origin, &uplink, 1).await;
    let mut bob = Stream::start("bob", &origin, &uplink, 3).await;
    assert_ne!(alice.carrier.playback(), bob.carrier.playback());
    until([&alice, &bob], "all are connected", || alice.is_introduced() && bob.is_introduced()).await;
    alice.publish(&origin).await;
    bob.publish(&origin).await;

    until([&alice, &bob], "both streams flow", || alice.consumed().min(bob.consumed()) > 300_000).await;
    let (begun, before) = (Instant::now(), [alice.consumed(), bob.consumed()]);
    let since = || (alice.consumed() - before[0], bob.consumed() - before[1]);
    until([&alice, &bob], "some seconds' worth", || since().0 + since().1 > 6_000_000).await;
    let (light, heavy) = since();
    assert!(light * 23 < heavy * 10 && heavy * 10 < light * 39, "{light} and {heavy} bytes");
    // Counters are up to a quarter of a second old, and what was on its way then has come since.
    let most = CAP.bytes_in(begun.elapsed() + Duration::from_millis(500));
    assert!(light + heavy <= most, "{light} and {heavy} bytes, where {most} may have passed");

    for consumer in bob.consumers.drain(..) {
        consumer.stop().await;
    }
    until([&alice, &bob], "alice has the whole uplink", || alice.rate_now() == CAP.0).await;
    let (begun, before) = (Instant::now(), alice.consumed());
    until([&alice, &bob], "some seconds' worth", || alice.consumed() - before > 6_000_000).await;
    let at_its_part = BitsPerSecond(CAP.0 / 4).time_for(6_000_000);
    assert!(begun.elapsed() < at_its_part, "{:?}, and not even its part took longer", begun.elapsed());
}
