//! The network of June 2025 in small, for tests: its nodes with pages of statistics on addresses of their own,
//! and a coordinator that polls them when the test says so.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use reqwest::Response;
use serde_json::{Value, json};
use streamr_coordinator_api::old::{OldPayouts, OldProblem};
use tokio::task::JoinHandle;

use crate::old_surface::{ACTIVE_MS, OldSurface, Registration};
use crate::polling::PollRules;
use crate::polling::address::AddressRules;
use crate::testing::Running;

/// A stream to register, with a key that is not its id.
pub(super) fn new_stream(id: &str, balance: u32) -> Value {
    json!({
        "stream_id": id, "sponsor_address": "0xSponsor", "token_balance": f64::from(balance),
        "rtmp_url": "rtmp://203.0.113.9:1935/live/stream-key",
    })
}

/// A heartbeat, sent.
pub(super) async fn beat(coordinator: &Running, node: &str, stream: &str, stats_url: &str) -> Response {
    let body = json!({"node_id": node, "stream_id": stream, "stats_url": stats_url});
    coordinator.post("/nodes/heartbeat", None, &body).await
}

/// The nodes that the dashboard shows for a stream.
pub(super) async fn active(coordinator: &Running, stream: &str) -> Vec<String> {
    let dashboard: Value = coordinator.get("/dashboard").await.json().await.unwrap();
    let streams = dashboard["streams"].as_array().unwrap();
    let nodes =
        streams.iter().find(|shown| shown["stream_id"] == stream).unwrap()["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["node_id"].as_str().unwrap().to_owned()).collect()
}

/// The sentence of a refusal.
pub(super) async fn detail(answer: Response) -> String {
    answer.json::<OldProblem>().await.unwrap().detail
}

/// What each node earned in the last hours, in micro-units, over all streams.
pub(super) async fn earned(house: &OldHouse, hours_back: u32) -> Vec<(String, i64)> {
    let answer = house.coordinator.get(&format!("/payouts?hours_back={hours_back}")).await;
    let payouts: OldPayouts = answer.json().await.unwrap();
    payouts.payouts.into_iter().map(|payout| (payout.node_id, payout.amount.0.0)).collect()
}

/// A page of statistics at an address of this machine.
pub(super) struct StatsPage {
    url: String,
    port: u16,
    said: Arc<Said>,
    serving: JoinHandle<()>,
}

struct Said {
    body: Mutex<String>,
    asked: AtomicUsize,
}

/// Where a page will be.
pub(super) struct Site(IpAddr);

impl StatsPage {
    /// At one of the loopback addresses.
    pub(super) fn at(address: &str) -> Site {
        Site(address.parse().unwrap())
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.said.asked.load(Ordering::SeqCst)
    }

    /// What it says from now on.
    pub(super) fn say(&self, body: &str) {
        body.clone_into(&mut self.said.body.lock().unwrap());
    }

    /// It answers no more.
    pub(super) fn die(&self) {
        self.serving.abort();
    }
}

impl Site {
    /// With statistics that show a stream.
    pub(super) async fn streaming(self, stream: &str) -> StatsPage {
        self.serving(&streaming(stream)).await
    }

    pub(super) async fn serving(self, body: &str) -> StatsPage {
        let listener = tokio::net::TcpListener::bind((self.0, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let said = Arc::new(Said { body: Mutex::new(body.to_owned()), asked: AtomicUsize::new(0) });
        let router = Router::new().route("/stats", get(page)).with_state(said.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        StatsPage { url: format!("http://{address}/stats"), port: address.port(), said, serving }
    }
}

async fn page(State(said): State<Arc<Said>>) -> String {
    said.asked.fetch_add(1, Ordering::SeqCst);
    said.body.lock().unwrap().clone()
}

/// Statistics that show a stream.
pub(super) fn streaming(stream: &str) -> String {
    json!({"streams": [{"stream_name": format!("live/{stream}"), "connections": [{"state": "streaming"}]}]})
        .to_string()
}

/// A coordinator with the old surface, which polls when the test says so.
pub(super) struct OldHouse {
    pub(super) coordinator: Running,
}

impl OldHouse {
    /// One that may ask these pages, and nothing else of this machine's.
    pub(super) async fn start(pages: &[&StatsPage]) -> Self {
        Self::with(Registration::Operator, pages).await
    }

    pub(super) async fn open_to_anybody(pages: &[&StatsPage]) -> Self {
        Self::with(Registration::Anybody, pages).await
    }

    async fn with(registration: Registration, pages: &[&StatsPage]) -> Self {
        let polling = PollRules {
            addresses: AddressRules { allowed: vec!["127.0.0.0/8".parse().unwrap()] },
            ports: pages.iter().map(|page| page.port).collect(),
            // Often enough that no hour is without.
            mean: Duration::from_secs(150),
            // Longer than any test: only the test polls.
            tick: Duration::from_secs(86_400),
        };
        let old = OldSurface { registration, polling: Some(polling) };
        Self { coordinator: Running::start_with(|config| config.old_surface = Some(old)).await }
    }

    /// Registers a stream as the operator.
    pub(super) async fn register(&self, stream: &str, balance: u32) {
        let answer = self
            .coordinator
            .post("/streams", Some(&self.coordinator.operator), &new_stream(stream, balance))
            .await;
        assert_eq!(answer.status(), 200);
    }

    /// A heartbeat that is answered.
    pub(super) async fn beat(&self, node: &str, stream: &str, stats_url: &str) {
        assert_eq!(beat(&self.coordinator, node, stream, stats_url).await.status(), 200);
    }

    /// Lets as much time pass as it takes until the last hour is closed.
    pub(super) async fn settle(&mut self) {
        self.pass_s(ACTIVE_MS / 1000).await;
    }

    /// Lets time pass, and then the poller ask whose turn has come.
    pub(super) async fn pass_s(&mut self, seconds: u64) {
        self.coordinator.clock.advance_s(seconds);
        self.coordinator.poll_round().await;
    }
}
