//! The coordinator, on an embedded SQLite file.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::binaries::ours;
use crate::error::{Result, TestnetError, WithPath};
use crate::http::Client;
use crate::namespace::{Host, Namespace};
use crate::process::{Managed, Stdout};

const START_DEADLINE: Duration = Duration::from_secs(15);

/// A running coordinator.
#[derive(Debug)]
pub struct Coordinator {
    process: Managed,
    http: String,
    operator_token: PathBuf,
    namespace: Option<Namespace>,
}

/// What a stream is registered with.
#[derive(Debug, Clone)]
pub struct Registration<'a> {
    /// Its id.
    pub stream: &'a str,
    /// The origin's playlist.
    pub origin: &'a str,
    /// The public key that signs its manifests, in hex.
    pub key: Option<&'a str>,
}

#[derive(Deserialize)]
struct Registered {
    publish_secret: String,
}

#[derive(Deserialize)]
struct Invite {
    link: String,
}

impl Coordinator {
    /// Starts a coordinator that keeps its state in `directory`, which is created.
    pub fn start(directory: &Path) -> Result<Self> {
        Self::start_on(&Host::default(), directory)
    }

    /// Starts a coordinator on `host`.
    pub fn start_on(host: &Host, directory: &Path) -> Result<Self> {
        let mut this = Self::spawn(host, directory)?;
        this.wait_ready()?;
        Ok(this)
    }

    /// Starts the process without waiting for it; [`Self::wait_ready`] does.
    pub(crate) fn spawn(host: &Host, directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).at(directory)?;
        let operator_token = directory.join("operator-token");
        let mut coordinator = host.command(&ours("streamr-coordinator")?)?;
        coordinator.arg("--listen").arg(SocketAddr::new(host.ip, 0).to_string());
        coordinator.arg("--database").arg(directory.join("coordinator.sqlite"));
        coordinator.arg("--operator-token-file").arg(&operator_token);
        let log = directory.join("coordinator.log");
        let process = Managed::start("coordinator", coordinator, &log, Stdout::ReadyLine)?;
        Ok(Self { process, http: String::new(), operator_token, namespace: host.namespace.clone() })
    }

    pub(crate) fn wait_ready(&mut self) -> Result<()> {
        let ready = self.process.ready(START_DEADLINE)?;
        let http = ready["http"].as_str().ok_or_else(|| TestnetError::ReadyLine {
            name: "coordinator".into(),
            line: ready.to_string(),
            why: "it has no member “http”".into(),
        })?;
        self.http = http.trim_end_matches('/').into();
        Ok(())
    }

    /// `http://ADDRESS:PORT`.
    pub fn url(&self) -> &str {
        &self.http
    }

    /// The token that registers streams.
    pub fn operator_token(&self) -> Result<String> {
        let path = &self.operator_token;
        Ok(fs::read_to_string(path).at(path)?.trim().to_owned())
    }

    /// Registers a stream with a hundred hours of its pool and returns its publish secret.
    pub fn register(&self, registration: &Registration<'_>) -> Result<String> {
        let body = json!({
            "stream": registration.stream,
            "title": "Test picture",
            "streamer": "Alice",
            "origin": registration.origin,
            "key": registration.key,
            "pool_per_hour": 5_000_000,
            "currency": "EUR",
        });
        let client = self.client(self.operator_token()?);
        let registered: Registered = client.post(&format!("{}/v1/streams", self.http), &body)?;
        let deposit = json!({ "idempotency_key": "first", "amount": 500_000_000, "currency": "EUR" });
        let url = format!("{}/v1/streams/{}/deposits", self.http, registration.stream);
        client.post::<Value>(&url, &deposit)?;
        Ok(registered.publish_secret)
    }

    /// A fresh single-use invite link for `stream`.
    pub fn invite(&self, stream: &str, publish_secret: &str) -> Result<String> {
        let client = self.client(publish_secret.into());
        let url = format!("{}/v1/streams/{stream}/invites", self.http);
        let invite: Invite = client.post(&url, &json!({ "valid_s": 86_400 }))?;
        Ok(invite.link)
    }

    fn client(&self, token: String) -> Client {
        Client::new(Some(token)).inside(self.namespace.clone())
    }

    /// The process.
    pub fn process(&mut self) -> &mut Managed {
        &mut self.process
    }
}
