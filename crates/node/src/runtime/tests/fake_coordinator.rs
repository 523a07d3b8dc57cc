//! A coordinator of the size of a test: it believes everybody, counts what it is asked, and can be broken.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use streamr_coordinator_api::{
    Challenge, ChallengeRequest, ClaimNode, Earnings, Elector, Enrol, Enrolled, ErrorCode, HeartbeatAnswer,
    HeartbeatRequest, Impact, InvitePreview, LiveStream, LiveStreams, MemberView, Membership, NodeSummary,
    Problem, Provisional, PublicKeys, ReceiptsAnswer, ReceiptsRequest, SamplesRequest, ScoreParts,
};
use streamr_model::{
    BitsPerSecond, Heartbeat, NodeId, Receipt, SecretKey, Signed, SignedByBoth, StreamId, UnixMs, Window,
};
use tokio::sync::oneshot;

/// What the fake knows and does.
#[derive(Debug)]
pub(super) struct World {
    pub(super) live: bool,
    pub(super) signer: bool,
    pub(super) version: u64,
    pub(super) elector: NodeId,
    pub(super) clock_ahead_ms: u64,
    pub(super) refuse_next_heartbeat: Option<ErrorCode>,
    pub(super) token: String,
    pub(super) invites_used: Vec<String>,
    pub(super) enrolments: usize,
    pub(super) beats: Vec<Heartbeat>,
    pub(super) receipts: Vec<SignedByBoth>,
    /// What it tells every node: whether its own receipts are wanted, too.
    pub(super) measures: bool,
    pub(super) samples: Vec<Signed<Receipt>>,
    pub(super) membership_asked: usize,
    /// Method, path behind the node, and body of what was said about it.
    pub(super) said: Vec<(String, String, serde_json::Value)>,
    /// What the next saying is refused with.
    pub(super) refuse_saying: Option<ErrorCode>,
}

type Shared = Arc<Mutex<World>>;

/// Stops answering when dropped.
pub(super) struct FakeCoordinator {
    world: Shared,
    pub(super) at: SocketAddr,
    _stop: oneshot::Sender<()>,
}

pub(super) fn stream_key() -> streamr_model::StreamKey {
    SecretKey::from_seed([3; 32]).stream_key()
}

impl FakeCoordinator {
    pub(super) async fn start() -> Self {
        let world = World {
            live: true,
            signer: true,
            version: 1,
            elector: NodeId([9; 32]),
            clock_ahead_ms: 0,
            refuse_next_heartbeat: None,
            token: "token-1".into(),
            invites_used: vec![],
            enrolments: 0,
            beats: vec![],
            receipts: vec![],
            measures: false,
            samples: vec![],
            membership_asked: 0,
            said: vec![],
            refuse_saying: None,
        };
        Self::serve(Arc::new(Mutex::new(world)), "127.0.0.1:0".parse().unwrap()).await
    }

    async fn serve(world: Shared, at: SocketAddr) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(at).unwrap();
        let listener = socket.listen(64).unwrap();
        let at = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = router(world.clone());
        tokio::spawn(async move {
            // Dropping the server closes its listener; open connections end with their next answer.
            let serve = axum::serve(listener, router).with_graceful_shutdown(async {
                let _ = stopped.await;
            });
            serve.await.unwrap();
        });
        Self { world, at, _stop: stop }
    }

    /// Goes away; gives what it takes to come back at the same address.
    pub(super) fn go_away(self) -> (Shared, SocketAddr) {
        (self.world, self.at)
    }

    pub(super) async fn come_back((world, at): (Shared, SocketAddr)) -> Self {
        Self::serve(world, at).await
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

fn router(world: Shared) -> Router {
    Router::new()
        .route("/v1/invites/{code}", get(preview))
        .route("/v1/streams", get(streams))
        .route("/v1/streams/{stream}/members", get(members))
        .route("/v1/nodes/challenge", post(challenge))
        .route("/v1/nodes", post(enrol))
        .route("/v1/nodes/{node}/impact", get(impact))
        .route("/v1/nodes/{node}/earnings", get(earnings))
        .route("/v1/nodes/{node}/receipts", post(receipts))
        .route("/v1/nodes/{node}/receipts/{stream}/{window}", get(receipts_of))
        .route("/v1/keys", get(keys))
        .route("/v1/nodes/{node}", get(summary))
        .route("/v1/nodes/claims", post(claim))
        .route("/v1/nodes/{node}/samples", post(samples))
        .route("/v1/nodes/{node}/{*what}", any(say))
        .route("/v1/heartbeats", post(heartbeat))
        .with_state(world)
}

fn no(code: ErrorCode) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap();
    (status, Json(Problem::new(code, "says the fake"))).into_response()
}

