//! Uplinks that are not what is said of them: one that claims ten times as much, and one that pretends to be twenty.
//!
//! Everybody receives from everybody, from each in proportion to what it really has to give, and signs for those it
//! was assigned. Measurers are some of them.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use streamr_coordinator_api::MemberView;
use streamr_model::{BitsPerSecond, MicroUnits, NodeId, Window};

use super::{STREAM, id};
use crate::capacity::{Capacities, Part, RECENT_WINDOWS, receivers};
use crate::credit::{Counts, Credit, Credits, Delivery, Evidence, USUAL_WINDOWS, of_hour};
use crate::grants::{cap_bytes, choose};
use crate::hour::Hour;
use crate::parties::Parties;
use crate::probes::{Looks, PER_HOUR, Plan, Probe};
use crate::rewards::{Score, pay};
use crate::scoring::{share_time, windows};

const HOURS: u64 = 24;
const HONEST: u16 = 20;
const UPLINK: u64 = 10_000_000;

/// A node, what it says of its uplink, and what it has.
#[derive(Clone, Copy)]
struct Node {
    id: NodeId,
    says: u64,
    has: u64,
}

/// A day of a stream.
struct Day {
    nodes: Vec<Node>,
    measurers: BTreeSet<NodeId>,
    parties: Parties,
    chance: SmallRng,
    key: [u8; 32],
    probes: Vec<Probe>,
    usual: BTreeMap<NodeId, Vec<u64>>,
}

impl Day {
    fn new(seed: u64, nodes: Vec<Node>, measurers: u16) -> Self {
        let mut chance = SmallRng::seed_from_u64(seed);
        let key = chance.random();
        let measurers = (0..measurers).map(id).collect();
        let (parties, probes, usual) = (Parties::new(), Vec::new(), BTreeMap::new());
        Self { nodes, measurers, parties, chance, key, probes, usual }
    }

    /// The nodes as they are weighed: no more than they were seen to carry.
    fn weighed(&self) -> Vec<MemberView> {
        let among = receivers(self.nodes.len(), Part::Supporter);
        let seen = Capacities::of(&self.probes, |_| among);
        let view = |node: &Node| {
            let most = seen.as_ref().map_or(u64::MAX, |seen| seen.uplink(&node.id).0);
            MemberView { node: node.id, addresses: vec![], uplink_bps: BitsPerSecond(node.says.min(most)) }
        };
        self.nodes.iter().map(view).collect()
    }

    /// What `consumer` is given by each: all of the stream, by what they have, unevenly.
    fn received(&mut self, consumer: &NodeId) -> BTreeMap<NodeId, u64> {
        let others: Vec<Node> = self.nodes.iter().filter(|node| node.id != *consumer).copied().collect();
        let all: u64 = others.iter().map(|node| node.has).sum();
        let mut unevenly = |node: &Node| {
            let even = STREAM * (node.has / 1_000) / (all / 1_000);
            (node.id, even * self.chance.random_range(80..=120) / 100)
        };
        others.iter().map(&mut unevenly).collect()
    }

    fn hour(&mut self, hour: Hour) -> Credits {
        let first_of_recent = windows(hour).end.0.saturating_sub(RECENT_WINDOWS);
        self.probes.retain(|probe| probe.window.0 >= first_of_recent);
        let mut evidence = Evidence {
            allowance_bytes: STREAM * 5 / 4,
            earlier_probes: self.probes.clone(),
            usual: self.usual.clone(),
            parties: self.parties.clone(),
            ..Evidence::default()
        };
        let weighed = self.weighed();
        for window in (windows(hour).start.0..windows(hour).end.0).map(Window) {
            let key = self.key;
            let looks = Looks { key: &key, window, per_hour: PER_HOUR };
            let plan = Plan { looks, measurers: self.measurers.len(), supporters: self.nodes.len() };
            for consumer in self.nodes.clone().iter().map(|node| node.id) {
                let received = self.received(&consumer);
                let mut assigned = Vec::new();
                if self.measurers.contains(&consumer) {
                    assigned = plan.of(&consumer, weighed.iter().map(|member| member.node));
                    evidence.probes.extend(assigned.iter().map(|provider| Probe {
                        window,
                        provider: *provider,
                        measurer: consumer,
                        counts: counts(received[provider]),
                    }));
                }
                assigned.extend(choose(&key, window, &consumer, &weighed, &assigned));
                evidence.present.entry(consumer).or_default().insert(window);
                for provider in &assigned {
                    let others: Vec<NodeId> =
                        assigned.iter().filter(|other| *other != provider).copied().collect();
                    evidence.deliveries.push(Delivery {
                        window,
                        provider: *provider,
                        consumer,
                        counts: counts(received[provider]),
                        cap_bytes: Some(cap_bytes(STREAM, &weighed, provider, &others)),
                    });
                }
            }
        }
        self.probes.extend(&evidence.probes);
        let credits = of_hour(&evidence);
        for (consumer, sums) in &credits.sums {
            let known = self.usual.entry(*consumer).or_default();
            known.extend(sums);
            known.drain(..known.len().saturating_sub(USUAL_WINDOWS - 12));
        }
        credits
    }

