//! The production swarm in a seeded world of simulated links, origin and peers: what must come out.
//!
//! A failing seed is printed by the assertion; `Scenario::seed` replays it exactly.

#![expect(clippy::unwrap_used, reason = "test support outside #[test] functions")]

mod world {
    pub(crate) mod links;
    pub(crate) mod scenario;
}

use world::scenario::{Outcome, Scenario};

/// The seeds every behaviour is tried with.
const SEEDS: std::ops::Range<u64> = 0..12;

fn each_seed(scenario: impl Fn(u64) -> Scenario, check: impl Fn(&Outcome, &str)) {
    for seed in SEEDS {
        let outcome = scenario(seed).run();
        check(&outcome, &format!("seed {seed}: {outcome:?}"));
    }
}

#[test]
fn a_stable_swarm_takes_about_one_copy_from_the_origin() {
    each_seed(
        |seed| Scenario { nodes: 8, ..Scenario::new(seed) },
        |outcome, told| {
            assert_eq!(outcome.missed, 0, "{told}");
            assert!(outcome.copies <= 1.05, "{told}");
            assert!(outcome.duplicate_fraction <= 0.03, "{told}");
            assert_eq!(outcome.out_of_order, 0, "{told}");
        },
    );
}

#[test]
fn an_origin_without_range_is_spared_by_way_of_the_seed() {
    each_seed(
        |seed| Scenario { nodes: 6, origin_has_range: false, ..Scenario::new(seed) },
        |outcome, told| {
            assert_eq!(outcome.missed, 0, "{told}");
            assert!(outcome.copies <= 1.3, "{told}");
        },
    );
}

#[test]
fn a_single_node_plays_from_the_origin_alone() {
    each_seed(
        |seed| Scenario { nodes: 1, ..Scenario::new(seed) },
        |outcome, told| {
            assert_eq!(outcome.missed, 0, "{told}");
            assert!((outcome.copies - 1.0).abs() < 0.01, "{told}");
        },
    );
}

#[test]
fn nodes_that_vanish_cost_the_others_nothing_but_a_few_blocks() {
    each_seed(
        |seed| Scenario { nodes: 9, vanish: 3, ..Scenario::new(seed) },
        |outcome, told| {
            assert_eq!(outcome.missed, 0, "{told}");
            assert!(outcome.copies <= 1.5, "{told}");
        },
    );
}

#[test]
fn a_polluter_is_dropped_by_everybody_and_nothing_bad_is_kept() {
    each_seed(
        |seed| Scenario { nodes: 6, polluters: 1, ..Scenario::new(seed) },
        |outcome, told| {
            assert_eq!(outcome.bad_kept, 0, "{told}");
            assert_eq!(outcome.missed, 0, "{told}");
            assert_eq!(outcome.polluters_banned_by, 5, "{told}");
        },
    );
}

#[test]
fn peers_that_promise_and_never_deliver_delay_nothing_past_its_deadline() {
    each_seed(
        |seed| Scenario { nodes: 6, silent: 2, ..Scenario::new(seed) },
        |outcome, told| assert_eq!(outcome.missed, 0, "{told}"),
    );
}

#[test]
fn uplinks_too_small_for_everybody_are_made_up_for_by_the_origin() {
    each_seed(
        |seed| Scenario { nodes: 6, uplink_bps: 1_500_000, ..Scenario::new(seed) },
        |outcome, told| {
            assert_eq!(outcome.missed, 0, "{told}");
            assert!(outcome.copies < 5.0, "peers must still carry a part: {told}");
        },
    );
}

#[test]
fn a_node_that_joins_midway_gets_the_backlog_from_its_peers() {
    each_seed(
        |seed| Scenario { nodes: 5, late: 2, ..Scenario::new(seed) },
        |outcome, told| {
            assert_eq!(outcome.missed, 0, "{told}");
            assert!(outcome.copies <= 1.2, "{told}");
        },
    );
}

#[test]
fn nodes_that_cannot_reach_each_other_live_from_the_origin() {
    each_seed(
        |seed| Scenario { nodes: 4, isolated: true, ..Scenario::new(seed) },
        |outcome, told| {
            assert_eq!(outcome.missed, 0, "{told}");
            assert!((outcome.copies - 4.0).abs() < 0.1, "{told}");
        },
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || Scenario { nodes: 6, vanish: 1, ..Scenario::new(7) }.run();
    assert_eq!(run(), run());
}
