//! What is known of and from the coordinator: health, streams, earnings, the account, people. Pure.

mod profile;

use std::time::Duration;

use streamr_coordinator_api::{CurrencyEarnings, EpochEarnings, EpochState, Impact, LiveStream, NodeSummary};
use streamr_model::{StreamId, UnixMs};

use crate::coordinator_client::ClientError;
use crate::forecast::forecast;
use crate::settings::{Costs, Settings};
use crate::view::{Account, Balance, CoordinatorHealth, Earnings, PaidHour, Profile, StreamCard, Totals};

/// Hours that are shown.
const MAX_HOURS: usize = 50;

/// The node's picture of one coordinator.
#[derive(Debug)]
pub(crate) struct Link {
    health: CoordinatorHealth,
    streams: Option<Vec<LiveStream>>,
    impact: Option<Impact>,
    /// By this machine's clock.
    impact_at: Option<UnixMs>,
    account: Option<streamr_coordinator_api::Earnings>,
    /// By this machine's clock.
    account_at: Option<UnixMs>,
    summary: Option<NodeSummary>,
    /// By this machine's clock.
    summary_at: Option<UnixMs>,
}

impl Link {
    /// Nothing is known.
    pub(crate) fn new() -> Self {
        Self {
            health: CoordinatorHealth::Unknown,
            streams: None,
            impact: None,
            impact_at: None,
            account: None,
            account_at: None,
            summary: None,
            summary_at: None,
        }
    }

    /// As shown.
    pub(crate) fn health(&self) -> CoordinatorHealth {
        self.health.clone()
    }

    /// The chooser's list; `None` until it came once.
    pub(crate) fn cards(&self, settings: &Settings) -> Option<Vec<StreamCard>> {
        let card = |stream: &LiveStream| StreamCard {
            stream: stream.stream.to_string(),
            title: stream.title.clone(),
            streamer: stream.streamer.clone(),
            live_since_ms: stream.live_since.map(|since| since.0),
            supporters: stream.supporters,
            bitrate_bps: stream.bitrate_bps.0,
            favourite: settings.favourites.contains(&stream.stream),
        };
        self.streams.as_ref().map(|streams| streams.iter().map(card).collect())
    }

    /// Whether the coordinator's list has the stream; `None` while there is no list.
    pub(crate) fn knows(&self, stream: &StreamId) -> Option<bool> {
        self.streams.as_ref().map(|streams| streams.iter().any(|s| s.stream == *stream))
    }

    /// Whether the stream was live when the list last came.
    pub(crate) fn is_live(&self, stream: &StreamId) -> Option<bool> {
        let streams = self.streams.as_ref()?;
        Some(streams.iter().any(|s| s.stream == *stream && s.live_since.is_some()))
    }

    /// What the chosen stream may pay. Never 0 for "not known".
    pub(crate) fn earnings(&self, chosen: Option<&StreamId>) -> Earnings {
        if let Some(since_ms) = self.unknown_since(self.impact_at) {
            return Earnings::UnknownSince { since_ms };
        }
        let Some(impact) = &self.impact else { return Earnings::NotYet };
        // Whoever has not carried the stream in this hour is not told whether it has a pool.
        let hour = impact.provisional.iter().find(|p| chosen == Some(&p.stream));
        let Some(hour) = hour else { return Earnings::NotYet };
        Earnings::Provisional {
            as_of_ms: impact.as_of.0,
            amount: hour.amount.map(|amount| amount.0),
            currency: hour.currency.clone(),
            uptime_ppm: hour.parts.uptime_ppm,
            quality_ppm: hour.parts.quality_ppm,
            bandwidth_ppm: hour.parts.bandwidth_ppm,
            credited_bytes: impact.bytes_served_ever,
        }
    }

    /// What closed hours have paid, and what supporting for `totals` has cost at the person's own prices. Never 0 for
    /// "not known".
    pub(crate) fn account(&self, costs: Option<&Costs>, totals: &Totals) -> Account {
        if let Some(since_ms) = self.unknown_since(self.account_at) {
            return Account::UnknownSince { since_ms };
        }
        let Some(account) = &self.account else { return Account::NotYet };
        Account::Known {
            as_of_ms: account.as_of.0,
            balances: account.currencies.iter().map(|of| balance(of, account, costs, totals)).collect(),
            hours: account.epochs.iter().take(MAX_HOURS).map(paid_hour).collect(),
        }
    }

