//! The node of this app, or the reason why there is none.

use std::sync::Arc;
use std::time::Duration;

use streamr_node::view::{
    Command, CoordinatorHealth, Earnings, LiveStats, NodeState, SettingsView, Setup, Snapshot, Totals,
    UiError,
};
use streamr_node::{Node, NodeOptions};
use tokio::sync::watch;

/// How long a node may take to stop before the app ends without waiting for it.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// A node to show and command. One that could not be opened still has a snapshot, which says why.
#[derive(Debug, Clone)]
pub(crate) struct Supporter {
    node: Result<Node, UiError>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl Supporter {
    /// Opens the node; never fails, so that there is a window to show the failure in.
    pub(crate) async fn open(options: NodeOptions) -> Self {
        match Node::open(options).await {
            Ok(node) => Self { snapshots: node.snapshots(), node: Ok(node) },
            Err(error) => {
                tracing::error!(error.code = ?error.code, error.detail, "{}", error.message);
                Self { snapshots: watch::channel(Arc::new(faulted(error.clone()))).1, node: Err(error) }
            }
        }
    }

    /// The latest snapshot and every later one.
    pub(crate) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// The latest snapshot.
    pub(crate) fn latest(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// Does what a person asked for.
    pub(crate) async fn command(&self, command: Command) -> Result<(), UiError> {
        self.node.as_ref().map_err(Clone::clone)?.command(command).await
    }

    /// Stops the node and waits for it, but not for long.
    pub(crate) async fn shutdown(&self) {
        let Ok(node) = &self.node else { return };
        if tokio::time::timeout(SHUTDOWN_LIMIT, node.shutdown()).await.is_err() {
            tracing::warn!(limit_ms = SHUTDOWN_LIMIT.as_millis(), "the node did not stop in time");
        }
    }
}

/// What is shown of a node that could not be opened.
fn faulted(error: UiError) -> Snapshot {
    Snapshot {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: NodeState::Faulted { error },
        setup: Setup::NeedsCoordinator,
        streams: None,
        chosen: None,
        live: LiveStats::default(),
        totals: Totals::default(),
        earnings: Earnings::NotYet,
        coordinator: CoordinatorHealth::Unknown,
        notices: Vec::new(),
        settings: SettingsView { upload_cap_bps: 0, resume_on_start: false },
        playback_url: None,
    }
}
