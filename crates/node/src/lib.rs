//! The supporter node every shell wraps: lifecycle, pause reasons, settings, coordinator client, live stats.

pub mod view;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use view::{Command, Snapshot, UiError};

/// Where and how a node runs; everything else is in its settings file or changes by [`Command`].
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Where identity, settings and totals are kept. Created (0700) if missing.
    pub data_dir: PathBuf,
}

/// A running node. Cheap to clone; the last clone's [`Node::shutdown`] ends it.
#[derive(Debug, Clone)]
pub struct Node {
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl Node {
    /// Reads state from disk. Listens on nothing and dials nobody; a node whose person had it supporting
    /// goes on by itself if its settings say so.
    pub async fn open(_options: NodeOptions) -> Result<Self, UiError> {
        Err(UiError { code: view::UiErrorCode::Internal, message: String::new(), detail: String::new() })
    }

    /// The latest snapshot and every later one.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Does what a person asked for. Returns when it is under way or refused.
    pub async fn command(&self, _command: Command) -> Result<(), UiError> {
        Ok(())
    }

    /// Stops supporting and writes what must last. Within two seconds.
    pub async fn shutdown(&self) {}
}
