//! Real sockets on loopback: a seed, nodes, an origin that serves what the manifests name.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use streamr_model::{BitsPerSecond, SecretKey, StreamId};
use streamr_relay::{
    ListenAt, Member, PeerAddresses, Relay, RelayConfig, RelayStats, Seed, SeedConfig, SharedUplink, Yielding,
};
use url::Url;

use crate::media::{segment, signed};

pub(crate) const SEGMENT_LEN: usize = 700_000;

#[derive(Debug, Clone)]
pub(crate) struct Origin {
    has_range: bool,
    /// Bytes.
    pub(crate) sent: Arc<AtomicU64>,
}

async fn serve(State(origin): State<Origin>, Path(name): Path<u64>, headers: HeaderMap) -> Response {
    let all = segment(name, SEGMENT_LEN);
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).filter(|_| origin.has_range);
    let (status, extra, part) = match range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) {
        Some((start, end)) => {
            let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
            let said = format!("bytes {start}-{end}/{}", all.len());
            (StatusCode::PARTIAL_CONTENT, Some(said), all.slice(start..=end))
        }
        None => (StatusCode::OK, None, all),
    };
    origin.sent.fetch_add(part.len() as u64, Ordering::Relaxed);
    let mut response = (status, [(header::CONTENT_TYPE, "video/mp2t")], Body::from(part)).into_response();
    if let Some(said) = extra {
        response.headers_mut().insert(header::CONTENT_RANGE, said.parse().unwrap());
    }
    response
}

pub(crate) struct World {
    pub(crate) key: SecretKey,
    pub(crate) origin: Origin,
    pub(crate) url: Url,
    pub(crate) seed: Seed,
    pub(crate) relays: Vec<Relay>,
}

pub(crate) const STREAM: &str = "alice";

fn loopback() -> ListenAt {
    ListenAt { ip: Ipv4Addr::LOCALHOST.into(), port: 0 }
}

fn node_key(n: usize) -> SecretKey {
    SecretKey::from_seed([u8::try_from(n).unwrap() + 10; 32])
}

async fn relay(n: usize, key: &SecretKey, url: &Url) -> Relay {
    let config = RelayConfig {
        identity: node_key(n),
        stream: STREAM.parse().unwrap(),
        stream_key: key.stream_key(),
        origin: url.clone(),
        listen: loopback(),
        playback: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        uplink: SharedUplink::new(BitsPerSecond(100_000_000), Yielding::On),
        weight: NonZeroU32::MIN,
        live_delay: Duration::from_secs(6),
        store_limit_bytes: 64 << 20,
    };
    Relay::start(config).await.unwrap().0
}

