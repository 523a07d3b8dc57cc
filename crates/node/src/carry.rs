//! Carrying one stream, from the first question to the coordinator to the last closed socket: one task.
//!
//! The task owns the relay. The driver tells it what changes through two `watch` channels, in which the latest
//! value wins, and ends it by its token; so a slow relay never holds up the driver.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use streamr_coordinator_api::Membership;
use streamr_model::{BitsPerSecond, NodeId, SecretKey, StreamId, StreamKey};
use streamr_relay::{
    ListenAt, Member, PeerAddresses, RelayConfig, RelayError, RelayEvent, RelayStats, SharedUplink, Yielding,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::carrier::{Carried, Carrier};
use crate::coordinator_client::{ClientError, CoordinatorClient};
use crate::settings::Settings;
use crate::view::{UiError, UiErrorCode};

/// The relay is given this long to stop; then its sockets are closed under it.
const STOP_LIMIT: Duration = Duration::from_millis(1550);

/// Receipts that wait for the relay, a window's worth for every provider; beyond it the newest are lost.
const RECEIPTS: usize = 16;

/// What to carry, and how.
#[derive(Debug)]
pub(crate) struct CarryOrder {
    pub(crate) client: CoordinatorClient,
    pub(crate) key: Arc<SecretKey>,
    pub(crate) token: Option<String>,
    pub(crate) stream: StreamId,
    pub(crate) settings: Settings,
}

/// Carrying is under way.
#[derive(Debug)]
pub(crate) struct Begun {
    /// Authorises reads; a new one if the node had to enrol again.
    pub(crate) token: String,
    /// Who carries the stream, and what it is.
    pub(crate) membership: Membership,
    /// Where peers reach us.
    pub(crate) addresses: Vec<String>,
    /// Where players find us.
    pub(crate) playback: SocketAddr,
    /// A port that was taken, so that another was used.
    pub(crate) notice: Option<UiError>,
    pub(crate) stats: watch::Receiver<RelayStats>,
    pub(crate) events: mpsc::Receiver<RelayEvent>,
    pub(crate) members: watch::Sender<Members>,
    pub(crate) cap: watch::Sender<BitsPerSecond>,
    /// For the providers they are about.
    pub(crate) receipts: mpsc::Sender<(NodeId, Bytes)>,
}

/// Who carries the stream, as the relay takes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Members {
    pub(crate) seed: Option<PeerAddresses>,
    pub(crate) members: Vec<PeerAddresses>,
    pub(crate) electors: Vec<Member>,
}

impl From<&Membership> for Members {
    fn from(view: &Membership) -> Self {
        let members = view
            .members
            .iter()
            .take(Membership::MAX_MEMBERS)
            .map(|member| PeerAddresses { node: member.node, addresses: member.addresses.clone() });
        let electors = view.electors.iter().take(Membership::MAX_ELECTORS);
        let electors = electors.map(|elector| Member { node: elector.node, uplink: elector.uplink_bps });
        let seed = view
            .seed
            .as_ref()
            .map(|seed| PeerAddresses { node: seed.node, addresses: seed.addresses.clone() });
        Self { seed, members: members.collect(), electors: electors.collect() }
    }
}

/// Why carrying did not begin.
#[derive(Debug)]
pub(crate) enum BeginError {
    /// The coordinator could not say what to carry; later it may.
    Later(ClientError),
    /// Trying again will not help by itself.
    Never(UiError),
}

/// Carries until `stop`. `began` is called once, when the relay runs.
pub(crate) async fn carry<C: Carrier, F: Future<Output = ()> + Send>(
    carrier: Arc<C>,
    order: CarryOrder,
    stop: CancellationToken,
    began: impl FnOnce(Begun) -> F + Send,
) -> Result<(), BeginError> {
    let Some(started) = stop.run_until_cancelled(start(&*carrier, order)).await else { return Ok(()) };
    let Started { relay, uplink, mut cap, mut members, mut receipts, begun } = started?;
    began(begun).await;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Ok(()) = cap.changed() => {
                let latest = *cap.borrow_and_update();
                uplink.set_cap(latest);
            }
            Ok(()) = members.changed() => {
                let latest = members.borrow_and_update().clone();
                relay.set_members(latest.seed, latest.members, latest.electors).await;
            }
            Some((provider, receipt)) = receipts.recv() => relay.send_receipt(provider, receipt).await,
        }
    }
    let stop = async {
        while let Ok((provider, receipt)) = receipts.try_recv() {
            relay.send_receipt(provider, receipt).await;
        }
        relay.stop().await;
    };
    if tokio::time::timeout(STOP_LIMIT, stop).await.is_err() {
        tracing::warn!(
            limit_ms = STOP_LIMIT.as_millis(),
            "the relay did not stop in time; its sockets were dropped"
        );
    }
    Ok(())
}

/// What the task holds on to.
struct Started<R> {
    relay: R,
    uplink: SharedUplink,
    cap: watch::Receiver<BitsPerSecond>,
    members: watch::Receiver<Members>,
    receipts: mpsc::Receiver<(NodeId, Bytes)>,
    begun: Begun,
}

