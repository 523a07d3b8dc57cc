//! Swarms as in the lab's `bound`: an origin of two copies, lines that carry heads and acknowledgements too.

use std::time::Duration;

use streamr_model::BitsPerSecond;
use streamr_sim::Scenario;

use crate::each_seed;

/// DESIGN.md's population at a load of about 0.8, in segments of half a mebibyte.
fn scarce(seed: u64, nodes: u32) -> Scenario {
    let mut scenario =
        Scenario { nodes, segments: 20, block_len: 16 * 1024, uplink_percent: 108, ..Scenario::new(seed) };
    let rate = scenario.rate().0;
    scenario.line_extra = BitsPerSecond(rate * 45 / 1_000);
    scenario.origin.uplink = BitsPerSecond(rate * 214 / 100);
    scenario.origin.seed_uplink = scenario.origin.uplink;
    (scenario.paths.latency_min, scenario.paths.latency_max) =
        (Duration::from_micros(200), Duration::from_micros(300));
    scenario
}

#[test]
fn behind_a_narrow_origin_all_is_in_time_and_little_leaves_it_twice() {
    each_seed(
        0..3,
        |seed| scarce(seed, 32),
        |outcome| {
            assert_eq!(outcome.missed, 0);
            assert!(outcome.copies <= 1.1);
            assert!(outcome.duplicate_fraction <= 0.03);
        },
    );
}
