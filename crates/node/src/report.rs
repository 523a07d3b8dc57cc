//! What a report says: the relay's counters since its session began. Pure.

use streamr_model::{BitsPerSecond, Heartbeat, NodeId, StreamId};
use streamr_relay::RelayStats;

use crate::heartbeat::ReportHead;

/// What the relay had counted when the session began. A session that is begun anew in the midst of carrying
/// must not claim again what an earlier one has claimed.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    session: u64,
    bytes_origin: u64,
}

/// What a report takes from elsewhere than the counters.
#[derive(Debug)]
pub(crate) struct ReportBody {
    pub(crate) node: NodeId,
    pub(crate) stream: StreamId,
    pub(crate) uplink: BitsPerSecond,
    pub(crate) addresses: Vec<String>,
}

impl Baseline {
    /// The report `head` about `stats`. A new session's first report draws the line from which it counts,
    /// unless its carrying began with it.
    pub(crate) fn report(&mut self, head: &ReportHead, body: ReportBody, stats: &RelayStats) -> Heartbeat {
        if head.session != self.session {
            self.draw(head.session, stats);
        }
        let mut addresses = body.addresses;
        addresses.truncate(Heartbeat::MAX_ADDRESSES);
        Heartbeat {
            node: body.node,
            stream: body.stream,
            session: head.session,
            number: head.number,
            nonce: head.nonce.clone(),
            activity: head.activity,
            uplink_bps: body.uplink,
            addresses,
            peers: stats.peers,
            bytes_origin: stats.bytes_origin.saturating_sub(self.bytes_origin),
        }
    }

    /// A carrying began together with its session: everything it counts is this session's.
    pub(crate) fn begin(&mut self, session: u64) {
        *self = Self { session, ..Self::default() };
    }

    fn draw(&mut self, session: u64, stats: &RelayStats) {
        *self = Self { session, bytes_origin: stats.bytes_origin };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamr_model::NodeActivity;

    fn body() -> ReportBody {
        ReportBody {
            node: NodeId([9; 32]),
            stream: "alice".parse().unwrap(),
            uplink: BitsPerSecond(1),
            addresses: vec!["/ip4/127.0.0.1/tcp/1".into(); 20],
        }
    }

    fn head(session: u64) -> ReportHead {
        ReportHead { session, number: 1, nonce: String::new(), activity: NodeActivity::Supporting }
    }

    #[test]
    fn a_session_begun_anew_claims_nothing_twice() {
        let mut baseline = Baseline::default();
        baseline.begin(1);
        let mut stats = RelayStats { bytes_origin: 10, ..RelayStats::default() };
        let first = baseline.report(&head(1), body(), &stats);
        assert_eq!((first.bytes_origin, first.addresses.len()), (10, Heartbeat::MAX_ADDRESSES));
        assert_eq!(baseline.report(&head(2), body(), &stats).bytes_origin, 0);
        stats.bytes_origin = 15;
        assert_eq!(baseline.report(&head(2), body(), &stats).bytes_origin, 5);
    }
}
