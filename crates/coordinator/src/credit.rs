//! From an hour's receipts to what its providers are credited with. Pure.
//!
//! Of what a consumer signed in a window, there counts, in this order:
//! 1. under a grant only, and no more than the grant's cap;
//! 2. over all its providers together, no more than the stream sent: bitrate × time, and a quarter for bursts;
//! 3. no more than a tenth over the lower quartile of that consumer's windows of the last day. A consumer
//!    that signs a lot only when a friend of its is assigned to it has a low quartile, and an ordinary one a
//!    high one, because it is given as much whoever is assigned.
//!
//! What is over is cut in proportion, and lost. The third rule is from simulations of attackers with ten fake
//! consumers for each real one: they gain 7.5 times their share without it and 1.4 times with it.
//!
//! Of what a provider is signed for by all together, no more counts than it was [seen to carry](crate::capacity) in the
//! windows in which it was at work. How good it was is what its consumers signed, unless [probes](crate::probes) show
//! that it drops what it is asked for, or nobody but measurers was assigned it: then it is what these were given.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use streamr_model::{BitsPerSecond, NodeId, Receipt, Window};

use crate::capacity::{Capacities, Part, receivers};
use crate::hour::Hour;
use crate::parties::Parties;
use crate::probes::{Finding, Probe, findings};
use crate::rewards::Score;

/// Windows of the past, this hour's among them, that tell what is usual for a consumer: a day.
pub const USUAL_WINDOWS: usize = 288;
/// Hours before the present one that hold the rest of [`USUAL_WINDOWS`].
pub const USUAL_HOURS: u64 = USUAL_WINDOWS as u64 / WINDOWS_PER_HOUR - 1;
/// Until a consumer has been there for so many windows, those that are missing count as empty. Otherwise a new
/// identity for each window would never have a quartile.
const FEWEST_WINDOWS: usize = 4;
const WINDOWS_PER_HOUR: u64 = Hour::MS / Window::MS;

/// Bytes and blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Verified bytes.
    pub bytes: u64,
    /// Verified blocks.
    pub blocks: u64,
    /// Of these, blocks that came on time.
    pub on_time: u64,
    /// Blocks that did not verify.
    pub bad: u64,
    /// Blocks that were asked for and did not come. Only measurers are believed about them.
    pub missed: u64,
}

impl Counts {
    /// What a receipt says.
    pub fn of(receipt: &Receipt) -> Self {
        Self {
            bytes: receipt.bytes,
            blocks: receipt.blocks.into(),
            on_time: receipt.on_time.into(),
            bad: receipt.bad.into(),
            missed: receipt.missed.into(),
        }
    }

    /// What is in this beyond `other`.
    pub fn beyond(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    fn each(self, other: Self, apply: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            bytes: apply(self.bytes, other.bytes),
            blocks: apply(self.blocks, other.blocks),
            on_time: apply(self.on_time, other.on_time),
            bad: apply(self.bad, other.bad),
            missed: apply(self.missed, other.missed),
        }
    }
}

/// What one consumer signed for one provider in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// When.
    pub window: Window,
    /// Who gave.
    pub provider: NodeId,
    /// Who signed.
    pub consumer: NodeId,
    /// How much.
    pub counts: Counts,
    /// The cap of the grant it falls under, in bytes; without one it is worth nothing.
    pub cap_bytes: Option<u64>,
}

/// All that an hour's credits are worked out from.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What was signed.
    pub deliveries: Vec<Delivery>,
    /// The windows of the hour in which each consumer was there: it was assigned providers.
    pub present: BTreeMap<NodeId, BTreeSet<Window>>,
    /// Each consumer's sums of the hours before, as [`Credits::sums`] gave them, oldest first.
    pub usual: BTreeMap<NodeId, Vec<u64>>,
    /// The most that the stream can have sent to one consumer in a window, in bytes: [`allowance`].
    pub allowance_bytes: u64,
    /// What measurers saw in the hour.
    pub probes: Vec<Probe>,
    /// What they saw before, as far back as [`crate::capacity::RECENT_WINDOWS`] go.
    pub earlier_probes: Vec<Probe>,
    /// Who is one party with whom.
    pub parties: Parties,
}