    /// How the node stands to people. Never empty for "not known".
    pub(crate) fn profile(&self) -> Profile {
        if let Some(since_ms) = self.unknown_since(self.summary_at) {
            return Profile::UnknownSince { since_ms };
        }
        self.summary.as_ref().map_or(Profile::NotYet, profile::of)
    }

    /// While the coordinator is away: since when what it told at `told_at` may no longer be so.
    fn unknown_since(&self, told_at: Option<UnixMs>) -> Option<u64> {
        let CoordinatorHealth::Unreachable { since_ms, .. } = self.health else { return None };
        Some(told_at.map_or(since_ms, |at| at.0.min(since_ms)))
    }

    /// It answered. True if it did not before.
    pub(crate) fn handle_answer(&mut self, heartbeat: Option<Duration>) -> bool {
        let was_away = matches!(self.health, CoordinatorHealth::Unreachable { .. });
        let known = match self.health {
            CoordinatorHealth::Reachable { heartbeat_ms } => heartbeat_ms,
            CoordinatorHealth::Unknown | CoordinatorHealth::Unreachable { .. } => None,
        };
        let heartbeat_ms =
            heartbeat.map(|took| u32::try_from(took.as_millis()).unwrap_or(u32::MAX)).or(known);
        self.health = CoordinatorHealth::Reachable { heartbeat_ms };
        was_away
    }

    /// It did not answer, or not as a coordinator does. True if it did before.
    pub(crate) fn handle_failure(&mut self, error: &ClientError, address: &str, now: UnixMs) -> bool {
        if error.came_from_a_healthy_coordinator() {
            self.handle_answer(None);
            return false;
        }
        let (since_ms, answered) = match self.health {
            CoordinatorHealth::Unreachable { since_ms, .. } => (since_ms, false),
            CoordinatorHealth::Unknown | CoordinatorHealth::Reachable { .. } => (now.0, true),
        };
        self.health = CoordinatorHealth::Unreachable { since_ms, error: error.to_ui(address) };
        answered
    }

    /// The chooser's list came.
    pub(crate) fn handle_streams(&mut self, streams: Vec<LiveStream>) {
        self.streams = Some(streams);
    }

    /// What others signed for came.
    pub(crate) fn handle_impact(&mut self, impact: Impact, now: UnixMs) {
        self.impact = Some(impact);
        self.impact_at = Some(now);
    }

    /// What closed hours have paid came.
    pub(crate) fn handle_account(&mut self, account: streamr_coordinator_api::Earnings, now: UnixMs) {
        self.account = Some(account);
        self.account_at = Some(now);
    }

    /// How the node stands to people came.
    pub(crate) fn handle_summary(&mut self, summary: NodeSummary, now: UnixMs) {
        self.summary = Some(summary);
        self.summary_at = Some(now);
    }
}

fn balance(
    of: &CurrencyEarnings,
    account: &streamr_coordinator_api::Earnings,
    costs: Option<&Costs>,
    totals: &Totals,
) -> Balance {
    let costs = costs.filter(|costs| costs.currency == of.currency);
    Balance {
        currency: of.currency.clone(),
        settled: of.settled.0,
        pending: of.pending.0,
        paid: of.paid.0,
        payout_threshold: of.payout_threshold.0,
        next_payout_ms: of.next_payout.map(|at| at.0),
        forecast: forecast(&account.epochs, &of.currency, account.as_of),
        spent: costs.map(|costs| costs.spent(totals.supporting_s, totals.shared_ever)),
    }
}

