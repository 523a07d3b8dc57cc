//! What a report says: the relay's counters since its session began. Pure.

use std::collections::HashMap;

use streamr_model::{BitsPerSecond, Heartbeat, NodeId, ProviderTally, StreamId};
use streamr_relay::RelayStats;

use crate::heartbeat::ReportHead;

/// What the relay had counted when the session began. A session that is begun anew in the midst of carrying
/// must not claim again what an earlier one has claimed.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    session: u64,
    bytes_origin: u64,
    received: HashMap<NodeId, ProviderTally>,
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
            received: self.received(stats),
        }
    }

    /// A carrying began together with its session: everything it counts is this session's.
    pub(crate) fn begin(&mut self, session: u64) {
        *self = Self { session, ..Self::default() };
    }

    fn draw(&mut self, session: u64, stats: &RelayStats) {
        let received = stats.received.iter().map(|tally| (tally.provider, *tally)).collect();
        *self = Self { session, bytes_origin: stats.bytes_origin, received };
    }

    fn received(&self, stats: &RelayStats) -> Vec<ProviderTally> {
        let mut received: Vec<ProviderTally> = stats.received.iter().map(|tally| self.since(tally)).collect();
        received.retain(|tally| tally.blocks > 0 || tally.bad > 0);
        received.sort_by_key(|tally| std::cmp::Reverse(tally.bytes));
        received.truncate(Heartbeat::MAX_PROVIDERS);
        received
    }

    fn since(&self, tally: &ProviderTally) -> ProviderTally {
        let Some(before) = self.received.get(&tally.provider) else { return *tally };
        ProviderTally {
            provider: tally.provider,
            bytes: tally.bytes.saturating_sub(before.bytes),
            blocks: tally.blocks.saturating_sub(before.blocks),
            on_time: tally.on_time.saturating_sub(before.on_time),
            bad: tally.bad.saturating_sub(before.bad),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamr_model::NodeActivity;

    fn tally(provider: u8, bytes: u64) -> ProviderTally {
        ProviderTally { provider: NodeId([provider; 32]), bytes, blocks: 2, on_time: 2, bad: 0 }
    }

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
        let mut stats = RelayStats {
            bytes_origin: 10,
            received: vec![tally(1, 5), tally(2, 50)],
            ..RelayStats::default()
        };
        let first = baseline.report(&head(1), body(), &stats);
        assert_eq!((first.bytes_origin, first.received.len(), first.received[0].bytes), (10, 2, 50));
        assert_eq!(first.addresses.len(), Heartbeat::MAX_ADDRESSES);
        let renewed = baseline.report(&head(2), body(), &stats);
        assert_eq!((renewed.bytes_origin, renewed.received.len()), (0, 0));
        stats.bytes_origin = 15;
        stats.received[0].bytes = 9;
        stats.received[0].blocks = 3;
        let later = baseline.report(&head(2), body(), &stats);
        assert_eq!((later.bytes_origin, later.received[0].bytes, later.received[0].blocks), (5, 4, 1));
    }
}
