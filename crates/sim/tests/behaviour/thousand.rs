//! Swarms of a thousand nodes of DESIGN.md's population, at a load of 0.8, and what can happen to them.

use std::time::Duration;

use streamr_sim::{Churn, Flash, Outcome, Scenario};

use crate::each_seed;

/// Few, because each takes seconds; `small` tries many.
const SEEDS: std::ops::Range<u64> = 0..2;

/// A thousand nodes, three segments of 1 MiB.
fn thousand(seed: u64) -> Scenario {
    Scenario { nodes: 1_000, segments: 3, ..Scenario::new(seed) }
}

/// At a moment when one segment is half way and the next is about to come.
fn flash(nodes: u32) -> Option<Flash> {
    Some(Flash { at: Scenario::FIRST_PUBLICATION + Duration::from_millis(1_500), nodes })
}

fn are_spared(outcome: &Outcome, most_copies: f64) {
    assert_eq!(outcome.missed, 0);
    assert!(outcome.late_fraction <= 0.001);
    assert!(outcome.copies <= most_copies);
    assert!(outcome.duplicate_fraction <= 0.03);
}

#[test]
fn a_thousand_nodes_take_little_more_than_one_copy_and_share_the_rest() {
    each_seed(SEEDS, thousand, |outcome| {
        are_spared(outcome, 1.1);
        // What no swarm can undercut: the blocks of a segment one after the other, and a hop for each doubling.
        let bound_blocks = 32.0 + 1_000_f64.log2();
        let slowest = outcome.last_peer_ms.iter().copied().fold(0.0, f64::max);
        assert!(slowest <= 1.8 * bound_blocks * outcome.block_time_ms);
        assert!(outcome.control_fraction <= 0.03);
    });
}

#[test]
fn sessions_of_a_minute_cost_a_thousand_nodes_less_than_a_second_copy() {
    let churn = Churn { session_mean: Some(Duration::from_secs(60)), ..Churn::default() };
    each_seed(SEEDS, |seed| Scenario { churn, ..thousand(seed) }, |outcome| are_spared(outcome, 2.0));
}

/// Newcomers are told of what is live by newcomers too; were they told of more, it would go on for ever.
#[test]
fn what_is_over_is_not_passed_from_newcomer_to_newcomer() {
    let churn = Churn { session_mean: Some(Duration::from_secs(60)), ..Churn::default() };
    let scenario = |seed| Scenario { nodes: 300, segments: 16, churn, ..thousand(seed) };
    each_seed(SEEDS, scenario, |outcome| are_spared(outcome, 2.0));
}

#[test]
fn when_three_in_ten_vanish_at_once_the_others_miss_nothing() {
    let churn = Churn { flash_leave: flash(300), ..Churn::default() };
    each_seed(SEEDS, |seed| Scenario { churn, ..thousand(seed) }, |outcome| are_spared(outcome, 2.0));
}

#[test]
fn when_nine_times_as_many_come_at_once_nobody_who_was_there_misses_anything() {
    let churn = Churn { flash_join: flash(900), ..Churn::default() };
    each_seed(
        SEEDS,
        |seed| Scenario { nodes: 100, churn, ..thousand(seed) },
        |outcome| {
            are_spared(outcome, 2.0);
        },
    );
}

#[test]
fn a_tenth_of_all_pairs_that_cannot_connect_is_routed_around() {
    let scenario = |seed| {
        let mut scenario = thousand(seed);
        scenario.paths.unreachable_per_mille = 100;
        scenario
    };
    each_seed(SEEDS, scenario, |outcome| are_spared(outcome, 1.1));
}

#[test]
fn lost_messages_cost_a_thousand_nodes_time_and_nothing_else() {
    let scenario = |seed| {
        let mut scenario = thousand(seed);
        scenario.paths.loss_per_mille = 10;
        scenario
    };
    each_seed(SEEDS, scenario, |outcome| are_spared(outcome, 1.1));
}

#[test]
fn fifty_polluters_among_a_thousand_are_banned_and_nothing_is_missed() {
    each_seed(
        SEEDS,
        |seed| Scenario { polluters: 50, ..thousand(seed) },
        |outcome| {
            are_spared(outcome, 8.0);
            // What those took whom nobody serves any more is not the swarm's.
            assert!(outcome.copies - outcome.copies_of_polluters <= 2.0);
            assert_eq!(outcome.bad_unpunished, 0);
            assert!(outcome.bans >= 50, "each was found out by somebody");
        },
    );
}

#[test]
fn fifty_silent_among_a_thousand_keep_nobody_from_the_stream() {
    each_seed(SEEDS, |seed| Scenario { silent: 50, ..thousand(seed) }, |outcome| are_spared(outcome, 2.0));
}

#[test]
fn fifty_liars_among_a_thousand_cost_less_than_a_second_copy() {
    each_seed(SEEDS, |seed| Scenario { liars: 50, ..thousand(seed) }, |outcome| are_spared(outcome, 2.0));
}
