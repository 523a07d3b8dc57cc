//! What attackers gain, in a day of windows: seeded, with the rules that assign, credit and pay.
//!
//! Honest consumers get the whole stream from whom they are assigned and sign for it, with the unevenness of
//! real ones. Attackers sign whatever pays.

mod claiming;
mod dropping;

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use streamr_coordinator_api::MemberView;
use streamr_model::{BitsPerSecond, NodeId, Window};

use crate::credit::{Counts, Credits, Delivery, Evidence, USUAL_WINDOWS, of_hour};
use crate::grants::{cap_bytes, choose};
use crate::hour::Hour;
use crate::scoring::windows;

/// Bytes of the stream in a window.
const STREAM: u64 = 150_000_000;
const HOURS: u64 = 24;

fn id(n: u16) -> NodeId {
    let [high, low] = n.to_be_bytes();
    let mut id = [high; 32];
    id[1] = low;
    NodeId(id)
}

fn member(n: u16, uplink_bps: u64) -> MemberView {
    MemberView { node: id(n), addresses: vec![], uplink_bps: BitsPerSecond(uplink_bps) }
}

/// What one consumer signs in a window for each of whom it was assigned.
type Signs<'a> = dyn FnMut(&NodeId, &[NodeId], &mut SmallRng) -> Vec<(NodeId, u64)> + 'a;

/// Bytes credited to each provider in the last hour of a day.
fn day(seed: u64, members: &[MemberView], signs: &mut Signs<'_>) -> BTreeMap<NodeId, u64> {
    let mut chance = SmallRng::seed_from_u64(seed);
    let key: [u8; 32] = chance.random();
    let offering: Vec<MemberView> =
        members.iter().filter(|member| member.uplink_bps.0 > 0).cloned().collect();
    let mut usual: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
    let mut last = Credits::default();
    for hour in (0..HOURS).map(Hour) {
        let mut evidence = Evidence { allowance_bytes: STREAM * 5 / 4, ..Evidence::default() };
        for window in (windows(hour).start.0..windows(hour).end.0).map(Window) {
            for consumer in members.iter().map(|member| member.node) {
                let assigned = choose(&key, window, &consumer, &offering, &[]);
                let present: &mut BTreeSet<Window> = evidence.present.entry(consumer).or_default();
                present.insert(window);
                for (provider, bytes) in signs(&consumer, &assigned, &mut chance) {
                    let counts = Counts { bytes, blocks: 1, on_time: 1, bad: 0, missed: 0 };
                    let others: Vec<NodeId> =
                        assigned.iter().filter(|other| **other != provider).copied().collect();
                    let cap_bytes = Some(cap_bytes(STREAM, &offering, &provider, &others));
                    evidence.deliveries.push(Delivery { window, provider, consumer, counts, cap_bytes });
                }
            }
        }
        evidence.usual = usual.clone();
        last = of_hour(&evidence);
        for (consumer, sums) in &last.sums {
            let known = usual.entry(*consumer).or_default();
            known.extend(sums);
            known.drain(..known.len().saturating_sub(USUAL_WINDOWS - 12));
        }
    }
    last.providers.into_iter().map(|(provider, credit)| (provider, credit.counts.bytes)).collect()
}

/// What an honest consumer gets: all of the stream, unevenly from the three.
fn honest(assigned: &[NodeId], chance: &mut SmallRng) -> Vec<(NodeId, u64)> {
    let weights: Vec<u64> = assigned.iter().map(|_| chance.random_range(5..15)).collect();
    let all: u64 = weights.iter().sum();
    let got = STREAM * chance.random_range(85..=100) / 100;
    assigned.iter().zip(weights).map(|(provider, weight)| (*provider, got * weight / all)).collect()
}

/// `one`'s share of all that is credited, over its share of what is offered.
fn gain(credited: &BTreeMap<NodeId, u64>, members: &[MemberView], ones: &BTreeSet<NodeId>) -> f64 {
    let share = |of: &dyn Fn(&NodeId) -> u64| {
        let (own, all) = members.iter().fold((0, 0), |(own, all), member| {
            let amount = of(&member.node);
            (own + if ones.contains(&member.node) { amount } else { 0 }, all + amount)
        });
        f64::from(u32::try_from(own * 1_000_000 / all).unwrap()) / 1e6
    };
    let offered: BTreeMap<NodeId, u64> =
        members.iter().map(|member| (member.node, member.uplink_bps.0)).collect();
    share(&|node| credited.get(node).copied().unwrap_or(0)) / share(&|node| offered[node])
}

/// Nineteen honest nodes and an attacker with a twentieth of what is offered; ten fake viewers for each real one,
/// which offer nothing.
fn with_fake_viewers() -> (Vec<MemberView>, NodeId, BTreeSet<NodeId>) {
    let mut members: Vec<MemberView> = (0..20).map(|n| member(n, 10_000_000)).collect();
    let attacker = members[0].node;
    let fakes: Vec<MemberView> = (1_000..1_190).map(|n| member(n, 0)).collect();
    let names = fakes.iter().map(|fake| fake.node).collect();
    members.extend(fakes);
    (members, attacker, names)
}

#[test]
fn fake_viewers_that_sign_for_their_owner_alone_gain_next_to_nothing() {
    for seed in 0..3 {
        let (members, attacker, fakes) = with_fake_viewers();
        let credited = day(seed, &members, &mut |consumer, assigned, chance| {
            if !fakes.contains(consumer) {
                return honest(assigned, chance);
            }
            let friend = assigned.iter().filter(|provider| **provider == attacker);
            friend.map(|provider| (*provider, STREAM)).collect()
        });
        let gain = gain(&credited, &members, &[attacker].into());
        assert!(gain <= 1.5, "seed {seed}: {gain}");
    }
}

#[test]
fn fake_viewers_that_pretend_to_be_ordinary_pay_their_owners_rivals_as_well() {
    for seed in 0..3 {
        let (members, attacker, fakes) = with_fake_viewers();
        let credited = day(seed, &members, &mut |consumer, assigned, chance| {
            if !fakes.contains(consumer) || !assigned.contains(&attacker) {
                return honest(assigned, chance);
            }
            // Whenever the owner is assigned, all of the stream is its.
            vec![(attacker, STREAM)]
        });
        let gain = gain(&credited, &members, &[attacker].into());
        assert!(gain <= 1.5, "seed {seed}: {gain}");
    }
}

#[test]
fn an_uplink_split_in_twenty_identities_earns_no_more() {
    for seed in 0..3 {
        let mut members: Vec<MemberView> = (0..40).map(|n| member(n, 10_000_000)).collect();
        let split: Vec<MemberView> = (1_000..1_020).map(|n| member(n, 500_000)).collect();
        let names: BTreeSet<NodeId> = split.iter().map(|part| part.node).collect();
        members.extend(split);
        let credited = day(seed, &members, &mut |_, assigned, chance| honest(assigned, chance));
        let gain = gain(&credited, &members, &names);
        assert!(gain <= 1.25, "seed {seed}: {gain}");
    }
}