impl World {
    pub(crate) async fn start(nodes: usize, has_range: bool) -> Self {
        let origin = Origin { has_range, sent: Arc::default() };
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let router = Router::new().route("/{name}", get(serve)).with_state(origin.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let key = SecretKey::from_seed([1; 32]);
        let config = SeedConfig {
            identity: SecretKey::from_seed([2; 32]),
            stream: STREAM.parse::<StreamId>().unwrap(),
            stream_key: key.stream_key(),
            listen: loopback(),
            store_limit_bytes: 64 << 20,
        };
        let seed = Seed::start(config).await.unwrap();
        let mut relays = Vec::new();
        for n in 0..nodes {
            relays.push(relay(n, &key, &url).await);
        }
        let world = Self { key, origin, url, seed, relays };
        world.introduce().await;
        world
            .until("everybody knows everybody", |stats| {
                stats.iter().all(|s| s.seed_connected && s.peers as usize == nodes - 1)
            })
            .await;
        world
    }

    async fn introduce(&self) {
        let peer = |node, addresses| PeerAddresses { node, addresses };
        let seed = peer(SecretKey::from_seed([2; 32]).node_id(), self.seed.addresses());
        let members: Vec<_> = self
            .relays
            .iter()
            .enumerate()
            .map(|(n, relay)| peer(node_key(n).node_id(), relay.addresses()))
            .collect();
        let elector = |peer: &PeerAddresses| Member { node: peer.node, uplink: BitsPerSecond(20_000_000) };
        let electors: Vec<_> = members.iter().map(elector).collect();
        for relay in &self.relays {
            relay.set_members(Some(seed.clone()), members.clone(), electors.clone()).await;
        }
    }

    pub(crate) fn stats(&self) -> Vec<RelayStats> {
        self.relays.iter().map(|relay| relay.stats().borrow().clone()).collect()
    }

    pub(crate) async fn until(&self, what: &str, reached: impl Fn(&[RelayStats]) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !reached(&self.stats()) {
            assert!(Instant::now() < deadline, "not in time: {what}: {:#?}", self.stats());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn publish(&self, n: u64) {
        let bytes = segment(n, SEGMENT_LEN);
        let manifest = signed(&STREAM.parse().unwrap(), n, &bytes, &self.url, &self.key);
        self.seed.publish(manifest, bytes).await;
    }

    pub(crate) async fn play(&self, relay: usize, path: &str) -> (u16, Bytes) {
        let url = format!("http://{}/live/{path}", self.relays[relay].playback());
        let answer = reqwest::get(url).await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_reach_every_node_and_leave_the_origin_about_once() {
    let world = World::start(4, true).await;
    for n in 0..4 {
        world.publish(n).await;
        world.until("the segment is everywhere", |stats| stats.iter().all(|s| s.segments == n + 1)).await;
    }
    let copies = world.origin.sent.load(Ordering::Relaxed) as f64 / (4 * SEGMENT_LEN) as f64;
    assert!(copies <= 1.3, "{copies} copies left the origin");
    for (n, stats) in world.stats().iter().enumerate() {
        assert_eq!((stats.blocks_bad, stats.segments_missed), (0, 0), "node {n}");
        let (status, playlist) = world.play(n, "alice/index.m3u8").await;
        let playlist = String::from_utf8(playlist.to_vec()).unwrap();
        assert_eq!(status, 200, "{playlist}");
        let names: Vec<&str> = playlist.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(names.len(), 4, "{playlist}");
        for (sequence, name) in names.into_iter().enumerate() {
            assert_eq!(
                world.play(n, &format!("alice/{name}")).await,
                (200, segment(sequence as u64, SEGMENT_LEN))
            );
        }
    }
    assert_eq!(world.play(0, "bob/index.m3u8").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_ignores_range_is_replaced_by_the_seed() {
    let world = World::start(3, false).await;
    for n in 0..3 {
        world.publish(n).await;
        world.until("the segment is everywhere", |stats| stats.iter().all(|s| s.segments == n + 1)).await;
    }
    assert!(world.seed.bytes_served() <= 2 * 3 * SEGMENT_LEN as u64, "{}", world.seed.bytes_served());
    assert_eq!(world.stats().iter().map(|s| s.blocks_bad).sum::<u64>(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_node_lets_go_of_its_ports_and_the_others_go_on() {
    let mut world = World::start(3, true).await;
    let gone = world.relays.remove(2);
    let (playback, peers) = (gone.playback(), gone.addresses());
    let begun = Instant::now();
    gone.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let port = peers[0].split('/').nth(4).unwrap().parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let free = |at: SocketAddr| std::net::TcpListener::bind(at).is_ok();
        let quic = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if free(playback) && free(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) && quic {
            break;
        }
        assert!(Instant::now() < deadline, "a port is still held");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.until("the leaver is forgotten", |stats| stats.iter().all(|s| s.peers == 1)).await;
    world.publish(0).await;
    world.until("the segment is everywhere", |stats| stats.iter().all(|s| s.segments == 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_elector_and_told_of_no_seed_leaves_the_seed_and_gets_all_from_its_neighbours() {
    let world = World::start(2, true).await;
    let elector = Member { node: node_key(1).node_id(), uplink: BitsPerSecond(20_000_000) };
    let addresses =
        |n: usize| PeerAddresses { node: node_key(n).node_id(), addresses: world.relays[n].addresses() };
    for (n, neighbour) in [(0, addresses(1)), (1, addresses(0))] {
        world.relays[n].set_members(None, vec![neighbour], vec![elector]).await;
    }
    world.until("the seed has the elector only", |stats| !stats[0].seed_connected).await;
    for n in 0..3 {
        world.publish(n).await;
        world.until("the segment is at both", |stats| stats.iter().all(|s| s.segments == n + 1)).await;
    }
    let stats = world.stats();
    assert!(stats[1].seed_connected && !stats[0].seed_connected);
    assert_eq!(stats.iter().map(|s| s.segments_missed).sum::<u64>(), 0);
}
