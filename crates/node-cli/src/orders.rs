//! What the command line asks of the node: join, consent, choose, start. The headless operator's clicks.
//!
//! A coordinator that is away is asked again, because a machine's services start in any order. Anything else
//! that goes wrong is said once; the page is there to put it right.

use std::time::Duration;

use streamr_model::StreamId;
use streamr_node::Node;
use streamr_node::join::JoinTarget;
use streamr_node::view::{Command, NodeState, Setup, UiError, UiErrorCode};

use crate::args::Cli;

const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(30);

/// The orders of one command line.
#[derive(Debug)]
pub(crate) struct Orders {
    join: Option<(JoinTarget, String)>,
    consent: bool,
    stream: Option<StreamId>,
    start: bool,
}

impl Orders {
    /// What `cli` asks for.
    pub(crate) fn of(cli: &Cli) -> Self {
        Self {
            join: cli.join.clone().map(|target| (target.clone(), as_text(&target))),
            consent: cli.consent,
            stream: cli.settings.stream.clone(),
            start: cli.start,
        }
    }

    /// Carries the orders out, one after another; stops at the first that is refused.
    pub(crate) async fn carry_out(self, node: Node) {
        if let Err(error) = self.all(&node).await {
            tracing::error!(code = ?error.code, detail = error.detail, "{}", error.message);
        }
    }

    async fn all(&self, node: &Node) -> Result<(), UiError> {
        if let Some((target, text)) = self.join.as_ref().filter(|(target, _)| !is_joined(node, target)) {
            tracing::info!(coordinator = target.coordinator, "joining");
            insist(node, Command::Join { text: text.clone() }).await?;
        }
        if self.consent && needs_consent(node) {
            let upload_cap_bps = node.snapshots().borrow().settings.upload_cap_bps;
            tracing::info!(upload_cap_bps, "consenting, as the command line says");
            insist(node, Command::Consent { upload_cap_bps }).await?;
        }
        if let Some(stream) = &self.stream {
            node.command(Command::Choose { stream: stream.to_string() }).await?;
        }
        if self.start {
            start(node).await?;
        }
        Ok(())
    }
}

/// The link or address again, as a person would paste it.
fn as_text(target: &JoinTarget) -> String {
    match &target.invite {
        Some(code) => format!("streamrp2p://join/{code}?coordinator={}", target.coordinator),
        None => target.coordinator.clone(),
    }
}

fn is_joined(node: &Node, target: &JoinTarget) -> bool {
    match &node.snapshots().borrow().setup {
        Setup::NeedsCoordinator => false,
        Setup::NeedsConsent { terms } => {
            // An invite that is kept already names its stream.
            terms.coordinator == target.coordinator && (target.invite.is_none() || terms.stream.is_some())
        }
        Setup::Done { coordinator } => *coordinator == target.coordinator,
    }
}

fn needs_consent(node: &Node) -> bool {
    matches!(node.snapshots().borrow().setup, Setup::NeedsConsent { .. })
}

/// A pause outlives restarts, and `--start` in a service's file must not undo it each time.
async fn start(node: &Node) -> Result<(), UiError> {
    let state = node.snapshots().borrow().state.clone();
    match state {
        NodeState::Stopped | NodeState::Faulted { .. } => node.command(Command::Start).await,
        NodeState::Paused { .. } => {
            tracing::info!("paused since an earlier run; resume it on the page");
            Ok(())
        }
        NodeState::Starting | NodeState::Supporting { .. } | NodeState::Stopping => Ok(()),
    }
}

/// Asks again, less and less often, while the coordinator does not answer.
async fn insist(node: &Node, command: Command) -> Result<(), UiError> {
    let mut wait = RETRY_FIRST;
    loop {
        match node.command(command.clone()).await {
            Err(error) if may_pass(error.code) => {
                tracing::warn!(retry_in_s = wait.as_secs(), detail = error.detail, "{}", error.message);
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY_LAST);
            }
            done => return done,
        }
    }
}

fn may_pass(code: UiErrorCode) -> bool {
    matches!(code, UiErrorCode::CoordinatorUnreachable | UiErrorCode::CoordinatorConfused)
}