async fn preview(State(world): State<Shared>, Path(code): Path<String>) -> Response {
    match code.as_str() {
        "expired" => no(ErrorCode::InviteExpired),
        _ if world.lock().unwrap().invites_used.contains(&code) => no(ErrorCode::InviteUsed),
        _ => Json(InvitePreview {
            stream: "alice".parse().unwrap(),
            streamer: "Alice".into(),
            title: "Painting".into(),
            expires_at: UnixMs(u64::MAX),
        })
        .into_response(),
    }
}

async fn streams(State(world): State<Shared>) -> Json<LiveStreams> {
    let live_since = world.lock().unwrap().live.then_some(UnixMs(1));
    let stream = |id: &str| LiveStream {
        stream: id.parse().unwrap(),
        title: "Painting".into(),
        streamer: id.to_uppercase(),
        live_since,
        supporters: 2,
        bitrate_bps: BitsPerSecond(4_000_000),
    };
    Json(LiveStreams { streams: vec![stream("alice"), stream("bob")] })
}

async fn members(State(world): State<Shared>, Path(stream): Path<StreamId>, headers: HeaderMap) -> Response {
    let mut world = world.lock().unwrap();
    world.membership_asked += 1;
    if headers.get(header::AUTHORIZATION).is_none_or(|v| *v != format!("Bearer {}", world.token)) {
        return no(ErrorCode::Unauthorised);
    }
    Json(Membership {
        stream,
        version: world.version,
        key: world.signer.then(stream_key),
        origin: "http://127.0.0.1:9/live/alice.m3u8".parse().unwrap(),
        seed: None,
        supporters: 3,
        electors: vec![Elector { node: world.elector, uplink_bps: BitsPerSecond(20_000_000) }],
        members: vec![MemberView {
            node: NodeId([8; 32]),
            addresses: vec!["/ip4/127.0.0.1/tcp/4002".into()],
            uplink_bps: BitsPerSecond(10_000_000),
        }],
    })
    .into_response()
}

async fn challenge(Json(_): Json<ChallengeRequest>) -> Json<Challenge> {
    Json(Challenge { challenge: "abcd".into() })
}

async fn enrol(State(world): State<Shared>, headers: HeaderMap, Json(enrol): Json<Enrol>) -> Response {
    let mut world = world.lock().unwrap();
    let proof = enrol.proof.verify_node(&enrol.node).unwrap();
    let host = headers.get(header::HOST).unwrap().to_str().unwrap();
    assert_eq!((proof.challenge.as_str(), proof.coordinator), ("abcd", format!("http://{host}")));
    world.enrolments += 1;
    world.invites_used.extend(enrol.invite);
    Json(Enrolled { token: world.token.clone() }).into_response()
}

async fn heartbeat(State(world): State<Shared>, Json(request): Json<HeartbeatRequest>) -> Response {
    let mut world = world.lock().unwrap();
    if let Some(code) = world.refuse_next_heartbeat.take() {
        return no(code);
    }
    let beat = request.heartbeat.verify_node(&request.node).unwrap();
    let nonce = format!("{}-{}", beat.session, beat.number);
    let before: HashMap<u64, String> =
        world.beats.iter().map(|b| (b.session, format!("{}-{}", b.session, b.number))).collect();
    assert_eq!(beat.nonce, before.get(&beat.session).cloned().unwrap_or_default());
    world.beats.push(beat);
    Json(HeartbeatAnswer {
        nonce,
        next_in_s: 1,
        now: UnixMs(super::super::wall_now().0 + world.clock_ahead_ms),
        membership_version: world.version,
        grants: vec![],
        measures: world.measures,
    })
    .into_response()
}