    /// What all hours but the first six, in which the nodes become known, pay each in the mean.
    fn paid(mut self) -> BTreeMap<NodeId, u64> {
        let mut paid: BTreeMap<NodeId, u64> = BTreeMap::new();
        for hour in (0..HOURS).map(Hour) {
            let credits = self.hour(hour);
            if hour.0 < 6 {
                continue;
            }
            // All are there all the time.
            let score = |credit: &Credit| Score { uptime_ms: Hour::MS, ..credit.score() };
            let mut scores: BTreeMap<NodeId, Score> =
                credits.providers.iter().map(|(node, credit)| (*node, score(credit))).collect();
            share_time(&mut scores, &self.parties, Hour::MS);
            for (node, amount) in pay(MicroUnits(1_000_000_000), scores) {
                *paid.entry(node).or_default() += u64::try_from(amount.0).unwrap();
            }
        }
        paid
    }
}

fn counts(bytes: u64) -> Counts {
    let blocks = bytes / 32_768;
    Counts { bytes, blocks, on_time: blocks, bad: 0, missed: 0 }
}

fn honest() -> Vec<Node> {
    (0..HONEST).map(|n| Node { id: id(n), says: UPLINK, has: UPLINK }).collect()
}

/// What `ones` are paid together, in the mean of these days, over what an honest node is paid.
fn gain(days: impl Iterator<Item = Day>, ones: &BTreeSet<NodeId>) -> f64 {
    let (mut own, mut all, mut others) = (0, 0, 0);
    for day in days {
        others = day.nodes.len() - ones.len();
        for (node, amount) in day.paid() {
            if ones.contains(&node) { own += amount } else { all += amount }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a ratio of a few digits")]
    let gain = own as f64 * others as f64 / all as f64;
    gain
}

/// An honest crowd, and one more that has as much as each of them and says that it has ten times that.
fn with_liar(seed: u64, measurers: u16) -> (Day, BTreeSet<NodeId>) {
    let liar = Node { id: id(1_000), says: 10 * UPLINK, has: UPLINK };
    (Day::new(seed, [honest(), vec![liar]].concat(), measurers), [liar.id].into())
}

#[test]
fn an_uplink_said_to_be_ten_times_as_fast_is_paid_more_only_where_nobody_measures() {
    let of = |measurers| gain((0..2).map(|seed| with_liar(seed, measurers).0), &with_liar(0, 0).1);
    let (unmeasured, measured) = (of(0), of(6));
    assert!(unmeasured > 1.4, "what there is to gain: {unmeasured}");
    assert!(measured <= 1.1, "{measured}");
}

/// The same crowd, and one uplink as twenty identities, each of which says that it has all of it.
fn split(seed: u64, is_one_party: bool) -> (Day, BTreeSet<NodeId>) {
    let parts: Vec<Node> =
        (1_000..1_020).map(|n| Node { id: id(n), says: UPLINK, has: UPLINK / 20 }).collect();
    let names: BTreeSet<NodeId> = parts.iter().map(|part| part.id).collect();
    let mut day = Day::new(seed, [honest(), parts].concat(), 6);
    if is_one_party {
        day.parties = names.iter().map(|node| (*node, 0)).collect();
    }
    (day, names)
}

#[test]
fn an_uplink_split_in_twenty_identities_of_one_party_earns_what_it_earned() {
    let of = |one_party| gain((0..2).map(|seed| split(seed, one_party).0), &split(0, one_party).1);
    let (apart, together) = (of(false), of(true));
    assert!(apart > 8.0, "what there is to gain: {apart}");
    assert!(together <= 1.02, "{together}");
}
