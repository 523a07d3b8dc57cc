//! The driver at its seat by the uplink: tells what this stream sends, paces to what it is told. A seed has no
//! seat: the uplink beside an origin is the operator's affair.

use super::Driver;
use crate::uplink::UplinkSeat;

impl Driver {
    /// Measures, reports, and paces to what was found, where that has changed.
    pub(super) fn gauge(&mut self) {
        let now = self.now();
        let Some(seat) = &mut self.uplink else { return };
        seat.advance(self.swarm.counters().bytes_sent, || self.swarm.bytes_waiting());
        if let Some(part) = seat.take_news() {
            self.swarm.set_upload_rate(now, part.rate);
            self.swarm.set_upload_share(part.promised);
        }
    }
}

/// Waits for news of the uplink.
pub(super) async fn changed(seat: &mut Option<UplinkSeat>) {
    match seat {
        Some(seat) => seat.changed().await,
        None => std::future::pending().await,
    }
}
