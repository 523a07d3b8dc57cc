//! What the tray shows of a snapshot. Pure; the words a person reads are here and tested here.

use streamr_node::view::{Command, NodeState, PauseReason, PausedBy, Setup, Snapshot};

/// Everything the tray shows, so that two snapshots which look the same there are equal here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrayView {
    /// Which icon.
    pub(crate) icon: TrayIconKind,
    /// The menu's first line, which cannot be clicked.
    pub(crate) line: String,
    /// The line and live numbers.
    pub(crate) tooltip: String,
    /// Pause or Resume.
    pub(crate) hold: Entry,
    /// Start or Stop Supporting.
    pub(crate) run: Entry,
}

/// One icon for each state a person must tell apart at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrayIconKind {
    /// Nothing goes on.
    Stopped,
    /// On the way to supporting or to a stop.
    Starting,
    /// The stream is passed on.
    Supporting,
    /// Held.
    Paused,
    /// Cannot go on without help.
    Faulted,
}

/// A line of the menu and what it does; greyed where it can do nothing now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What it says.
    pub(crate) text: &'static str,
    /// What it does.
    pub(crate) command: Option<Command>,
}

impl TrayView {
    /// What to show of `snapshot`.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let line = line(snapshot);
        Self {
            icon: icon(&snapshot.state),
            tooltip: tooltip(snapshot, &line),
            line,
            hold: hold(&snapshot.state),
            run: run(snapshot),
        }
    }
}

fn icon(state: &NodeState) -> TrayIconKind {
    match state {
        NodeState::Stopped => TrayIconKind::Stopped,
        NodeState::Starting | NodeState::Stopping => TrayIconKind::Starting,
        NodeState::Supporting { .. } => TrayIconKind::Supporting,
        NodeState::Paused { .. } => TrayIconKind::Paused,
        NodeState::Faulted { .. } => TrayIconKind::Faulted,
    }
}

fn line(snapshot: &Snapshot) -> String {
    let streamer = streamer(snapshot);
    match &snapshot.state {
        NodeState::Stopped if !matches!(snapshot.setup, Setup::Done { .. }) => "Not set up yet".to_owned(),
        NodeState::Stopped => "Not supporting".to_owned(),
        NodeState::Starting => "Starting…".to_owned(),
        NodeState::Supporting { .. } => format!("Supporting {streamer}"),
        NodeState::Paused { by: PausedBy::Person, .. } => "Paused by you".to_owned(),
        NodeState::Paused { reason: PauseReason::StreamOffline, .. } => {
            format!("Paused until {streamer} is live")
        }
        NodeState::Paused { reason: PauseReason::Asked, .. } => "Paused".to_owned(),
        NodeState::Stopping => "Stopping…".to_owned(),
        NodeState::Faulted { .. } => "Needs your help: open the window".to_owned(),
    }
}

/// The name of whom the person supports, as far as it is known.
fn streamer(snapshot: &Snapshot) -> &str {
    snapshot
        .streams
        .iter()
        .flatten()
        .find(|card| Some(&card.stream) == snapshot.chosen.as_ref())
        .map_or("the streamer", |card| &card.streamer)
}

fn tooltip(snapshot: &Snapshot, line: &str) -> String {
    match &snapshot.state {
        NodeState::Supporting { .. } => format!(
            "{line}\n{} · {} up · {} shared today",
            peers(snapshot.live.peers),
            scaled(snapshot.live.upload_bps, ["b/s", "kb/s", "Mb/s", "Gb/s", "Tb/s"]),
            scaled(snapshot.totals.shared_today, ["B", "kB", "MB", "GB", "TB"]),
        ),
        NodeState::Faulted { error } => error.message.clone(),
        _ => line.to_owned(),
    }
}

fn hold(state: &NodeState) -> Entry {
    match state {
        NodeState::Paused { by: PausedBy::Person, .. } => {
            Entry { text: "Resume", command: Some(Command::Resume) }
        }
        NodeState::Starting | NodeState::Supporting { .. } => {
            Entry { text: "Pause", command: Some(Command::Pause) }
        }
        // What the machine holds it resumes by itself.
        NodeState::Paused { .. } | NodeState::Stopped | NodeState::Stopping | NodeState::Faulted { .. } => {
            Entry { text: "Pause", command: None }
        }
    }
}

fn run(snapshot: &Snapshot) -> Entry {
    let ready = snapshot.chosen.is_some() && matches!(snapshot.setup, Setup::Done { .. });
    match &snapshot.state {
        NodeState::Stopped | NodeState::Faulted { .. } => {
            Entry { text: "Start Supporting", command: ready.then_some(Command::Start) }
        }
        NodeState::Starting | NodeState::Supporting { .. } | NodeState::Paused { .. } => {
            Entry { text: "Stop Supporting", command: Some(Command::Stop) }
        }
        NodeState::Stopping => Entry { text: "Stop Supporting", command: None },
    }
}

fn peers(count: u32) -> String {
    match count {
        1 => "1 peer".to_owned(),
        _ => format!("{count} peers"),
    }
}

/// A number in the largest of the units (each a thousand of the one before) that leaves it at least 1.
fn scaled(value: u64, units: [&str; 5]) -> String {
    let mut tenths = u128::from(value) * 10;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < units.len() {
        tenths /= 1_000;
        unit += 1;
    }
    match unit {
        0 => format!("{value} {}", units[0]),
        _ => format!("{}.{} {}", tenths / 10, tenths % 10, units[unit]),
    }
}

#[cfg(test)]
mod tests;
