use super::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

fn node(n: u8) -> NodeId {
    NodeId([n; 32])
}

/// A day of windows in which three of twenty are assigned by chance, and what `signs` makes of each.
fn day(
    windows: u64,
    chance: &mut SmallRng,
    mut signs: impl FnMut(&[u8], &mut SmallRng) -> [u64; 3],
) -> Vec<UnderGrant> {
    let mut grants = Vec::new();
    for window in (0..windows).map(Window) {
        let mut three = BTreeSet::new();
        while three.len() < 3 {
            three.insert(chance.random_range(0..20_u8));
        }
        let three: Vec<u8> = three.into_iter().collect();
        for (provider, bytes) in three.iter().zip(signs(&three, chance)) {
            grants.push(UnderGrant { window, provider: node(*provider), cap_bytes: 1_000, bytes });
        }
    }
    grants
}

#[test]
fn who_signs_only_when_its_friend_is_assigned_is_suspected_and_of_whom() {
    let mut chance = SmallRng::seed_from_u64(1);
    let friend = |three: &[u8], _: &mut SmallRng| {
        let is_friend = |at: usize| if three[at] == 7 { 900 } else { 0 };
        [is_friend(0), is_friend(1), is_friend(2)]
    };
    let found = skew(&day(288, &mut chance, friend)).unwrap();
    assert_eq!((found.provider, found.windows, found.signed), (node(7), 288, found.signed_assigned));
    assert_eq!(found.assigned, found.signed_assigned);
    // A trickle for the others is nothing.
    let trickle = |three: &[u8], _: &mut SmallRng| [0, 1, 2].map(|at| if three[at] == 7 { 900 } else { 3 });
    assert_eq!(skew(&day(288, &mut chance, trickle)).unwrap().provider, node(7));
}

#[test]
fn a_few_windows_tell_nothing_and_half_a_day_does() {
    let mut chance = SmallRng::seed_from_u64(2);
    let friend = |three: &[u8], _: &mut SmallRng| [0, 1, 2].map(|at| if three[at] == 7 { 900 } else { 0 });
    assert_eq!(skew(&day(12, &mut chance, friend)), None);
    let caught = (0..100).filter(|_| skew(&day(144, &mut chance, friend)).is_some()).count();
    assert!(caught >= 99, "{caught} of 100");
}

#[test]
fn who_watches_now_and_then_whoever_is_assigned_is_not_suspected() {
    let mut chance = SmallRng::seed_from_u64(3);
    let mut suspected = 0;
    for _ in 0..2_000 {
        let share = chance.random_range(0.05..0.95);
        let watches = |_: &[u8], chance: &mut SmallRng| {
            if chance.random_bool(share) { [300, 20, 700] } else { [0, 0, 0] }
        };
        suspected += usize::from(skew(&day(288, &mut chance, watches)).is_some());
    }
    assert_eq!(suspected, 0, "of 2,000 days");
}

#[test]
fn one_provider_that_gives_most_of_all_is_nobodys_fault() {
    let mut chance = SmallRng::seed_from_u64(4);
    let uneven = |three: &[u8], _: &mut SmallRng| [0, 1, 2].map(|at| if three[at] == 7 { 1_000 } else { 40 });
    assert_eq!(skew(&day(288, &mut chance, uneven)), None);
}

#[test]
fn chances_are_those_of_the_hypergeometric_distribution() {
    let of = |windows, signed, assigned, signed_assigned| {
        Skew { provider: node(0), windows, signed, assigned, signed_assigned }.by_chance()
    };
    // Fisher's tea: eight cups, four with milk first, all four told.
    assert!((of(8, 4, 4, 4) - 1.0 / 70.0).abs() < 1e-12);
    assert!((of(8, 4, 4, 3) - 17.0 / 70.0).abs() < 1e-12);
    assert!((of(288, 100, 43, 0) - 1.0).abs() < 1e-9);
    assert!(of(288, 43, 43, 43) < 1e-40);
    assert!((of(10, 10, 3, 3) - 1.0).abs() < 1e-12, "whoever always signs");
    assert!((of(10, 9, 3, 2) - 1.0).abs() < 1e-12, "two of three at least");
}

#[test]
fn only_windows_of_both_kinds_are_looked_at() {
    let mixed = |sums: &[u64]| is_mixed(sums.iter().copied());
    assert!(mixed(&[0, 0, 0, 9, 9, 9]) && !mixed(&[0, 0, 9, 9, 9]) && !mixed(&[9; 288]) && !mixed(&[0; 288]));
    assert!(mixed(&[1, 1, 1, 900, 900, 800]) && !mixed(&[]));
}
