//! Our own stack: a seed that publishes on order, a node that says when a segment is whole.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use bytes::Bytes;
use serde_json::json;
use streamr_model::{
    BitsPerSecond, Manifest, MediaSequence, NodeId, SecretKey, SegmentContainer, Signed, StreamEpoch,
    StreamId, UnixMs,
};
use streamr_relay::{
    ListenAt, Member, PeerAddresses, Relay, RelayConfig, Seed, SeedConfig, SharedUplink, Yielding,
};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};
use url::Url;

use crate::options::Options;
use crate::origin::{self, Served};

const STREAM: &str = "bench";
/// What the seed offers; only what a node makes of it counts.
const UPLINK: BitsPerSecond = BitsPerSecond(1_000_000_000);
/// The seed keeps so much: more than any segment under way.
const SEED_STORE_BYTES: u64 = 256 << 20;

fn stream() -> anyhow::Result<StreamId> {
    STREAM.parse().context("the stream's name")
}

fn stream_key() -> SecretKey {
    SecretKey::from_seed([1; 32])
}

/// The orders of whoever started us, a line each.
fn orders() -> Lines<BufReader<Stdin>> {
    BufReader::new(tokio::io::stdin()).lines()
}

/// Bytes that compress to nothing and differ from block to block.
pub(crate) fn media(len: usize) -> Bytes {
    let mut filled = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut filled);
    filled.into()
}

fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `len=BYTES [ip=IP] [origin=ranges|none]`. Publishes a segment for each line `publish`.
pub(crate) async fn seed(options: &Options) -> anyhow::Result<()> {
    let ip: Ipv4Addr = options.get_or("ip", Ipv4Addr::LOCALHOST)?;
    let segment = media(options.get("len")?);
    let origin: String = options.get_or("origin", "ranges".to_owned())?;
    let served = if origin == "none" { Bytes::new() } else { segment.clone() };
    let origin = Url::parse(&format!("http://{}/", origin::serve(Served(served), ip).await?))?;
    let identity = SecretKey::from_seed([2; 32]);
    let node = identity.node_id();
    let config = SeedConfig {
        identity,
        stream: stream()?,
        stream_key: stream_key().stream_key(),
        listen: ListenAt { ip: ip.into(), port: 0 },
        store_limit_bytes: SEED_STORE_BYTES,
    };
    let seed = Seed::start(config).await?;
    println!("{}", json!({ "node": node.to_string(), "addresses": seed.addresses(), "origin": origin }));
    // Hashed once: that is the signer's work, not the transfer's.
    let mut manifest = manifest(&segment)?;
    let mut orders = orders();
    while let Some(order) = orders.next_line().await? {
        if order != "publish" {
            bail!("an order of unknown kind: {order}");
        }
        manifest.published_at = now();
        manifest.origin_url = origin.join(&format!("{}.ts", manifest.sequence.0))?.into();
        seed.publish(Signed::new(&manifest, &stream_key()), segment.clone()).await;
        manifest.sequence.0 += 1;
    }
    seed.stop().await;
    Ok(())
}

fn manifest(segment: &Bytes) -> anyhow::Result<Manifest> {
    Ok(Manifest {
        stream: stream()?,
        epoch: StreamEpoch(1),
        one_of: None,
        sequence: MediaSequence(0),
        duration_us: 2_000_000,
        target_duration_s: 2,
        discontinuity: false,
        published_at: now(),
        origin_url: String::new(),
        origin_offset: 0,
        container: SegmentContainer::MpegTs,
        init: None,
        tags: Vec::new(),
        header_tags: Vec::new(),
        len: u32::try_from(segment.len())?,
        block_len: Manifest::block_len_for(segment.len()),
        block_hashes: Manifest::hash_blocks(segment),
    })
}

/// `n=NUMBER origin=URL [ip=IP] [cap=BITS_PER_SECOND] [store=BYTES]`. Takes one order,
/// `members ELECTOR SEED|- [PEER]…` with peers as `NODE,ADDRESS[,ADDRESS]…`; tells of each whole segment.
pub(crate) async fn relay(options: &Options) -> anyhow::Result<()> {
    let ip: Ipv4Addr = options.get_or("ip", Ipv4Addr::LOCALHOST)?;
    let number: u8 = options.get("n")?;
    let identity = SecretKey::from_seed([100 + number; 32]);
    let node = identity.node_id();
    let config = RelayConfig {
        identity,
        stream: stream()?,
        stream_key: stream_key().stream_key(),
        origin: options.get("origin")?,
        listen: ListenAt { ip: ip.into(), port: 0 },
        playback: SocketAddr::from((ip, 0)),
        // The cap alone shall hold: what is measured is not the measuring of uplinks.
        uplink: SharedUplink::new(BitsPerSecond(options.get_or("cap", UPLINK.0)?), Yielding::Off),
        weight: NonZeroU32::MIN,
        live_delay: Duration::from_secs(options.get_or("delay_s", 20)?),
        store_limit_bytes: options.get_or("store", 64 << 20)?,
    };
    // Nobody waits for its events: beyond 64 they are lost, as the interface says.
    let (relay, _events) = Relay::start(config).await?;
    let playback = format!("http://{}/live/{STREAM}/", relay.playback());
    println!("{}", json!({ "node": node.to_string(), "addresses": relay.addresses(), "playback": playback }));
    let mut stats = relay.stats();
    let mut told: Option<String> = None;
    let mut orders = orders();
    loop {
        tokio::select! {
            order = orders.next_line() => match order? {
                Some(order) => obey(&relay, &order).await?,
                None => break,
            },
            changed = stats.changed() => {
                changed?;
                let recent = stats.borrow_and_update().recent.clone();
                let known = recent.iter().rposition(|timing| Some(&timing.segment) == told.as_ref());
                for timing in &recent[known.map_or(0, |at| at + 1)..] {
                    println!("{}", json!({
                        "segment": timing.segment,
                        "published_ms": timing.published_at.0,
                        "complete_ms": timing.complete_at.0,
                        "bytes_origin": timing.bytes_origin,
                    }));
                }
                told = recent.last().map(|timing| timing.segment.clone()).or(told);
            }
        }
    }
    relay.stop().await;
    Ok(())
}

async fn obey(relay: &Relay, order: &str) -> anyhow::Result<()> {
    let mut words = order.split(' ');
    if words.next() != Some("members") {
        bail!("an order of unknown kind: {order}");
    }
    let elector = Member { node: words.next().unwrap_or_default().parse()?, uplink: UPLINK };
    let seed = words.next().filter(|word| *word != "-").map(read_peer).transpose()?;
    let members = words.map(read_peer).collect::<anyhow::Result<_>>()?;
    relay.set_members(seed, members, vec![elector]).await;
    Ok(())
}

fn read_peer(text: &str) -> anyhow::Result<PeerAddresses> {
    let mut words = text.split(',');
    let node: NodeId = words.next().unwrap_or_default().parse()?;
    Ok(PeerAddresses { node, addresses: words.map(str::to_owned).collect() })
}
