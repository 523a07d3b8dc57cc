//! Several renditions of a stream: each leaves the origin about once, and nobody pays for what nobody plays.

use streamr_sim::Scenario;

use crate::each_seed;

const SEEDS: std::ops::Range<u64> = 0..8;

/// Everybody gives five times a rendition's rate.
fn plenty(seed: u64, nodes: u32, renditions: u16) -> Scenario {
    Scenario { nodes, renditions, ..Scenario::new(seed) }.with_equal_uplinks(500)
}

#[test]
fn each_rendition_leaves_the_origin_about_once_whoever_plays_it() {
    each_seed(
        SEEDS,
        |seed| plenty(seed, 12, 3),
        |outcome| {
            assert_eq!((outcome.missed, outcome.given_up), (0, 0));
            assert_eq!(outcome.expected, 12 * 12, "everybody plays one of three");
            assert!(outcome.copies <= 1.05);
            assert!(outcome.copies_worst <= 1.3);
            assert_eq!(outcome.blocks_unplayed, 0);
            assert!(outcome.duplicate_fraction <= 0.03);
        },
    );
}

#[test]
fn a_rendition_that_nobody_plays_leaves_the_origin_once_and_no_peer_sends_it() {
    each_seed(
        SEEDS,
        |seed| Scenario { watching_percent: 0, ..plenty(seed, 8, 4) },
        |outcome| {
            assert_eq!((outcome.expected, outcome.given_up), (0, 0));
            assert!((0.99..=1.01).contains(&outcome.copies), "each stripe by its owner and nobody else");
            assert_eq!(outcome.blocks_unplayed, 0);
        },
    );
}

#[test]
fn helpers_give_a_few_players_what_they_play() {
    each_seed(
        SEEDS,
        |seed| Scenario { watching_percent: 30, ..plenty(seed, 20, 2) },
        |outcome| {
            assert!(outcome.expected > 0);
            assert_eq!((outcome.missed, outcome.given_up), (0, 0));
            assert!(outcome.copies <= 1.05);
            assert_eq!(outcome.blocks_unplayed, 0);
        },
    );
}

#[test]
fn an_origin_without_range_gives_each_rendition_once_by_way_of_the_seed() {
    let scenario = |seed| {
        let mut scenario = plenty(seed, 6, 2);
        scenario.origin.has_range = false;
        scenario
    };
    each_seed(SEEDS, scenario, |outcome| {
        assert_eq!((outcome.missed, outcome.given_up), (0, 0));
        assert!(outcome.copies <= 1.3);
    });
}

/// Beyond a full mesh neighbours are not chosen by what they play: a few have none that plays the same.
#[test]
fn in_a_large_swarm_whoever_has_no_neighbour_that_plays_the_same_lives_from_the_origin() {
    each_seed(
        0..3,
        |seed| plenty(seed, 100, 4),
        |outcome| {
            assert!(outcome.missed * 100 <= outcome.expected);
            assert!(outcome.copies <= 1.6);
            assert_eq!(outcome.blocks_unplayed, 0);
        },
    );
}