async fn start<C: Carrier>(carrier: &C, order: CarryOrder) -> Result<Started<C::Carried>, BeginError> {
    let (token, membership) = ask(&order).await?;
    let stream_key = membership.key.ok_or_else(|| no_signer(&order.stream))?;
    let uplink = uplink(&order.settings);
    let (relay, events, notice) = listen(carrier, &order, &uplink, (stream_key, &membership.origin)).await?;
    let first = Members::from(&membership);
    relay.set_members(first.seed.clone(), first.members.clone(), first.electors.clone()).await;
    let (cap_tx, cap) = watch::channel(BitsPerSecond(order.settings.upload_cap_bps));
    let (members_tx, members) = watch::channel(first);
    let (receipts_tx, receipts) = mpsc::channel(RECEIPTS);
    let begun = Begun {
        token,
        membership,
        addresses: relay.addresses(),
        playback: relay.playback(),
        notice,
        stats: relay.stats(),
        events,
        members: members_tx,
        cap: cap_tx,
        receipts: receipts_tx,
    };
    Ok(Started { relay, uplink, cap, members, receipts, begun })
}

/// The person's uplink. One stream is carried at a time, which so shares it with none and learns it anew.
fn uplink(settings: &Settings) -> SharedUplink {
    let yielding = if settings.give_way { Yielding::On } else { Yielding::Off };
    SharedUplink::new(BitsPerSecond(settings.upload_cap_bps), yielding)
}

/// The membership, enrolling first or again where the coordinator wants it.
async fn ask(order: &CarryOrder) -> Result<(String, Membership), BeginError> {
    let worded = |error: ClientError| {
        if error.may_pass() {
            BeginError::Later(error)
        } else {
            BeginError::Never(error.to_ui(order.client.address()))
        }
    };
    if let Some(token) = &order.token {
        match order.client.members(&order.stream, token).await {
            Ok(membership) => return Ok((token.clone(), membership)),
            Err(error) if error.wants_enrolment() => {}
            Err(error) => return Err(worded(error)),
        }
    }
    let token = order.client.enrol(&order.key, None).await.map_err(worded)?.token;
    let membership = order.client.members(&order.stream, &token).await.map_err(worded)?;
    Ok((token, membership))
}

/// Starts the relay; a port that another program has is replaced by a free one, and told of.
async fn listen<C: Carrier>(
    carrier: &C,
    order: &CarryOrder,
    uplink: &SharedUplink,
    from: (StreamKey, &Url),
) -> Result<(C::Carried, mpsc::Receiver<RelayEvent>, Option<UiError>), BeginError> {
    let (playback, peer) = (order.settings.playback_port, order.settings.peer_port);
    let mut taken = None;
    for ports in distinct([(playback, peer), (0, peer), (playback, 0), (0, 0)]) {
        match carrier.start(config(order, uplink, from, ports)).await {
            Ok((relay, events)) => {
                return Ok((relay, events, taken.map(|_| port_notice((playback, peer), ports))));
            }
            Err(error @ RelayError::Listen { .. }) => taken = Some(error),
            Err(error @ RelayError::Origin(_)) => return Err(BeginError::Never(bad_origin(&error))),
            Err(error @ (RelayError::Network(_) | RelayError::TooManyStreams(_))) => {
                return Err(BeginError::Never(UiError::internal(error.to_string())));
            }
        }
    }
    Err(BeginError::Never(UiError::new(
        UiErrorCode::PortTaken,
        format!(
            "This machine lets nothing listen on {}; set listen_ip in the settings to one of its own addresses.",
            order.settings.listen_ip
        ),
        taken.map(|error| error.to_string()).unwrap_or_default(),
    )))
}

fn bad_origin(error: &RelayError) -> UiError {
    UiError::new(
        UiErrorCode::OriginTrouble,
        "The stream's origin has an address that cannot be used; ask the streamer to register it again.",
        error.to_string(),
    )
}

fn distinct(all: [(u16, u16); 4]) -> impl Iterator<Item = (u16, u16)> {
    (0..all.len()).filter(move |i| !all[..*i].contains(&all[*i])).map(move |i| all[i])
}

fn config(
    order: &CarryOrder,
    uplink: &SharedUplink,
    (stream_key, origin): (StreamKey, &Url),
    (playback, peer): (u16, u16),
) -> RelayConfig {
    let settings = &order.settings;
    RelayConfig {
        identity: SecretKey::from_seed(order.key.to_seed()),
        stream: order.stream.clone(),
        stream_key,
        origin: origin.clone(),
        listen: ListenAt { ip: settings.listen_ip, port: peer },
        playback: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), playback),
        uplink: uplink.clone(),
        weight: NonZeroU32::MIN,
        live_delay: Duration::from_millis(settings.live_delay_ms),
        store_limit_bytes: settings.store_limit_mb.saturating_mul(1_000_000),
    }
}

fn port_notice(wanted: (u16, u16), used: (u16, u16)) -> UiError {
    let what = match (wanted.0 != used.0, wanted.1 != used.1) {
        (true, false) => format!("Port {} for players is", wanted.0),
        (false, _) => format!("Port {} for other supporters is", wanted.1),
        (true, true) => format!("Ports {} and {} are", wanted.0, wanted.1),
    };
    UiError::new(
        UiErrorCode::PortTaken,
        format!(
            "{what} taken by another program, so a free one is used; end that program or change the settings."
        ),
        format!("wanted {wanted:?}, used {used:?}"),
    )
}

fn no_signer(stream: &StreamId) -> BeginError {
    BeginError::Never(UiError::new(
        UiErrorCode::StreamUnknown,
        format!(
            "The stream {stream} has no signer, so its bytes cannot be checked yet; choose another stream for now."
        ),
        "membership without a key",
    ))
}
