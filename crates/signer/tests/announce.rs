//! What the coordinator is told, and when.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption fails the test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use streamr_coordinator_api::{ErrorCode, GoLive, Problem};
use streamr_model::{BitsPerSecond, NodeId, UnixMs};
use streamr_signer::announce::Announcer;
use streamr_signer::event::{Event, Reporter};
use streamr_signer::follow::LiveNow;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

type Calls = mpsc::Sender<(Method, String, HeaderMap, Bytes)>;
type Refusal = Arc<Mutex<Option<ErrorCode>>>;

async fn answer(
    State((calls, refusal)): State<(Calls, Refusal)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    calls.send((method, uri.path().into(), headers, body)).await.unwrap();
    match *refusal.lock().unwrap() {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(code) => {
            let status = StatusCode::from_u16(code.status()).unwrap();
            (status, axum::Json(Problem::new(code, "of the test's will"))).into_response()
        }
    }
}

struct Coordinator {
    calls: mpsc::Receiver<(Method, String, HeaderMap, Bytes)>,
    refusal: Refusal,
    live: watch::Sender<Option<LiveNow>>,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
    announcing: JoinHandle<()>,
}

async fn told() -> Coordinator {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/base/", listener.local_addr().unwrap()).parse().unwrap();
    let (sender, calls) = mpsc::channel(64);
    let refusal = Refusal::default();
    let router = Router::new().fallback(answer).with_state((sender, refusal.clone()));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let (live, watched) = watch::channel(None);
    let (reports, events) = mpsc::channel(64);
    let seed = (NodeId([9; 32]), vec!["/ip4/127.0.0.1/udp/1/quic-v1".to_owned()]);
    let stream = "alice".parse().unwrap();
    let reporter = Reporter::new(Some(reports));
    let announcer = Announcer::new(&url, &stream, "secret".into(), seed, watched, reporter).unwrap();
    let stop = CancellationToken::new();
    let announcing = tokio::spawn(announcer.run(stop.clone()));
    Coordinator { calls, refusal, live, events, stop, announcing }
}

impl Coordinator {
    async fn call(&mut self) -> (Method, String, HeaderMap, Bytes) {
        tokio::time::timeout(Duration::from_secs(10), self.calls.recv()).await.unwrap().unwrap()
    }

    async fn event(&mut self) -> Event {
        tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await.unwrap().unwrap()
    }
}

const LIVE: LiveNow = LiveNow { since: UnixMs(7), bitrate: BitsPerSecond(4_000_000) };

#[tokio::test]
async fn a_live_is_announced_repeated_and_ended() {
    let mut coordinator = told().await;
    coordinator.live.send_replace(Some(LIVE));
    let (method, path, headers, body) = coordinator.call().await;
    assert_eq!((method, path.as_str()), (Method::PUT, "/base/v1/streams/alice/live"));
    assert_eq!(headers["authorization"], "Bearer secret");
    let body: GoLive = serde_json::from_slice(&body).unwrap();
    assert_eq!((body.live_since, body.bitrate_bps, body.seed), (LIVE.since, LIVE.bitrate, NodeId([9; 32])));
    assert_eq!(coordinator.call().await.0, Method::PUT, "repeated within {} s", GoLive::REPEAT_S);
    coordinator.live.send_replace(None);
    assert_eq!(coordinator.call().await.0, Method::DELETE);
}

#[tokio::test]
async fn a_clean_stop_says_good_bye() {
    let mut coordinator = told().await;
    coordinator.live.send_replace(Some(LIVE));
    coordinator.call().await;
    coordinator.stop.cancel();
    assert_eq!(coordinator.call().await.0, Method::DELETE);
    (&mut coordinator.announcing).await.unwrap();
}

#[tokio::test]
async fn a_signer_that_was_never_live_says_nothing() {
    let mut coordinator = told().await;
    coordinator.stop.cancel();
    (&mut coordinator.announcing).await.unwrap();
    assert!(coordinator.calls.try_recv().is_err());
}

#[tokio::test]
async fn a_refusal_is_told_once_with_its_reason_and_tried_again() {
    let mut coordinator = told().await;
    *coordinator.refusal.lock().unwrap() = Some(ErrorCode::Unauthorised);
    coordinator.live.send_replace(Some(LIVE));
    for _ in 0..3 {
        assert_eq!(coordinator.call().await.0, Method::PUT);
    }
    let told = coordinator.event().await.to_string();
    assert!(told.contains("it refuses: The token is missing or wrong: of the test's will"), "{told}");
    *coordinator.refusal.lock().unwrap() = None;
    assert_eq!(coordinator.event().await, Event::CoordinatorWell);
}
