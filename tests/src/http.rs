//! The little HTTP that driving a network needs. Every request has a deadline.

use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::error::{Result, TestnetError};
use crate::namespace::Namespace;

const DEADLINE: Duration = Duration::from_secs(5);
/// More than any playlist, snapshot or segment of a test stream.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// A client; `token`, where given, goes along as `Authorization: Bearer`.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    token: Option<String>,
    namespace: Option<Namespace>,
}

impl Client {
    /// A client for loopback addresses.
    pub fn new(token: Option<String>) -> Self {
        let config =
            Agent::config_builder().timeout_global(Some(DEADLINE)).http_status_as_error(false).proxy(None);
        Self { agent: config.build().new_agent(), token, namespace: None }
    }

    /// The same client, making its connections inside `namespace`.
    #[must_use]
    pub fn inside(self, namespace: Option<Namespace>) -> Self {
        Self { namespace, ..self }
    }

    /// The same client with this token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// Makes a request where this client is.
    fn send<T: Send>(&self, request: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        match &self.namespace {
            Some(namespace) => namespace.run(request),
            None => request(),
        }
    }

    fn authorisation(&self) -> String {
        self.token.as_ref().map(|token| format!("Bearer {token}")).unwrap_or_default()
    }

    /// `GET`, the body as bytes.
    pub fn get_bytes(&self, url: &str) -> Result<Vec<u8>> {
        let mut request = self.agent.get(url);
        if self.token.is_some() {
            request = request.header("authorization", self.authorisation());
        }
        self.send(|| body(&format!("GET {url}"), request.call()))
    }

    /// `GET`, the body as text.
    pub fn get_text(&self, url: &str) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.get_bytes(url)?).into_owned())
    }

    /// `GET`, the body as JSON.
    pub fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T> {
        read_json(&format!("GET {url}"), &self.get_bytes(url)?)
    }

    /// `POST` of JSON, whatever comes back as JSON; an empty body reads as `null`.
    pub fn post<T: DeserializeOwned>(&self, url: &str, json: &serde_json::Value) -> Result<T> {
        let mut request = self.agent.post(url);
        if self.token.is_some() {
            request = request.header("authorization", self.authorisation());
        }
        let what = format!("POST {url}");
        let bytes = self.send(|| body(&what, request.send_json(json)))?;
        read_json(&what, if bytes.is_empty() { b"null" } else { &bytes })
    }
}

fn body(request: &str, response: Result<Response<Body>, ureq::Error>) -> Result<Vec<u8>> {
    let failed = |e: ureq::Error| TestnetError::Http { request: request.into(), reason: e.to_string() };
    let mut response = response.map_err(failed)?;
    let bytes = response.body_mut().with_config().limit(MOST_BYTES).read_to_vec().map_err(failed)?;
    if response.status().is_success() {
        return Ok(bytes);
    }
    let body = String::from_utf8_lossy(&bytes).chars().take(500).collect();
    Err(TestnetError::Refused { request: request.into(), status: response.status().as_u16(), body })
}

fn read_json<T: DeserializeOwned>(request: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| TestnetError::Http {
        request: request.into(),
        reason: format!("{e} in {}", String::from_utf8_lossy(&bytes[..bytes.len().min(300)])),
    })
}
