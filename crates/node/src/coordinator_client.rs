//! The coordinator, as the node talks to it.
//!
//! It may be down, slow, another program altogether, or lying: every request has a time limit, every answer a
//! size limit, redirects are not followed and no proxy of the environment is used. What goes wrong comes back
//! as a [`ClientError`] that knows whether trying again can help.

mod error;
mod old;
mod saying;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use streamr_coordinator_api::{
    Challenge, ChallengeRequest, Earnings, Enrol, Enrolled, HeartbeatAnswer, HeartbeatRequest, Impact,
    InvitePreview, LiveStreams, Membership, NodeSummary, PREFIX, Problem, PublicKeys, ReceiptsAnswer,
    ReceiptsRequest, SamplesRequest,
};
use streamr_model::{
    EnrolmentProof, Heartbeat, NodeId, Receipt, SecretKey, Signed, SignedByBoth, StreamId, Window,
};

pub(crate) use error::ClientError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_BODY: usize = 1024 * 1024;
/// Of what is saved as a file: ten thousand hours.
const MAX_TABLE: usize = 4 * 1024 * 1024;
/// Closed hours asked for: what a week can hold, and some more.
const HOURS: u32 = 200;

/// Talks to one coordinator. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct CoordinatorClient {
    http: reqwest::Client,
    address: String,
}

impl CoordinatorClient {
    /// For the coordinator at `address`, which has no slash at its end. Sends nothing yet.
    pub(crate) fn new(http: reqwest::Client, address: String) -> Self {
        Self { http, address }
    }

    /// The one pool of connections that every client of a node shares.
    pub(crate) fn http() -> Result<reqwest::Client, reqwest::Error> {
        reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(2)
            .user_agent(concat!("streamr-node/", env!("CARGO_PKG_VERSION")))
            .build()
    }

    /// The coordinator's address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What an invite is for, without using it.
    pub(crate) async fn preview(&self, code: &str) -> Result<InvitePreview, ClientError> {
        self.ask(self.request(Method::GET, &format!("/invites/{code}"))).await
    }

    /// What a chooser shows.
    pub(crate) async fn streams(&self) -> Result<LiveStreams, ClientError> {
        self.ask(self.request(Method::GET, "/streams")).await
    }

    /// Proves that this node holds its key and gets a token for its reads.
    pub(crate) async fn enrol(
        &self,
        key: &SecretKey,
        invite: Option<String>,
    ) -> Result<Enrolled, ClientError> {
        let node = key.node_id();
        let challenge: Challenge = self.post("/nodes/challenge", &ChallengeRequest { node }).await?;
        let proof =
            EnrolmentProof { node, challenge: challenge.challenge, coordinator: self.address.clone() };
        let proof = Signed::new(&proof, key);
        self.post("/nodes", &Enrol { node, proof, invite }).await
    }

    /// Whom to connect to for a stream.
    pub(crate) async fn members(&self, stream: &StreamId, token: &str) -> Result<Membership, ClientError> {
        let request = self.request(Method::GET, &format!("/streams/{stream}/members"));
        let membership: Membership = self.ask(request.bearer_auth(token)).await?;
        if membership.stream != *stream {
            return Err(ClientError::Confused(format!(
                "asked for {stream}, was told of {}",
                membership.stream
            )));
        }
        Ok(membership)
    }

    /// Reports.
    pub(crate) async fn heartbeat(
        &self,
        beat: &Heartbeat,
        key: &SecretKey,
    ) -> Result<HeartbeatAnswer, ClientError> {
        let body = HeartbeatRequest { node: beat.node, heartbeat: Signed::new(beat, key) };
        self.post("/heartbeats", &body).await
    }

    /// What others have signed for.
    pub(crate) async fn impact(&self, node: NodeId, token: &str) -> Result<Impact, ClientError> {
        self.ask(self.request(Method::GET, &format!("/nodes/{node}/impact")).bearer_auth(token)).await
    }

    /// What closed hours have paid.
    pub(crate) async fn account(&self, node: NodeId, token: &str) -> Result<Earnings, ClientError> {
        let request = self.request(Method::GET, &format!("/nodes/{node}/earnings?limit={HOURS}"));
        self.ask(request.bearer_auth(token)).await
    }

    /// How the node stands to people.
    pub(crate) async fn summary(&self, node: NodeId, token: &str) -> Result<NodeSummary, ClientError> {
        self.ask(self.request(Method::GET, &format!("/nodes/{node}")).bearer_auth(token)).await
    }

    /// Every hour that paid, as a table.
    pub(crate) async fn earnings_table(&self, node: NodeId, token: &str) -> Result<String, ClientError> {
        let request = self.request(Method::GET, &format!("/nodes/{node}/earnings?format=csv"));
        let body = answer(request.bearer_auth(token), MAX_TABLE).await?;
        String::from_utf8(body).map_err(|_| ClientError::Confused("a table that is no text".into()))
    }

    /// What others signed for in a window, with both signatures.
    pub(crate) async fn receipts_of(
        &self,
        node: NodeId,
        token: &str,
        stream: &StreamId,
        window: Window,
    ) -> Result<ReceiptsRequest, ClientError> {
        let request = self.request(Method::GET, &format!("/nodes/{node}/receipts/{stream}/{}", window.0));
        self.ask(request.bearer_auth(token)).await
    }

    /// With which keys the coordinator signs.
    pub(crate) async fn keys(&self) -> Result<PublicKeys, ClientError> {
        self.ask(self.request(Method::GET, "/keys")).await
    }

    /// Hands in what consumers signed for.
    pub(crate) async fn receipts(
        &self,
        node: NodeId,
        token: &str,
        receipts: &[SignedByBoth],
    ) -> Result<ReceiptsAnswer, ClientError> {
        let body = ReceiptsRequest { receipts: receipts.to_vec() };
        let request = self.request(Method::POST, &format!("/nodes/{node}/receipts"));
        self.ask(request.bearer_auth(token).json(&body)).await
    }

    /// Hands in what this node signed itself, because the coordinator asked it to measure.
    pub(crate) async fn samples(
        &self,
        node: NodeId,
        token: &str,
        samples: &[Signed<Receipt>],
    ) -> Result<ReceiptsAnswer, ClientError> {
        let body = SamplesRequest { samples: samples.to_vec() };
        let request = self.request(Method::POST, &format!("/nodes/{node}/samples"));
        self.ask(request.bearer_auth(token).json(&body)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{PREFIX}{path}", self.address))
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.ask(self.request(Method::POST, path).json(body)).await
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let body = answer(request, MAX_BODY).await?;
        serde_json::from_slice(&body)
            .map_err(|error| ClientError::Confused(format!("an answer that is another one's: {error}")))
    }
}

/// The body of a good answer, of at most `most` bytes.
async fn answer(request: RequestBuilder, most: usize) -> Result<Vec<u8>, ClientError> {
    let response = request.send().await?;
    let status = response.status();
    let body = bounded_body(response, most).await?;
    if status.is_success() { Ok(body) } else { Err(refusal(status, &body)) }
}

/// The whole body, unless it is longer than any honest answer.
async fn bounded_body(mut response: Response, most: usize) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Err(ClientError::Confused(format!("an answer of more than {most} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn refusal(status: StatusCode, body: &[u8]) -> ClientError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => ClientError::Refused(problem),
        Err(_) => ClientError::Confused(format!("HTTP {status} without a reason that can be read")),
    }
}

#[cfg(test)]
mod tests;
