//! The loop to the coordinator: the stream is live, again and again, until it is not.
//!
//! Signing never waits for it. While the coordinator cannot be told, it is told again with back-off; what
//! it missed does not matter, because only the present counts.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use streamr_coordinator_api::{GoLive, PREFIX, Problem};
use streamr_model::{NodeId, StreamId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::event::{Event, Reporter};
use crate::follow::LiveNow;

const TIMEOUT: Duration = Duration::from_secs(4);
/// At a clean stop the good-bye may take this long and is tried once.
const GOODBYE: Duration = Duration::from_secs(1);
const SHORTEST_BACK_OFF: Duration = Duration::from_millis(500);
/// Failed good-byes after which the coordinator has forgotten the live anyway.
const MAX_GOODBYES: u32 = 6;
const MAX_ANSWER_LEN: usize = 16 * 1024;

/// Why the coordinator could not be told.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// It does not answer.
    #[error("it does not answer ({0})")]
    Unreachable(String),
    /// It refused, and says why.
    #[error("it refuses: {0}")]
    Refused(Problem),
    /// It answered something else.
    #[error("it answers with HTTP status {0} and no reason; is this a coordinator?")]
    Confused(StatusCode),
}

/// Tells the coordinator about one stream.
pub struct Announcer {
    client: Client,
    url: Url,
    publish_secret: String,
    seed: NodeId,
    addresses: Vec<String>,
    live: watch::Receiver<Option<LiveNow>>,
    reporter: Reporter,
}

impl Announcer {
    /// Tells the coordinator at `coordinator` that `stream` is served by `seed` at `addresses`, while `live`.
    pub fn new(
        coordinator: &Url,
        stream: &StreamId,
        publish_secret: String,
        seed: (NodeId, Vec<String>),
        live: watch::Receiver<Option<LiveNow>>,
        reporter: Reporter,
    ) -> reqwest::Result<Self> {
        let mut url = coordinator.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{PREFIX}/streams/{stream}/live"));
        let builder = Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        let client = if loopback { builder.no_proxy() } else { builder }.build()?;
        Ok(Self { client, url, publish_secret, seed: seed.0, addresses: seed.1, live, reporter })
    }

    /// Runs until `stop`, then says good-bye if the coordinator may believe the stream live.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut believed_live = false;
        let mut failures = 0;
        while !stop.is_cancelled() {
            let live = *self.live.borrow_and_update();
            let sent = tokio::select! {
                () = stop.cancelled() => break,
                sent = self.tell(live, &mut believed_live) => sent,
            };
            let pause = match sent {
                Ok(()) => {
                    failures = 0;
                    believed_live.then_some(Duration::from_secs(GoLive::REPEAT_S))
                }
                Err(error) => {
                    failures += 1;
                    self.reporter.report(Event::CoordinatorTrouble(error.to_string()));
                    // By then it has noticed by itself that nobody repeats the live.
                    believed_live &= live.is_some() || failures <= MAX_GOODBYES;
                    Some(back_off(failures))
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep_or_wait(pause) => {}
                // A new bit rate alone waits for the next repeat, and back-off for nothing.
                _ = self.live.wait_for(|live| live.is_some() != believed_live), if failures == 0 => {}
            }
        }
        if believed_live && let Err(error) = self.send(Method::DELETE, None, GOODBYE).await {
            tracing::info!(
                "the coordinator could not be told of the end ({error}) and will notice it itself"
            );
        }
    }

    /// Tells the coordinator what it does not know. Even a request that fails may have arrived.
    async fn tell(&mut self, live: Option<LiveNow>, believed_live: &mut bool) -> Result<(), AnnounceError> {
        match live {
            Some(live) => {
                *believed_live = true;
                self.go_live(live).await?;
            }
            None if *believed_live => {
                self.send(Method::DELETE, None, TIMEOUT).await?;
                *believed_live = false;
            }
            None => return Ok(()),
        }
        self.reporter.report(Event::CoordinatorWell);
        Ok(())
    }

    async fn go_live(&self, live: LiveNow) -> Result<(), AnnounceError> {
        let body = GoLive {
            seed: self.seed,
            addresses: self.addresses.clone(),
            live_since: live.since,
            bitrate_bps: live.bitrate,
        };
        self.send(Method::PUT, Some(&body), TIMEOUT).await
    }

    async fn send(&self, method: Method, body: Option<&GoLive>, time: Duration) -> Result<(), AnnounceError> {
        let request =
            self.client.request(method, self.url.clone()).bearer_auth(&self.publish_secret).timeout(time);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let unreachable = |error: reqwest::Error| AnnounceError::Unreachable(innermost(&error));
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            answer.extend_from_slice(&chunk);
            if answer.len() > MAX_ANSWER_LEN {
                return Err(AnnounceError::Confused(status));
            }
        }
        Err(serde_json::from_slice(&answer).map_or(AnnounceError::Confused(status), AnnounceError::Refused))
    }
}

async fn sleep_or_wait(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// Half a second, doubling, never longer than the regular repeat: a live is forgotten after three.
fn back_off(failures: u32) -> Duration {
    let doubled = SHORTEST_BACK_OFF * 2_u32.saturating_pow(failures.saturating_sub(1).min(8));
    doubled.min(Duration::from_secs(GoLive::REPEAT_S))
}

fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
