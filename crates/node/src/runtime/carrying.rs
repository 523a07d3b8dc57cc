//! The carrying under way, as the driver sees it, and what it counts.

use std::time::{Duration, Instant};

use bytes::Bytes;
use streamr_coordinator_api::Membership;
use streamr_model::{BitsPerSecond, NodeId, StreamId, UnixMs};
use streamr_relay::RelayStats;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::carry::{Begun, Members};
use crate::membership::{MembershipPolls, Seen};
use crate::state::KeptTotals;
use crate::stats::{LiveCounter, TotalsCounter};
use crate::view::{LiveStats, NodeState, Totals};

const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(30);
/// A signer that says nothing for this long is told of.
const SIGNER_PATIENCE: Duration = Duration::from_secs(20);

/// A relay that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) stream: StreamId,
    pub(super) addresses: Vec<String>,
    pub(super) polls: MembershipPolls,
    membership: Membership,
    playback: std::net::SocketAddr,
    members: watch::Sender<Members>,
    cap: watch::Sender<BitsPerSecond>,
    receipts: mpsc::Sender<(NodeId, Bytes)>,
    began_at: UnixMs,
}

/// The slot for one carrying. Attempts are counted, so that what an older one says is known for old.
#[derive(Debug)]
pub(super) struct Carrying {
    attempt: u64,
    failures: u32,
    retry_at: Option<Instant>,
    task: Option<DropGuard>,
    running: Option<Running>,
    live: Option<LiveCounter>,
    totals: TotalsCounter,
}

impl Carrying {
    pub(super) fn new(kept: KeptTotals) -> Self {
        Self {
            attempt: 0,
            failures: 0,
            retry_at: None,
            task: None,
            running: None,
            live: None,
            totals: TotalsCounter::new(kept),
        }
    }

    /// Whether what `attempt` says is about the present.
    pub(super) fn is_present(&self, attempt: u64) -> bool {
        self.attempt == attempt
    }

    pub(super) fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    /// How many carry what is carried now, by the newest view; 0 while nothing is carried.
    pub(super) fn supporters(&self) -> u32 {
        self.running.as_ref().map_or(0, |running| running.membership.supporters)
    }

    pub(super) fn polls(&mut self) -> Option<&mut MembershipPolls> {
        self.running.as_mut().map(|running| &mut running.polls)
    }

    /// The counters of the present carrying, or of the last one.
    pub(super) fn counters(&self) -> RelayStats {
        self.live.as_ref().map(|live| live.latest().clone()).unwrap_or_default()
    }

    pub(super) fn kept_totals(&self) -> KeptTotals {
        self.totals.kept()
    }

    pub(super) fn totals_view(&self, wall: UnixMs) -> Totals {
        self.totals.view(wall)
    }

    /// Zeroes while nothing is carried.
    pub(super) fn live_view(&self) -> LiveStats {
        match (&self.running, &self.live) {
            (Some(_), Some(live)) => live.view(),
            _ => LiveStats::default(),
        }
    }

    pub(super) fn playback_url(&self, state: &NodeState) -> Option<String> {
        let running = self.running.as_ref().filter(|_| matches!(state, NodeState::Supporting { .. }))?;
        Some(format!("http://{}/live/{}/index.m3u8", running.playback, running.stream))
    }

    /// Whether the signer has been silent for too long.
    pub(super) fn signer_is_silent(&self, wall: UnixMs) -> bool {
        let (Some(running), Some(live)) = (&self.running, &self.live) else { return false };
        let heard = live.latest().last_manifest_at.unwrap_or(running.began_at).max(running.began_at);
        wall - heard > SIGNER_PATIENCE
    }

    /// When to try again to begin.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// A new attempt: its number, and what ends it. Dropping this value ends it too.
    pub(super) fn attempt(&mut self) -> (u64, CancellationToken) {
        let stop = CancellationToken::new();
        self.attempt += 1;
        self.retry_at = None;
        self.task = Some(stop.clone().drop_guard());
        (self.attempt, stop)
    }

    /// The relay of `me` runs. Gives what the driver listens to.
    pub(super) fn handle_begun(&mut self, me: NodeId, begun: Begun, now: Instant, wall: UnixMs) -> Ears {
        self.failures = 0;
        self.live = Some(LiveCounter::begin(now));
        self.totals.begin(wall);
        self.running = Some(Running {
            stream: begun.membership.stream.clone(),
            addresses: begun.addresses,
            polls: MembershipPolls::begin(Seen::of(&begun.membership, me), now),
            membership: begun.membership,
            playback: begun.playback,
            members: begun.members,
            cap: begun.cap,
            receipts: begun.receipts,
            began_at: wall,
        });
        Ears { counters: begun.stats, events: begun.events }
    }

    /// It could not begin now. Tries again later, and later still the next time.
    pub(super) fn handle_delay(&mut self, now: Instant) {
        let wait = RETRY_FIRST.saturating_mul(1 << self.failures.min(5)).min(RETRY_LAST);
        self.failures += 1;
        self.task = None;
        self.retry_at = Some(now + wait);
    }

    /// The attempt is over.
    pub(super) fn handle_done(&mut self) {
        self.task = None;
        self.running = None;
        self.totals.end();
    }

    pub(super) fn handle_counters(&mut self, stats: RelayStats, now: Instant, wall: UnixMs) {
        if let (Some(running), Some(live)) = (&mut self.running, &mut self.live) {
            running.polls.handle_peers(stats.peers);
            self.totals.sample(stats.bytes_served, wall);
            live.sample(stats, now, wall);
        }
    }

    /// Asks the attempt to end. False if none is under way, so that nothing will say that it ended.
    pub(super) fn end(&mut self) -> bool {
        self.retry_at = None;
        self.failures = 0;
        self.running = None;
        self.totals.end();
        // Dropping the guard ends the task.
        self.task.take().is_some()
    }

    /// Try at once if a retry is waited for.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.retry_at = self.retry_at.map(|at| at.min(now));
    }

    pub(super) fn set_cap(&self, cap: BitsPerSecond) {
        if let Some(running) = &self.running {
            running.cap.send_replace(cap);
        }
    }

    /// Sends a receipt to the provider it is about. A relay that is too busy loses it; the next one makes it good.
    pub(super) fn send_receipt(&self, provider: NodeId, receipt: Bytes) {
        if let Some(running) = &self.running {
            let _ = running.receipts.try_send((provider, receipt));
        }
    }

    /// Passes a newer view on to the relay. True if the stream itself is another now (key or origin), so that
    /// it must be carried anew.
    pub(super) fn set_membership(&mut self, membership: Membership) -> bool {
        let Some(running) = &mut self.running else { return false };
        let anew = membership.key != running.membership.key || membership.origin != running.membership.origin;
        running.members.send_if_modified(|members| {
            let newer = Members::from(&membership);
            let changed = *members != newer;
            *members = newer;
            changed
        });
        running.membership = membership;
        anew
    }
}

/// What the driver hears of a relay.
#[derive(Debug)]
pub(super) struct Ears {
    pub(super) counters: watch::Receiver<RelayStats>,
    pub(super) events: tokio::sync::mpsc::Receiver<streamr_relay::RelayEvent>,
}