/// What came of an hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credits {
    /// For each provider that anybody signed for.
    pub providers: BTreeMap<NodeId, Credit>,
    /// Bytes that counted by the first two rules in each window in which the consumer was there.
    pub sums: BTreeMap<NodeId, Vec<u64>>,
}

/// What a provider is credited with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credit {
    /// Bytes by all rules; blocks of all receipts under grants, or of probes.
    pub counts: Counts,
    /// Windows in which anybody signed for anything, grant or not: it was at work.
    pub at_work: BTreeSet<Window>,
    /// What measurers saw.
    pub finding: Finding,
    /// Others of its party that were good for something: they share one quality.
    pub beside: u64,
}

impl Credit {
    /// Whether anything tells how good it was.
    fn is_rated(&self) -> bool {
        self.counts.blocks > 0 || self.counts.bad > 0 || self.counts.missed > 0
    }

    /// What it is paid by, beside its time.
    pub fn score(&self) -> Score {
        let Counts { bytes, blocks, on_time, bad, missed } = self.counts;
        let bad = bad.saturating_add(missed);
        Score { uptime_ms: 0, bytes, blocks, on_time, bad, beside: self.beside }
    }
}

/// The most bytes a consumer can have received in `elapsed` of a stream of `bitrate`; of a stream whose
/// bitrate is not known yet, what the fastest uplink could carry.
pub fn allowance(bitrate: BitsPerSecond, fastest: BitsPerSecond, elapsed: Duration) -> u64 {
    let rate = if bitrate.0 == 0 { fastest } else { bitrate };
    let bytes = rate.bytes_in(elapsed);
    bytes.saturating_add(bytes / 4)
}

/// The credits of an hour.
pub fn of_hour(evidence: &Evidence) -> Credits {
    let mut credits = Credits::default();
    let mut counting: BTreeMap<(NodeId, Window), Vec<(NodeId, u64)>> = BTreeMap::new();
    for delivery in &evidence.deliveries {
        let credit = credits.providers.entry(delivery.provider).or_default();
        if delivery.counts.bytes > 0 {
            credit.at_work.insert(delivery.window);
        }
        let Some(cap_bytes) = delivery.cap_bytes else { continue };
        // Who was not given something need not be believed; who was has the provider's signature for it.
        credit.counts = credit.counts.plus(Counts { bytes: 0, missed: 0, ..delivery.counts });
        let bytes = delivery.counts.bytes.min(cap_bytes);
        counting.entry((delivery.consumer, delivery.window)).or_default().push((delivery.provider, bytes));
    }
    for shares in counting.values_mut() {
        cut(shares, evidence.allowance_bytes);
    }
    for (consumer, windows) in &evidence.present {
        let sum = |window: &Window| counting.get(&(*consumer, *window)).map_or(0, |shares| total(shares));
        credits.sums.insert(*consumer, windows.iter().map(sum).collect());
    }
    for ((consumer, _), shares) in &mut counting {
        let earlier = evidence.usual.get(consumer).map_or(&[][..], Vec::as_slice);
        let present = credits.sums.get(consumer).map_or(&[][..], Vec::as_slice);
        cut(shares, most_usual(earlier, present));
        for (provider, bytes) in shares {
            let credit = credits.providers.entry(*provider).or_default();
            credit.counts.bytes = credit.counts.bytes.saturating_add(*bytes);
        }
    }
    look(&mut credits, evidence);
    bound(&mut credits, evidence);
    credits
}

