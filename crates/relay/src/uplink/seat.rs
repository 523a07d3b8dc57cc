//! One stream's place at the uplink, held by its driver.

use std::sync::Arc;
use std::time::Duration;

use streamr_model::NodeId;
use streamr_relay_core::Instant;
use streamr_relay_core::shares::{Division, Seat};
use streamr_relay_core::uplink::Echo;
use tokio::sync::watch;

use super::gauge::{Gauge, LineId};
use super::{Part, Shared, State};
use crate::api::UploadView;
use crate::net::{Connection, Throttle};

/// See the module. Dropping it leaves the uplink to the others.
#[derive(Debug)]
pub(crate) struct UplinkSeat {
    shared: Arc<Shared>,
    seat: Seat,
    part: watch::Receiver<Part>,
    reported: Report,
    /// When the gauge has something to do, as far as we know; another seat may have done it by then.
    gauge_at: Option<Instant>,
}

/// What was last said of the stream's uploads.
#[derive(Debug, Clone, Copy)]
struct Report {
    at: Instant,
    sent: u64,
    /// The division took it for idle, and must hear at once that it is not.
    is_idle: bool,
}

impl UplinkSeat {
    pub(super) fn new(
        shared: Arc<Shared>,
        seat: Seat,
        mut part: watch::Receiver<Part>,
        now: Instant,
    ) -> Self {
        part.mark_changed();
        let reported = Report { at: now, sent: 0, is_idle: true };
        Self { shared, seat, part, reported, gauge_at: None }
    }

    /// What all blocks pass.
    pub(crate) fn throttle(&self) -> Arc<Throttle> {
        Arc::clone(&self.shared.throttle)
    }

    /// What the stream may send now.
    pub(crate) fn part(&self) -> Part {
        *self.part.borrow()
    }

    /// What the stream may send now, if that is news.
    pub(crate) fn take_news(&mut self) -> Option<Part> {
        // An error would be an uplink without this seat.
        self.part.has_changed().unwrap_or(false).then(|| *self.part.borrow_and_update())
    }

    /// Waits until another stream or the gauge has changed what this one may send.
    pub(crate) async fn changed(&mut self) {
        if self.part.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.part.mark_changed();
    }

    /// For people; `None` where nothing is measured.
    pub(crate) fn view(&self) -> Option<UploadView> {
        let Part { rate, promised } = self.part();
        self.shared.state().gauge.as_ref().map(|gauge| UploadView {
            measured: gauge.measured(),
            rate_now: rate,
            share: promised,
            gives_way: gauge.is_giving_way(),
        })
    }

    pub(crate) fn connected(&mut self, node: NodeId, connection: &Connection) {
        self.with_gauge(|gauge, _, line| gauge.connected(line(node), connection));
    }

    pub(crate) fn disconnected(&mut self, node: NodeId) {
        self.with_gauge(|gauge, _, line| gauge.disconnected(line(node)));
    }

    /// Something was written to `node`.
    pub(crate) fn wrote(&mut self, node: NodeId) {
        self.with_gauge(|gauge, now, line| gauge.wrote(now, line(node)));
    }

    pub(crate) fn echo(&mut self, node: NodeId, echo: Echo) {
        self.with_gauge(|gauge, now, line| gauge.echo(now, line(node), echo));
    }

    /// How long the driver may sleep.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.gauge_at.map(|at| at - self.shared.now())
    }

    /// Does what is due for all streams, and reports of this one: so many bytes were sent since it began, and
    /// so many wait.
    pub(crate) fn advance(&mut self, sent: u64, waiting: impl FnOnce() -> u64) {
        let now = self.shared.now();
        if self.gauge_at.is_some_and(|at| now >= at) {
            self.with_gauge(|gauge, now, _| gauge.advance(now));
        }
        let last = self.reported;
        if !last.is_idle && now - last.at < Division::REPORT_BUSY {
            return;
        }
        let waiting = waiting();
        let is_new = sent != last.sent || waiting > 0;
        let interval = if waiting > 0 { Division::REPORT_BUSY } else { Division::REPORT_IDLE };
        if (last.is_idle && is_new) || now - last.at >= interval {
            let shared = Arc::clone(&self.shared);
            let mut state = shared.state();
            state.division.handle_uploads(now, self.seat, sent, waiting);
            self.reported = Report { at: now, sent, is_idle: state.division.is_idle(self.seat) };
            state.divide(&shared.throttle);
        }
    }

    /// Whatever the gauge makes of it, the uplink is divided anew where its rate has changed.
    fn with_gauge(&mut self, act: impl FnOnce(&mut Gauge, Instant, &dyn Fn(NodeId) -> LineId)) {
        let now = self.shared.now();
        let mut state = self.shared.state();
        let State { gauge: Some(gauge), .. } = &mut *state else { return };
        let before = (gauge.rate(), gauge.share(), gauge.is_in_use());
        act(gauge, now, &|node| LineId { seat: self.seat, node });
        self.gauge_at = gauge.poll_timeout(now);
        if before != (gauge.rate(), gauge.share(), gauge.is_in_use()) {
            state.divide(&self.shared.throttle);
        }
    }
}

impl Drop for UplinkSeat {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.division.leave(self.seat);
        state.told.remove(&self.seat);
        if let Some(gauge) = &mut state.gauge {
            gauge.left(self.seat);
        }
        state.divide(&self.shared.throttle);
    }
}
