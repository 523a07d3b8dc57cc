//! Swarms of up to ten nodes: what must come out whatever the seed.

use std::time::Duration;

use streamr_model::BitsPerSecond;
use streamr_sim::{Churn, Flash, Scenario, Service};

use crate::each_seed;

/// The seeds every behaviour is tried with.
const SEEDS: std::ops::Range<u64> = 0..12;

/// Everybody gives five times the stream's rate.
fn plenty(seed: u64, nodes: u32) -> Scenario {
    Scenario { nodes, ..Scenario::new(seed) }.with_equal_uplinks(500)
}

fn half_way(nodes: u32) -> Option<Flash> {
    Some(Flash { at: Duration::from_millis(14_700), nodes })
}

#[test]
fn a_stable_swarm_takes_about_one_copy_from_the_origin() {
    each_seed(
        SEEDS,
        |seed| plenty(seed, 8),
        |outcome| {
            assert_eq!(outcome.missed, 0);
            assert!(outcome.copies <= 1.05);
            assert!(outcome.duplicate_fraction <= 0.03);
        },
    );
}

#[test]
fn an_origin_without_range_is_spared_by_way_of_the_seed() {
    let scenario = |seed| {
        let mut scenario = plenty(seed, 6);
        scenario.origin.has_range = false;
        scenario
    };
    each_seed(SEEDS, scenario, |outcome| {
        assert_eq!(outcome.missed, 0);
        assert!(outcome.copies <= 1.3);
    });
}

#[test]
fn a_single_node_plays_from_the_origin_alone() {
    each_seed(
        SEEDS,
        |seed| plenty(seed, 1),
        |outcome| {
            assert_eq!((outcome.missed, outcome.expected), (0, 12));
            assert!((outcome.copies - 1.0).abs() < 0.01);
        },
    );
}

#[test]
fn nodes_that_vanish_cost_the_others_nothing_but_a_few_blocks() {
    let churn = Churn { flash_leave: half_way(3), ..Churn::default() };
    each_seed(
        SEEDS,
        |seed| Scenario { churn, ..plenty(seed, 9) },
        |outcome| {
            assert_eq!(outcome.missed, 0);
            assert!(outcome.copies <= 1.5);
        },
    );
}

#[test]
fn a_polluter_is_dropped_by_everybody_and_nothing_bad_is_kept() {
    each_seed(
        SEEDS,
        |seed| Scenario { polluters: 1, ..plenty(seed, 6) },
        |outcome| {
            assert_eq!(outcome.bad_unpunished, 0);
            assert_eq!(outcome.missed, 0);
            assert_eq!(outcome.bans, 5);
        },
    );
}

#[test]
fn peers_that_promise_and_never_deliver_delay_nothing_past_its_deadline() {
    each_seed(
        SEEDS,
        |seed| Scenario { silent: 2, ..plenty(seed, 6) },
        |outcome| {
            assert_eq!(outcome.missed, 0);
        },
    );
}

#[test]
fn a_liar_among_few_delays_nothing_past_its_deadline() {
    each_seed(
        SEEDS,
        |seed| Scenario { liars: 1, ..plenty(seed, 6) },
        |outcome| {
            assert_eq!(outcome.missed, 0);
        },
    );
}

#[test]
fn who_passes_over_a_fifth_of_its_requests_is_told_from_others_by_what_its_neighbours_miss() {
    let failed_ppm = |services: &[Service], is_dropper: bool| {
        let of = services.iter().filter(|service| service.is_dropper == is_dropper);
        let (asked, in_time) =
            of.fold((0_u64, 0), |(a, b), one| (a + u64::from(one.asked), b + u64::from(one.in_time)));
        (asked - in_time) * 1_000_000 / asked.max(1)
    };
    each_seed(
        SEEDS,
        |seed| Scenario { droppers: 1, segments: 40, ..Scenario::in_lab(seed, 16, 800) },
        |outcome| {
            let (dropper, honest) =
                (failed_ppm(&outcome.services, true), failed_ppm(&outcome.services, false));
            assert!(dropper >= 100_000, "a tenth and more: {dropper}");
            assert!(honest < 50_000, "hardly anything: {honest}");
        },
    );
}

#[test]
fn uplinks_too_small_for_everybody_are_made_up_for_by_the_origin() {
    let scenario = |seed| Scenario { nodes: 6, ..Scenario::new(seed) }.with_equal_uplinks(38);
    each_seed(SEEDS, scenario, |outcome| {
        assert_eq!(outcome.missed, 0);
        assert!(outcome.copies < 5.0, "peers must still carry a part");
    });
}

#[test]
fn a_node_that_joins_midway_gets_the_backlog_from_its_peers() {
    let churn = Churn { flash_join: half_way(2), ..Churn::default() };
    each_seed(
        SEEDS,
        |seed| Scenario { churn, ..plenty(seed, 3) },
        |outcome| {
            assert_eq!((outcome.missed, outcome.given_up), (0, 0));
            assert!(outcome.copies <= 1.2);
        },
    );
}

#[test]
fn nodes_that_cannot_reach_each_other_live_from_the_origin() {
    let scenario = |seed| {
        let mut scenario = plenty(seed, 4);
        scenario.paths.unreachable_per_mille = 1_000;
        scenario
    };
    each_seed(SEEDS, scenario, |outcome| {
        assert_eq!(outcome.missed, 0);
        assert!((outcome.copies - 4.0).abs() < 0.1);
    });
}

#[test]
fn lost_messages_and_slow_downlinks_cost_time_and_nothing_else() {
    let scenario = |seed| {
        let mut scenario = plenty(seed, 8);
        scenario.paths.loss_per_mille = 20;
        scenario.paths.downlink_rate_percent = Some(300);
        scenario
    };
    each_seed(SEEDS, scenario, |outcome| {
        assert_eq!(outcome.missed, 0);
        assert!(outcome.copies <= 1.05);
    });
}

#[test]
fn an_origin_that_is_nearly_full_serves_one_copy_all_the_same() {
    let scenario = |seed| {
        let mut scenario = plenty(seed, 8);
        scenario.origin.uplink = BitsPerSecond(scenario.rate().0 * 2);
        scenario
    };
    each_seed(SEEDS, scenario, |outcome| {
        assert_eq!(outcome.missed, 0);
        assert!(outcome.copies <= 1.05);
    });
}

#[test]
fn the_same_scenario_gives_the_same_run_and_another_seed_another() {
    let churn = Churn { session_mean: Some(Duration::from_secs(30)), ..Churn::default() };
    let run = |seed| Scenario { churn, polluters: 1, ..plenty(seed, 8) }.run();
    let (first, second) = (run(7), run(7));
    assert_eq!(first, second);
    assert_ne!(first.events, run(8).events);
}
