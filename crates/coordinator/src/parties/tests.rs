use super::*;
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

const KEY: [u8; 32] = [7; 32];
const DAY_MS: u64 = 86_400_000;

fn node(n: u8) -> NodeId {
    NodeId([n; 32])
}

fn network(address: &str) -> Option<Network> {
    Network::of(address.parse().unwrap(), 5, &KEY)
}

/// A node that came and went at these seconds.
fn moves(n: u8, seconds: impl IntoIterator<Item = u64>) -> Vec<Move> {
    let turn = |at: usize| if at.is_multiple_of(2) { Turn::Came } else { Turn::Went };
    let seconds = seconds.into_iter().enumerate();
    seconds.map(|(at, s)| Move { at: UnixMs(s * 1000), turn: turn(at), node: node(n) }).collect()
}

fn moving(all: &[Vec<Move>]) -> Parties {
    parties(&Ties { moves: all.concat(), ..Ties::default() })
}

#[test]
fn a_network_is_a_twenty_fourth_or_a_forty_eighth_and_is_known_for_an_hour() {
    assert_eq!(network("192.0.2.1"), network("192.0.2.254"));
    assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
    assert_eq!(network("::ffff:192.0.2.9"), network("192.0.2.1"));
    assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:ffff::9"));
    assert_ne!(network("2001:db8:1::1"), network("2001:db8:2::1"));
    let address = "192.0.2.1".parse().unwrap();
    assert_ne!(Network::of(address, 5, &KEY), Network::of(address, 6, &KEY));
    assert_ne!(Network::of(address, 5, &KEY), Network::of(address, 5, &[8; 32]));
}

#[test]
fn addresses_that_many_networks_use_tie_nobody() {
    for address in
        ["127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "100.64.0.1", "169.254.0.1", "0.0.0.0"]
    {
        assert_eq!(network(address), None, "{address}");
    }
    for address in ["::1", "fe80::1", "fd00::1", "::"] {
        assert_eq!(network(address), None, "{address}");
    }
}

#[test]
fn an_account_a_network_and_what_lies_between_make_one_party() {
    let (account, here, there) = (AccountId([1; 32]), Network([1; 16]), Network([2; 16]));
    let ties = Ties {
        accounts: vec![(node(1), account), (node(2), account), (node(7), AccountId([9; 32]))],
        networks: vec![
            (node(2), here),
            (node(3), here),
            (node(5), there),
            (node(4), there),
            (node(6), Network([3; 16])),
        ],
        moves: vec![],
    };
    let expected: Parties =
        [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1)].map(|(n, party)| (node(n), party)).into();
    assert_eq!(parties(&ties), expected);
}

#[test]
fn nodes_that_come_and_go_together_all_day_are_one_party() {
    let day = [10, 4_000, 9_000, 20_000, 40_000, 50_000, 70_000];
    let with = |off: u64| day.map(|second| second + off);
    assert_eq!(moving(&[moves(1, day), moves(2, with(4))]).len(), 2);
    assert!(moving(&[moves(1, day), moves(2, with(6))]).is_empty(), "not in the same moment");
    assert!(moving(&[moves(1, day[..5].to_vec()), moves(2, day[..5].to_vec())]).is_empty(), "too few");
    let other = [10, 4_000, 9_000, 20_000, 40_000, 61_000, 80_000];
    assert!(moving(&[moves(1, day), moves(2, other)]).is_empty(), "five of seven");
    let mut more = with(1).to_vec();
    more.extend([71_000, 72_000, 73_000, 74_000]);
    assert!(moving(&[moves(1, day), moves(2, more)]).is_empty(), "one of the two went its own ways as well");
}

#[test]
fn what_everybody_does_at_once_ties_nobody() {
    let outages = [10, 4_000, 9_000, 20_000, 40_000, 50_000, 70_000];
    let all: Vec<Vec<Move>> = (0..60).map(|n| moves(n, outages)).collect();
    assert!(moving(&all).is_empty());
    assert_eq!(moving(&all[..40]).len(), 40);
}

#[test]
fn nodes_of_their_own_are_hardly_ever_taken_for_one_party() {
    let mut chance = SmallRng::seed_from_u64(1);
    let mut tied = 0;
    for _ in 0..50 {
        let mut all = Vec::new();
        for n in 0..100 {
            let mut seconds: Vec<u64> = (0..8).map(|_| chance.random_range(0..DAY_MS / 1000)).collect();
            seconds.sort_unstable();
            all.push(moves(n, seconds));
        }
        tied += moving(&all).len();
    }
    assert_eq!(tied, 0, "of 5,000 days");
}

proptest! {
    #[test]
    fn the_order_of_ties_does_not_matter(
        pairs in proptest::collection::vec((0_u8..20, 0_u8..6), 0..30).prop_shuffle(),
    ) {
        let tie = |(n, network): &(u8, u8)| (node(*n), Network([*network; 16]));
        let forward = Ties { networks: pairs.iter().map(tie).collect(), ..Ties::default() };
        let backward = Ties { networks: pairs.iter().rev().map(tie).collect(), ..Ties::default() };
        prop_assert_eq!(parties(&forward), parties(&backward));
        for (one, network) in &forward.networks {
            for (other, _) in forward.networks.iter().filter(|(node, same)| same == network && node != one) {
                prop_assert_eq!(parties(&forward)[one], parties(&forward)[other]);
            }
        }
    }
}
