//! A node that drops a fifth of what it is asked for, and whether an hour's probes show it.
//!
//! A measurer asks a neighbour for a few blocks at a time and signs for what came and what did not. The lines
//! of honest nodes are busy now and then: in one window in twenty they fail with three in ten.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use streamr_model::{NodeId, Window};

use super::id;
use crate::credit::Counts;
use crate::hour::Hour;
use crate::probes::{Looks, PER_HOUR, Plan, Probe, findings};
use crate::scoring::windows;

const SUPPORTERS: u16 = 20;
const MEASURERS: u16 = 7;
/// It drops requests; the others are honest.
const DROPPER: u16 = 15;
/// One in five.
const DROPS: f64 = 0.2;
/// Blocks in a request.
const REQUEST: u64 = 4;

/// What one measurer is given in a window.
fn given(drops: f64, chance: &mut SmallRng) -> Counts {
    let is_busy = chance.random_bool(0.05);
    let fails = drops + if is_busy { 0.3 } else { 0.01 };
    // A sixteenth of a stream of four megabits in blocks of 32 KiB, unevenly.
    let requests = chance.random_range(40..100);
    let missed = REQUEST * (0..requests).filter(|_| chance.random_bool(fails)).count() as u64;
    let blocks = REQUEST * requests - missed;
    Counts { bytes: blocks * 32_768, blocks, on_time: blocks, bad: 0, missed }
}

/// For each node whether an hour's probes say that it drops.
fn hour(seed: u64, drops: f64, chance: &mut SmallRng) -> BTreeMap<NodeId, bool> {
    let key: [u8; 32] = chance.random();
    let mut probes = Vec::new();
    for window in (windows(Hour(seed)).start.0..windows(Hour(seed)).end.0).map(Window) {
        let looks = Looks { key: &key, window, per_hour: PER_HOUR };
        let plan = Plan { looks, measurers: usize::from(MEASURERS), supporters: usize::from(SUPPORTERS) };
        for measurer in (0..MEASURERS).map(id) {
            for provider in plan.of(&measurer, (0..SUPPORTERS).map(id)) {
                let drops = if provider == id(DROPPER) { drops } else { 0.0 };
                probes.push(Probe { window, provider, measurer, counts: given(drops, chance) });
            }
        }
    }
    findings(&probes).into_iter().map(|(node, finding)| (node, finding.drops)).collect()
}

/// In how many of a thousand hours it is seen, and how many of a thousand honest nodes' hours are taken for it.
fn seen(drops: f64) -> (usize, usize) {
    let mut chance = SmallRng::seed_from_u64(12);
    let (mut caught, mut wronged) = (0, 0);
    for seed in 0..1_000 {
        for (node, drops) in hour(seed, drops, &mut chance) {
            if node == id(DROPPER) {
                caught += usize::from(drops);
            } else {
                wronged += usize::from(drops);
            }
        }
    }
    (caught, wronged * 1_000 / (1_000 * usize::from(SUPPORTERS - 1)))
}

#[test]
fn whoever_drops_a_fifth_of_its_requests_is_seen_within_an_hour_nine_times_in_ten() {
    let (caught, wronged) = seen(DROPS);
    assert!(caught >= 900, "seen in {caught} hours of 1,000");
    assert!(wronged < 10, "{wronged} honest hours of 1,000 were taken for it");
}

#[test]
fn whoever_drops_nothing_is_hardly_ever_taken_for_one_that_does() {
    let (taken, wronged) = seen(0.0);
    assert!(taken < 10 && wronged < 10, "{taken} and {wronged} of 1,000");
}