fn paid_hour(of: &EpochEarnings) -> PaidHour {
    PaidHour {
        stream: of.stream.to_string(),
        began_at_ms: of.began_at.0,
        currency: of.currency.clone(),
        amount: of.amount.0,
        uptime: of.parts.uptime.0,
        quality: of.parts.quality.0,
        bandwidth: of.parts.bandwidth.0,
        corrected: of.state == EpochState::Corrected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Spent;
    use streamr_coordinator_api::{ErrorCode, Problem};
    use streamr_coordinator_api::{Provisional, ScoreParts};
    use streamr_model::{MicroUnits, NodeId};

    fn silence() -> ClientError {
        ClientError::Unreachable("connection refused".into())
    }

    fn impact() -> Impact {
        Impact {
            node: NodeId([1; 32]),
            as_of: UnixMs(50),
            bytes_served_today: 1,
            bytes_served_ever: 9,
            peers_helped_ever: 1,
            supporting_s: 1,
            provisional: vec![Provisional {
                stream: alice(),
                amount: None,
                currency: None,
                parts: ScoreParts { uptime_ppm: 1, quality_ppm: 2, bandwidth_ppm: 3 },
            }],
        }
    }

    fn alice() -> StreamId {
        "alice".parse().unwrap()
    }

    #[test]
    fn earnings_are_unknown_since_the_last_answer_while_the_coordinator_is_away() {
        let mut link = Link::new();
        assert_eq!(link.earnings(None), Earnings::NotYet);
        link.handle_impact(impact(), UnixMs(100));
        assert!(link.handle_failure(&silence(), "c", UnixMs(160)));
        assert!(!link.handle_failure(&silence(), "c", UnixMs(170)));
        assert_eq!(link.earnings(None), Earnings::UnknownSince { since_ms: 100 });
        assert!(link.handle_answer(None));
        let earned = link.earnings(Some(&alice()));
        assert!(matches!(earned, Earnings::Provisional { credited_bytes: 9, amount: None, .. }));
    }

    #[test]
    fn a_stream_not_carried_in_this_hour_has_earnings_that_are_not_known_rather_than_none() {
        let mut link = Link::new();
        link.handle_impact(impact(), UnixMs(100));
        assert_eq!(link.earnings(Some(&"bob".parse().unwrap())), Earnings::NotYet);
    }

    #[test]
    fn an_account_is_unknown_rather_than_empty_while_the_coordinator_is_away() {
        let account = || streamr_coordinator_api::Earnings {
            node: NodeId([1; 32]),
            as_of: UnixMs(50),
            currencies: vec![CurrencyEarnings {
                currency: "EUR".into(),
                provisional: MicroUnits(1),
                settled: MicroUnits(2),
                pending: MicroUnits(3),
                paid: MicroUnits(4),
                payout_threshold: MicroUnits(5),
                next_payout: None,
            }],
            payee: None,
            epochs: vec![],
            older: None,
        };
        let mut link = Link::new();
        let totals = Totals { shared_ever: 2_000_000_000, supporting_s: 3_600, ..Totals::default() };
        let costs = Costs { currency: "EUR".into(), power_w: 1_000, power_per_kwh: 7, data_per_gb: 3 };
        assert_eq!(link.account(Some(&costs), &totals), Account::NotYet);
        link.handle_account(account(), UnixMs(100));
        match link.account(Some(&costs), &totals) {
            Account::Known { balances, .. } => {
                assert_eq!(balances[0].spent, Some(Spent { power: 7, data: 6 }));
                assert_eq!((balances[0].forecast.hours, balances[0].forecast.hour), (0, None));
                assert_eq!((balances[0].settled, balances[0].pending, balances[0].paid), (2, 3, 4));
            }
            other => panic!("{other:?}"),
        }
        link.handle_failure(&silence(), "c", UnixMs(160));
        assert_eq!(link.account(Some(&costs), &totals), Account::UnknownSince { since_ms: 100 });
        assert!(link.handle_answer(None));
        let dollars = Costs { currency: "USD".into(), ..costs };
        for none in [None, Some(&dollars)] {
            let Account::Known { balances, .. } = link.account(none, &totals) else { panic!("it is known") };
            assert_eq!(balances[0].spent, None, "prices in another currency are not taken off");
        }
    }

    #[test]
    fn a_reasoned_no_is_an_answer() {
        let mut link = Link::new();
        let no = ClientError::Refused(Problem::new(ErrorCode::RateLimited, ""));
        assert!(!link.handle_failure(&no, "c", UnixMs(1)));
        assert_eq!(link.health(), CoordinatorHealth::Reachable { heartbeat_ms: None });
    }
}
