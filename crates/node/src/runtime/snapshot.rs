//! What shells see: a whole [`Snapshot`] at most four times a second, and at once when the state changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streamr_model::UnixMs;
use tokio::sync::watch;

use super::Runtime;
use crate::carrier::Carrier;
use crate::link::Link;
use crate::settings::Costs;
use crate::view::{
    Account, ConsentTerms, Earnings, LiveStats, NodeState, Profile, SettingsView, Setup, Snapshot, Totals,
};

const SHORTEST: Duration = Duration::from_millis(250);

/// Holds back what comes too fast.
#[derive(Debug)]
pub(super) struct Publisher {
    snapshots: watch::Sender<Arc<Snapshot>>,
    last: Instant,
    due: Option<Instant>,
}

impl Publisher {
    pub(super) fn new(now: Instant) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let (snapshots, receiver) = watch::channel(Arc::new(empty()));
        (Self { snapshots, last: now, due: Some(now) }, receiver)
    }

    /// Something may have changed: show it when a quarter of a second has passed since the last time.
    pub(super) fn soon(&mut self) {
        self.due = self.due.or(Some(self.last + SHORTEST));
    }

    /// Something changed that a person waits for.
    pub(super) fn urgent(&mut self) {
        self.due = Some(self.last);
    }

    /// When there is something to show.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    fn is_shown(&self, state: &NodeState) -> bool {
        self.snapshots.borrow().state == *state
    }

    fn show(&mut self, snapshot: Snapshot, now: Instant) {
        self.last = now;
        self.due = None;
        self.snapshots.send_if_modified(|shown| {
            let changed = **shown != snapshot;
            if changed {
                *shown = Arc::new(snapshot);
            }
            changed
        });
    }
}

impl<C: Carrier> Runtime<C> {
    /// Shows what is, if it is time to or the state has changed.
    pub(super) fn publish(&mut self, now: Instant, wall: UnixMs) {
        if !self.publisher.is_shown(&self.lifecycle.state()) {
            self.publisher.urgent();
        }
        if self.publisher.due().is_some_and(|due| due <= now) {
            let snapshot = self.snapshot(wall);
            self.publisher.show(snapshot, now);
        }
    }

    fn snapshot(&self, wall: UnixMs) -> Snapshot {
        let settings = self.keeper.settings();
        let state = self.lifecycle.state();
        let totals = self.carrying.totals_view(wall);
        Snapshot {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: self.key.node_id().to_string(),
            setup: self.setup(),
            streams: self.link.cards(settings),
            chosen: settings.stream.as_ref().map(ToString::to_string),
            live: self.carrying.live_view(),
            totals: totals.clone(),
            earnings: self.link.earnings(settings.stream.as_ref()),
            account: self.link.account(settings.costs.as_ref(), &totals),
            profile: self.link.profile(),
            coordinator: self.link.health(),
            notices: self.notices.view(),
            settings: SettingsView {
                upload_cap_bps: settings.upload_cap_bps,
                resume_on_start: settings.resume_on_start,
                costs: settings.costs.as_ref().map(Costs::view),
            },
            playback_url: self.carrying.playback_url(&state),
            state,
        }
    }

    fn setup(&self) -> Setup {
        let settings = self.keeper.settings();
        let Some(coordinator) = settings.coordinator.clone() else { return Setup::NeedsCoordinator };
        if self.has_consent() {
            return Setup::Done { coordinator };
        }
        let invite = self.keeper.state.invite.as_ref();
        Setup::NeedsConsent {
            terms: ConsentTerms {
                coordinator,
                streamer: invite.map(|invite| invite.streamer.clone()),
                stream: invite.map(|invite| invite.stream.clone()),
                upload_cap_bps: settings.upload_cap_bps,
            },
        }
    }
}

/// Replaced before anybody can see it.
fn empty() -> Snapshot {
    Snapshot {
        version: String::new(),
        node: String::new(),
        state: NodeState::Stopped,
        setup: Setup::NeedsCoordinator,
        streams: None,
        chosen: None,
        live: LiveStats::default(),
        totals: Totals::default(),
        earnings: Earnings::NotYet,
        account: Account::NotYet,
        profile: Profile::NotYet,
        coordinator: Link::new().health(),
        notices: Vec::new(),
        settings: SettingsView { upload_cap_bps: 0, resume_on_start: false, costs: None },
        playback_url: None,
    }
}