/// What probes say of the providers.
fn look(credits: &mut Credits, evidence: &Evidence) {
    for probe in evidence.probes.iter().filter(|probe| probe.counts.bytes > 0) {
        credits.providers.entry(probe.provider).or_default().at_work.insert(probe.window);
    }
    for (node, finding) in findings(&evidence.probes) {
        let credit = credits.providers.entry(node).or_default();
        credit.finding = finding;
        let nobody_else = credit.counts.blocks == 0 && credit.counts.bad == 0;
        if finding.drops || nobody_else {
            credit.counts = Counts { bytes: credit.counts.bytes, ..finding.counts };
        }
    }
}

/// Nobody is credited with more than it carries, and no party with more than that of its members together.
fn bound(credits: &mut Credits, evidence: &Evidence) {
    let recent = [evidence.earlier_probes.as_slice(), evidence.probes.as_slice()].concat();
    let most_receivers = receivers(evidence.present.len(), Part::Elector);
    let capacities = Capacities::of(&recent, |_| most_receivers);
    if let Some(capacities) = &capacities {
        for (node, credit) in &mut credits.providers {
            let most = capacities.of_node(node).saturating_mul(credit.at_work.len() as u64);
            credit.counts.bytes = credit.counts.bytes.min(most);
        }
    }
    for members in of_party(&evidence.parties).values() {
        let present: Vec<NodeId> =
            members.iter().filter(|node| credits.providers.contains_key(node)).copied().collect();
        let of = |node: &NodeId| &credits.providers[node];
        if let Some(capacities) = &capacities {
            let at_work: BTreeSet<Window> =
                present.iter().flat_map(|node| of(node).at_work.clone()).collect();
            let measured = present.iter().filter_map(|node| capacities.measured(node));
            let together = measured.fold(0_u64, u64::saturating_add).max(capacities.start());
            let mut shares: Vec<(NodeId, u64)> =
                present.iter().map(|node| (*node, of(node).counts.bytes)).collect();
            cut(&mut shares, together.saturating_mul(at_work.len() as u64));
            for (node, bytes) in shares {
                credits.providers.entry(node).or_default().counts.bytes = bytes;
            }
        }
        let good: Vec<NodeId> =
            present.into_iter().filter(|node| credits.providers[node].is_rated()).collect();
        for node in &good {
            credits.providers.entry(*node).or_default().beside = good.len() as u64 - 1;
        }
    }
}

/// The members of each party.
pub(crate) fn of_party(parties: &Parties) -> BTreeMap<u32, Vec<NodeId>> {
    let mut members: BTreeMap<u32, Vec<NodeId>> = BTreeMap::new();
    for (node, party) in parties {
        members.entry(*party).or_default().push(*node);
    }
    members
}

fn total(shares: &[(NodeId, u64)]) -> u64 {
    shares.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
}

/// Cuts `shares` in proportion, so that together they are no more than `most`.
pub(crate) fn cut(shares: &mut [(NodeId, u64)], most: u64) {
    let sum: u128 = shares.iter().map(|(_, bytes)| u128::from(*bytes)).sum();
    if sum <= u128::from(most) {
        return;
    }
    for (_, bytes) in shares {
        // A share is no more than the sum, so that the result is no more than `most`.
        *bytes = u64::try_from(u128::from(*bytes) * u128::from(most) / sum).unwrap_or(most);
    }
}

