//! The node of this app, or the reason why there is none.

use std::sync::Arc;

use streamr_node::settings::Overrides;
use streamr_node::view::{
    Account, Command, CoordinatorHealth, Earnings, Export, LiveStats, NodeState, Profile, SettingsView,
    Setup, Snapshot, Totals, UiError,
};
use streamr_node::{ExportedFile, Node, NodeOptions};
use tokio::sync::watch;

/// A node to show and command. One that could not be opened still has a snapshot, which says why.
#[derive(Debug, Clone)]
pub(crate) struct Supporter {
    node: Result<Node, UiError>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl Supporter {
    /// Opens the node; never fails, so that there is a window to show the failure in.
    pub(crate) async fn open(options: NodeOptions, overrides: Overrides) -> Self {
        match Node::open_with(options, overrides).await {
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

    /// Fetches what a person wants to save.
    pub(crate) async fn export(&self, what: Export) -> Result<ExportedFile, UiError> {
        self.node.as_ref().map_err(Clone::clone)?.export(what).await
    }

    /// Stops the node and waits for it: two seconds at most.
    pub(crate) async fn shutdown(&self) {
        if let Ok(node) = &self.node {
            node.shutdown().await;
        }
    }
}

/// What is shown of a node that could not be opened.
fn faulted(error: UiError) -> Snapshot {
    Snapshot {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: String::new(),
        state: NodeState::Faulted { error },
        setup: Setup::NeedsCoordinator,
        streams: None,
        chosen: None,
        live: LiveStats::default(),
        totals: Totals::default(),
        earnings: Earnings::NotYet,
        account: Account::NotYet,
        profile: Profile::NotYet,
        coordinator: CoordinatorHealth::Unknown,
        notices: Vec::new(),
        settings: SettingsView { upload_cap_bps: 0, resume_on_start: false, costs: None },
        playback_url: None,
    }
}
