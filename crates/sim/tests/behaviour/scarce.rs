//! Swarms as in the lab's `bound`: an origin of two copies, uplinks that hardly suffice.

use std::time::Duration;

use streamr_sim::{Scenario, Strain};

use crate::each_seed;

#[test]
fn behind_a_narrow_origin_all_is_in_time_and_little_leaves_it_twice() {
    for (nodes, load_per_mille) in [(32, 800), (32, 900), (64, 900)] {
        let scenario = |seed| Scenario { segments: 20, ..Scenario::in_lab(seed, nodes, load_per_mille) };
        each_seed(0..3, scenario, |outcome| {
            assert_eq!(outcome.missed, 0);
            assert!(outcome.copies <= 1.1);
            assert!(outcome.duplicate_fraction <= 0.03);
        });
    }
}

#[test]
fn when_uplinks_just_suffice_hardly_a_segment_is_missed_however_long_it_lasts() {
    let scenario = |seed| Scenario { segments: 40, ..Scenario::in_lab(seed, 32, 950) };
    each_seed(0..3, scenario, |outcome| assert!(outcome.missed * 20 <= outcome.expected));
}

/// Households send other things for eight seconds; what is left of their uplinks is half of what the stream needs.
#[test]
fn a_swarm_that_fell_behind_catches_up_as_soon_as_it_can() {
    let seconds = Duration::from_secs;
    let strain = Some(Strain { from: seconds(14), until: seconds(22), percent: 50 });
    let strained = |seed| Scenario { segments: 32, strain, ..Scenario::in_lab(seed, 32, 900) };
    each_seed(0..3, strained, |outcome| {
        let (before, later) = (&outcome.missed_each[..4], &outcome.missed_each[20..]);
        assert_eq!(before, [0; 4], "those due before it");
        assert!(outcome.missed > 0, "it is too much to bear");
        assert_eq!(later, [0; 12], "those published 20 s after it and later");
    });
}