async fn earnings(Path(node): Path<NodeId>, uri: axum::http::Uri) -> Response {
    if uri.query() == Some("format=csv") {
        return "hour_utc,stream\r\n".into_response();
    }
    let earned =
        Earnings { node, as_of: UnixMs(7), currencies: vec![], payee: None, epochs: vec![], older: None };
    Json(earned).into_response()
}

async fn summary(State(world): State<Shared>, Path(node): Path<NodeId>) -> Json<NodeSummary> {
    let claimed = world.lock().unwrap().said.iter().any(|(_, path, _)| path == "claims");
    Json(NodeSummary {
        node,
        as_of: UnixMs(7),
        account: claimed.then(|| "ada".to_owned()),
        name: None,
        tier: None,
        next_tier: None,
        bytes: 2,
        live_s: 4,
        downtimes: vec![],
        disputes: vec![],
        thanks: vec![],
    })
}

async fn claim(State(world): State<Shared>, headers: HeaderMap, Json(claim): Json<ClaimNode>) -> Response {
    let word = claim.claim.verify_node(&claim.node).unwrap();
    let host = headers.get(header::HOST).unwrap().to_str().unwrap();
    assert_eq!((word.node, word.coordinator), (claim.node, format!("http://{host}")));
    let body = serde_json::json!([word.handle, word.code]);
    said(&world, ("POST".into(), "claims".into(), body))
}

async fn say(
    State(world): State<Shared>,
    method: axum::http::Method,
    Path((_, what)): Path<(NodeId, String)>,
    body: axum::body::Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    said(&world, (method.to_string(), what, body))
}

fn said(world: &Shared, what: (String, String, serde_json::Value)) -> Response {
    let mut world = world.lock().unwrap();
    if let Some(code) = world.refuse_saying.take() {
        return no(code);
    }
    world.said.push(what);
    StatusCode::NO_CONTENT.into_response()
}

async fn keys() -> Json<PublicKeys> {
    Json(PublicKeys { grants: NodeId([5; 32]) })
}

/// One, of the second window of the first hour.
async fn receipts_of(
    Path((provider, stream, window)): Path<(NodeId, StreamId, u64)>,
) -> Json<ReceiptsRequest> {
    let consumer = SecretKey::from_seed([6; 32]);
    let receipt = Receipt {
        stream,
        window: Window(window),
        provider,
        consumer: consumer.node_id(),
        grant: None,
        session: 1,
        sequence: 1,
        bytes: 10,
        blocks: 1,
        on_time: 1,
        bad: 0,
        missed: 0,
    };
    let both = SignedByBoth::new(consumer.node_id(), Signed::new(&receipt, &consumer), &consumer);
    Json(ReceiptsRequest { receipts: if window == 1 { vec![both] } else { vec![] } })
}

async fn receipts(
    State(world): State<Shared>,
    Path(node): Path<NodeId>,
    Json(request): Json<ReceiptsRequest>,
) -> Json<ReceiptsAnswer> {
    assert!(request.receipts.iter().all(|receipt| receipt.provider == node));
    world.lock().unwrap().receipts.extend(request.receipts);
    Json(ReceiptsAnswer::default())
}

async fn samples(
    State(world): State<Shared>,
    Path(_): Path<NodeId>,
    Json(request): Json<SamplesRequest>,
) -> Json<ReceiptsAnswer> {
    world.lock().unwrap().samples.extend(request.samples);
    Json(ReceiptsAnswer::default())
}

async fn impact(Path(node): Path<NodeId>) -> Json<Impact> {
    Json(Impact {
        node,
        as_of: UnixMs(7),
        bytes_served_today: 1,
        bytes_served_ever: 2,
        peers_helped_ever: 3,
        supporting_s: 4,
        provisional: vec![Provisional {
            stream: "alice".parse().unwrap(),
            amount: None,
            currency: None,
            parts: ScoreParts { uptime_ppm: 1_000_000, quality_ppm: 0, bandwidth_ppm: 0 },
        }],
    })
}
