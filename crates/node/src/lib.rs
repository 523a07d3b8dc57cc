//! The supporter node every shell wraps: lifecycle, pause reasons, settings, coordinator client, live stats.
//!
//! A shell opens a [`Node`], shows its [`Snapshot`]s and sends it [`Command`]s; there is nothing else to know.
//! Inside, pure parts decide (`lifecycle`, `heartbeat`, `membership`, `stats`, `link`, `forecast`, `join`, `settings`),
//! one driver task performs (`runtime`), and `keeper` is all that touches the disk.

mod carrier;
mod carry;
mod coordinator_client;
mod data_dir;
mod export;
mod forecast;
mod heartbeat;
mod identity;
mod instance;
mod jitter;
pub mod join;
mod keeper;
mod lifecycle;
mod link;
mod membership;
mod notices;
mod receipts;
mod report;
mod runtime;
pub mod settings;
mod state;
mod stats;
mod ui_error;
pub mod view;
mod wake;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use streamr_model::NodeId;
use tokio::sync::{mpsc, oneshot, watch};

use carrier::{Carrier, RelayCarrier};
use coordinator_client::CoordinatorClient;
use data_dir::DataDir;
pub use export::ExportedFile;
use keeper::Keeper;
use runtime::{Parts, Request, Runtime};
use settings::Overrides;
use view::{Command, Export, Snapshot, UiError};

/// Commands that may wait for the driver; whoever sends more waits too.
const REQUESTS: usize = 16;
/// A shutdown takes no longer than this.
const SHUTDOWN_LIMIT: Duration = Duration::from_millis(1800);

/// Where and how a node runs; everything else is in its settings file or changes by [`Command`].
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Where identity, settings and totals are kept. Created (0700) if missing.
    pub data_dir: PathBuf,
}

impl NodeOptions {
    /// Where the operating system wants such data; `None` where there is no home directory.
    pub fn default_data_dir() -> Option<PathBuf> {
        directories::ProjectDirs::from("", "", "streamrp2p").map(|dirs| dirs.data_dir().to_owned())
    }
}

/// A running node. Cheap to clone; the last clone's [`Node::shutdown`] ends it.
#[derive(Debug, Clone)]
pub struct Node {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    requests: mpsc::Sender<Request>,
    id: NodeId,
}

impl Node {
    /// Reads state from disk. Listens on nothing and dials nobody; a node whose person had it supporting
    /// goes on by itself if its settings say so.
    pub async fn open(options: NodeOptions) -> Result<Self, UiError> {
        Self::open_with(options, Overrides::default()).await
    }

    /// Like [`Node::open`], with settings given for this run by flag or environment.
    pub async fn open_with(options: NodeOptions, overrides: Overrides) -> Result<Self, UiError> {
        Self::open_over(RelayCarrier, options, overrides).await
    }

    async fn open_over<C: Carrier>(
        carrier: C,
        options: NodeOptions,
        overrides: Overrides,
    ) -> Result<Self, UiError> {
        // QUIC and WebRTC each bring a provider; without a choice the first TLS connection would panic.
        // An error means that the shell has chosen already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let opened = tokio::task::spawn_blocking(move || open_files(options.data_dir, overrides));
        let (keeper, identity, notices) = opened.await.map_err(|e| UiError::internal(e.to_string()))??;
        let http = CoordinatorClient::http().map_err(|e| UiError::internal(e.to_string()))?;
        let (requests, receiver) = mpsc::channel(REQUESTS);
        let id = identity.node_id();
        let (runtime, snapshots) =
            Runtime::new(Parts { carrier, key: identity, http, keeper, notices }, receiver);
        tokio::spawn(runtime.run());
        Ok(Self { snapshots, requests, id })
    }

    /// Who this node is: its public key.
    pub fn id(&self) -> String {
        self.id.to_string()
    }

    /// The latest snapshot and every later one.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Does what a person asked for. Returns when it is under way or refused.
    pub async fn command(&self, command: Command) -> Result<(), UiError> {
        let (reply, answer) = oneshot::channel();
        let ended = || UiError::not_now("This was not done, because something else came first; try again.");
        self.requests.send(Request::Command(command, reply)).await.map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Fetches what a person wants to save. The shell writes the file, or hands it to a browser.
    pub async fn export(&self, what: Export) -> Result<ExportedFile, UiError> {
        let (reply, answer) = oneshot::channel();
        let busy = || UiError::not_now("A file is being made already, or the app is ending; try again.");
        self.requests.send(Request::Export(what, reply)).await.map_err(|_| busy())?;
        answer.await.unwrap_or_else(|_| Err(busy()))
    }

    /// Stops supporting and writes what must last. Within two seconds.
    pub async fn shutdown(&self) {
        let ended = async {
            // An error means that it has ended already.
            let _ = self.requests.send(Request::Shutdown).await;
            self.requests.closed().await;
        };
        if tokio::time::timeout(SHUTDOWN_LIMIT, ended).await.is_err() {
            tracing::warn!(limit_ms = SHUTDOWN_LIMIT.as_millis(), "the node did not end in time");
        }
    }
}

type Opened = (Keeper, streamr_model::SecretKey, Vec<UiError>);

/// Everything on disk. Blocks.
fn open_files(data_dir: PathBuf, overrides: Overrides) -> Result<Opened, UiError> {
    let (dir, created) = DataDir::create(data_dir);
    let uncreated = created.err().map(|e| UiError::data_directory("Creating", dir.path(), &e));
    let (keeper, mut notices) = Keeper::open(dir.clone(), overrides)?;
    let identity = identity::load_or_create(&dir)?;
    notices.extend(identity.notice);
    notices.extend(uncreated);
    Ok((keeper, identity.key, notices))
}