/// A tenth over the lower quartile: of n windows the ⌈n/4⌉-th smallest.
fn most_usual(earlier: &[u64], present: &[u64]) -> u64 {
    let mut windows: Vec<u64> = earlier.iter().chain(present).copied().collect();
    let mut windows = windows.split_off(windows.len().saturating_sub(USUAL_WINDOWS));
    windows.resize(windows.len().max(FEWEST_WINDOWS), 0);
    windows.sort_unstable();
    let quartile = windows[windows.len().div_ceil(4) - 1];
    quartile.saturating_add(quartile / 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    fn delivery(window: u64, provider: u8, consumer: u8, bytes: u64) -> Delivery {
        let counts = Counts { bytes, blocks: 10, on_time: 9, bad: 1, missed: 5 };
        let (provider, consumer) = (node(provider), node(consumer));
        Delivery { window: Window(window), provider, consumer, counts, cap_bytes: Some(u64::MAX) }
    }

    /// Evidence in which every consumer was there whenever it signed.
    fn evidence(deliveries: Vec<Delivery>) -> Evidence {
        let mut present: BTreeMap<NodeId, BTreeSet<Window>> = BTreeMap::new();
        for delivery in &deliveries {
            present.entry(delivery.consumer).or_default().insert(delivery.window);
        }
        Evidence { deliveries, present, allowance_bytes: u64::MAX, ..Evidence::default() }
    }

    fn bytes_of(credits: &Credits, provider: u8) -> u64 {
        credits.providers.get(&node(provider)).map_or(0, |credit| credit.counts.bytes)
    }

    #[test]
    fn an_even_consumer_is_credited_in_full() {
        let credits = of_hour(&evidence((0..12).map(|window| delivery(window, 1, 9, 1000)).collect()));
        assert_eq!(bytes_of(&credits, 1), 12_000);
        let credit = &credits.providers[&node(1)];
        assert_eq!((credit.counts.blocks, credit.counts.on_time, credit.counts.bad), (120, 108, 12));
        assert_eq!((credit.at_work.len(), credits.sums[&node(9)].len()), (12, 12));
    }

    #[test]
    fn what_is_under_no_grant_shows_work_and_is_worth_nothing() {
        let mut all = evidence((0..12).map(|window| delivery(window, 1, 9, 1000)).collect());
        all.deliveries.iter_mut().for_each(|delivery| delivery.cap_bytes = None);
        let credits = of_hour(&all);
        let credit = &credits.providers[&node(1)];
        assert_eq!((credit.counts, credit.at_work.len()), (Counts::default(), 12));
    }

    #[test]
    fn blocks_that_did_not_verify_show_no_work() {
        let credits = of_hour(&evidence(vec![delivery(0, 1, 9, 0)]));
        assert!(credits.providers[&node(1)].at_work.is_empty());
        assert_eq!(credits.providers[&node(1)].counts.bad, 1);
    }

    #[test]
    fn neither_a_grant_nor_the_stream_is_exceeded() {
        let mut all =
            evidence((0..12).flat_map(|w| [delivery(w, 1, 9, 900), delivery(w, 2, 9, 300)]).collect());
        all.deliveries.iter_mut().for_each(|delivery| delivery.cap_bytes = Some(500));
        all.allowance_bytes = 400;
        let credits = of_hour(&all);
        assert_eq!((bytes_of(&credits, 1), bytes_of(&credits, 2)), (12 * 250, 12 * 150));
    }

    #[test]
    fn a_consumer_that_signs_only_for_its_friend_has_a_low_quartile() {
        // A friend is assigned in three of twelve windows, in which ten times the usual is signed.
        let mut all =
            evidence(vec![delivery(0, 1, 9, 10_000), delivery(4, 1, 9, 10_000), delivery(8, 1, 9, 10_000)]);
        all.present.insert(node(9), (0..12).map(Window).collect());
        assert_eq!(bytes_of(&of_hour(&all), 1), 0);
        all.usual.insert(node(9), vec![100; 276]);
        assert_eq!(bytes_of(&of_hour(&all), 1), 3 * 110, "a past of its own helps as far as it goes");
    }

    #[test]
    fn a_consumer_that_is_new_needs_four_windows_to_count() {
        let hour = |windows| of_hour(&evidence((0..windows).map(|w| delivery(w, 1, 9, 1000)).collect()));
        assert_eq!([1, 2, 3, 4, 5].map(|windows| bytes_of(&hour(windows), 1)), [0, 0, 0, 4000, 5000]);
    }

    #[test]
    fn only_the_last_day_is_usual() {
        let mut all = evidence((0..12).map(|window| delivery(window, 1, 9, 1000)).collect());
        let long_ago = [vec![0; 500], vec![1000; 276]].concat();
        all.usual.insert(node(9), long_ago);
        assert_eq!(bytes_of(&of_hour(&all), 1), 12_000);
    }

    #[test]
    fn the_quartile_is_the_nearest_rank() {
        assert_eq!(most_usual(&[], &[10, 20, 30, 40]), 11);
        assert_eq!(most_usual(&[10, 20, 30, 40], &[50]), 22);
        assert_eq!(most_usual(&[], &[]), 0);
        assert_eq!(most_usual(&[u64::MAX; 300], &[u64::MAX]), u64::MAX);
    }

    #[test]
    fn the_allowance_is_a_quarter_over_bitrate_times_time() {
        let fastest = BitsPerSecond(1_000_000_000);
        assert_eq!(allowance(BitsPerSecond(8_000_000), fastest, Duration::from_secs(30)), 37_500_000);
        assert_eq!(allowance(BitsPerSecond(0), fastest, Duration::from_secs(8)), 1_250_000_000);
        assert_eq!(allowance(BitsPerSecond(u64::MAX), fastest, Duration::MAX), u64::MAX);
    }

    fn probe(window: u64, provider: u8, bytes: u64, missed: u64) -> Probe {
        let counts = Counts { bytes, blocks: 100, on_time: 100, bad: 0, missed };
        Probe { window: Window(window), provider: node(provider), measurer: node(99), counts }
    }

    #[test]
    fn nobody_is_credited_with_more_than_it_was_seen_to_carry_while_it_was_at_work() {
        let mut all = evidence((0..12).map(|window| delivery(window, 1, 9, 10_000_000_000)).collect());
        all.probes = (0..12).map(|window| probe(window, 1, 80_000_000, 0)).collect();
        let credits = of_hour(&all);
        // One receiver; a quarter over what a measurer was given; twelve windows.
        assert_eq!(bytes_of(&credits, 1), 12 * 100_000_000);
        all.earlier_probes =
            (0..36).map(|window| Probe { window: Window(1_000 + window), ..probe(0, 1, 0, 0) }).collect();
        assert_eq!(bytes_of(&of_hour(&all), 1), 12 * 25_000_000, "the hours before count as well");
    }

    #[test]
    fn who_was_not_looked_at_is_taken_for_what_is_usual() {
        let mut all = evidence((0..12).map(|window| delivery(window, 1, 9, 10_000_000_000)).collect());
        all.probes = (0..12).map(|window| probe(window, 2, 160_000_000, 0)).collect();
        assert_eq!(bytes_of(&of_hour(&all), 1), 12 * 200_000_000);
    }

    #[test]
    fn a_party_is_credited_with_what_its_members_were_seen_to_carry_together() {
        let deliveries = (0..12).flat_map(|w| [1, 2, 3].map(|n| delivery(w, n, 9, 10_000_000_000)));
        let mut all = evidence(deliveries.collect());
        all.probes = (0..12).flat_map(|w| [probe(w, 1, 80_000_000, 0), probe(w, 2, 40_000_000, 0)]).collect();
        let each = |all: &Evidence| [1, 2, 3].map(|n| bytes_of(&of_hour(all), n) / 12);
        // The third was never looked at: it counts as is usual, unless it is one with the others.
        assert_eq!(each(&all), [100_000_000, 50_000_000, 100_000_000]);
        all.parties = [1, 2, 3].map(|n| (node(n), 0)).into();
        assert_eq!(each(&all), [60_000_000, 30_000_000, 60_000_000]);
        all.parties = [(node(1), 0), (node(77), 0)].into();
        assert_eq!(each(&all)[0], 100_000_000, "whoever gave nothing takes nothing away");
    }

    #[test]
    fn a_party_has_one_quality() {
        let mut all = evidence((0..12).flat_map(|w| [1, 2, 3].map(|n| delivery(w, n, 9, 1000))).collect());
        let quality =
            |all: &Evidence| [1, 2, 3].map(|n| of_hour(all).providers[&node(n)].score().quality_ppm());
        let [alone, ..] = quality(&all);
        all.parties = [(node(1), 0), (node(2), 0), (node(77), 0)].into();
        assert_eq!(quality(&all), [alone / 2, alone / 2, alone]);
    }

    #[test]
    fn who_drops_what_measurers_ask_for_is_as_good_as_these_say() {
        let mut all = evidence((0..12).map(|window| delivery(window, 1, 9, 1000)).collect());
        let quality = |all: &Evidence| of_hour(all).providers[&node(1)].score().quality_ppm();
        let before = quality(&all);
        all.probes = (0..12).map(|window| probe(window, 1, 1000, 3)).collect();
        assert_eq!(quality(&all), before, "three in a hundred are nothing");
        all.probes = (0..12).map(|window| probe(window, 1, 1000, 50)).collect();
        let credits = of_hour(&all);
        let score = credits.providers[&node(1)].score();
        assert_eq!((score.blocks, score.on_time, score.bad), (1200, 1200, 600));
        assert!(credits.providers[&node(1)].finding.drops && score.quality_ppm() < 700_000);
    }

    #[test]
    fn a_node_that_nobody_else_was_assigned_is_at_work_and_good_by_its_probes() {
        let mut all = evidence(vec![]);
        all.probes = (0..3).map(|window| probe(window, 1, 1000, 0)).collect();
        let credits = of_hour(&all);
        let credit = &credits.providers[&node(1)];
        assert_eq!((credit.at_work.len(), credit.counts.bytes, credit.counts.blocks), (3, 0, 300));
        all.probes = vec![probe(0, 1, 0, 0)];
        assert!(of_hour(&all).providers[&node(1)].at_work.is_empty(), "nothing came");
    }

    prop_compose! {
        fn any_delivery()(
            window in 0_u64..12, provider in 0_u8..4, consumer in 0_u8..4, bytes in any::<u64>(),
            cap_bytes in proptest::option::of(any::<u64>()),
        ) -> Delivery {
            Delivery { cap_bytes, ..delivery(window, provider, consumer, bytes) }
        }
    }

    proptest! {
        #[test]
        fn nobody_is_credited_with_more_than_was_signed_granted_and_sent(
            deliveries in proptest::collection::vec(any_delivery(), 0..60),
            allowance_bytes in any::<u64>(),
            usual in proptest::collection::vec(any::<u64>(), 0..300),
        ) {
            // One delivery for each of window, provider and consumer, as storage has it.
            let unique: BTreeMap<_, Delivery> =
                deliveries.into_iter().map(|d| ((d.window, d.provider, d.consumer), d)).collect();
            let mut all = evidence(unique.into_values().collect());
            all.allowance_bytes = allowance_bytes;
            all.usual = (0..4).map(|n| (node(n), usual.clone())).collect();
            let credits = of_hour(&all);
            for provider in 0..4 {
                let granted = all.deliveries.iter().filter(|d| d.provider == node(provider));
                let most: u128 = granted.map(|d| u128::from(d.counts.bytes.min(d.cap_bytes.unwrap_or(0)))).sum();
                prop_assert!(u128::from(bytes_of(&credits, provider)) <= most);
            }
            let sent: u128 = (0..4).map(|provider| u128::from(bytes_of(&credits, provider))).sum();
            prop_assert!(sent <= u128::from(allowance_bytes) * 4 * 12);
        }

        #[test]
        fn the_order_of_arrival_does_not_matter(
            deliveries in proptest::collection::vec(any_delivery(), 0..40).prop_shuffle(),
        ) {
            let unique: BTreeMap<_, Delivery> =
                deliveries.into_iter().map(|d| ((d.window, d.provider, d.consumer), d)).collect();
            let forward: Vec<Delivery> = unique.into_values().collect();
            let backward: Vec<Delivery> = forward.iter().rev().copied().collect();
            prop_assert_eq!(of_hour(&evidence(forward)), of_hour(&evidence(backward)));
        }
    }
}
