//! What a node has been seen to carry, from the probes of the last six hours. Pure.
//!
//! An uplink is what a node says it is. What it gives a measurer is what it gives whoever asks, because it cannot tell
//! them apart; and how many ask it is decided by whom the coordinator shows it to. So what one measurer was given in
//! a window, in the mean, times the receivers that the node was shown to, is what it carries; a quarter over that it is
//! believed. Twenty identities on one uplink give each measurer a twentieth. What two measurers or more were given
//! in one window is believed as it is: so much at once it can.
//!
//! Where nobody measures, nothing is known, and uplinks are what nodes say.

use std::collections::BTreeMap;
use std::time::Duration;

use streamr_coordinator_api::Membership;
use streamr_model::{BitsPerSecond, NodeId, Window};

use crate::neighbours::RINGS;
use crate::probes::Probe;

/// Windows of the past, the present hour's among them, that tell what a node carries: six hours.
pub const RECENT_WINDOWS: u64 = 72;
/// Until it was looked at so often, a node counts as one that is usual.
const FEWEST_PROBES: u64 = 3;
/// What an unknown uplink is taken for at least: what nodes begin with (ADR 5).
const UNKNOWN: BitsPerSecond = BitsPerSecond(2_000_000);
/// Neighbours that an elector may have beside those of everybody.
const OF_ELECTORS: u64 = 12;

/// Whom a node can have as receivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those beside it.
    Supporter,
    /// More of them: electors and the fast have rings of their own.
    Elector,
}

/// To how many a node is shown, as it is to them, in a stream with so many supporters.
pub fn receivers(supporters: usize, part: Part) -> u64 {
    if supporters <= Membership::MAX_EVERYBODY {
        return supporters.saturating_sub(1).max(1) as u64;
    }
    2 * RINGS as u64 + if part == Part::Elector { OF_ELECTORS } else { 0 }
}

/// What the nodes of a stream carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacities {
    /// Bytes in a window.
    measured: BTreeMap<NodeId, u64>,
    /// The same of whoever has not been looked at often enough.
    start: u64,
}

#[derive(Debug, Default)]
struct Seen {
    probes: u64,
    bytes: u64,
    /// What all measurers were given in a window, and how many they were.
    together: BTreeMap<Window, (u64, u64)>,
}

impl Capacities {
    /// From the probes of [`RECENT_WINDOWS`]; `None` where they tell of nobody.
    pub fn of(probes: &[Probe], receivers: impl Fn(&NodeId) -> u64) -> Option<Self> {
        let mut seen: BTreeMap<NodeId, Seen> = BTreeMap::new();
        for probe in probes {
            let seen = seen.entry(probe.provider).or_default();
            seen.probes += 1;
            seen.bytes = seen.bytes.saturating_add(probe.counts.bytes);
            let (bytes, measurers) = seen.together.entry(probe.window).or_default();
            *bytes = bytes.saturating_add(probe.counts.bytes);
            *measurers += 1;
        }
        let often = seen.iter().filter(|(_, seen)| seen.probes >= FEWEST_PROBES);
        let measured: BTreeMap<NodeId, u64> =
            often.map(|(node, seen)| (*node, seen.carries(receivers(node)))).collect();
        let mut all: Vec<u64> = measured.values().copied().collect();
        all.sort_unstable();
        let median = *all.get(all.len() / 2)?;
        Some(Self { measured, start: median.max(in_a_window(UNKNOWN)) })
    }

    /// What `node` was seen to carry in a window, in bytes; `None` until it was looked at often enough.
    pub fn measured(&self, node: &NodeId) -> Option<u64> {
        self.measured.get(node).copied()
    }

    /// What whoever has not been looked at often enough is taken for: the median of the others.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// What `node` is taken to carry in a window, in bytes.
    pub fn of_node(&self, node: &NodeId) -> u64 {
        self.measured(node).unwrap_or(self.start)
    }

    /// The same as a rate.
    pub fn uplink(&self, node: &NodeId) -> BitsPerSecond {
        let bits = u128::from(self.of_node(node)) * 8 * 1000 / u128::from(Window::MS);
        BitsPerSecond(u64::try_from(bits).unwrap_or(u64::MAX))
    }
}

impl Seen {
    fn carries(&self, receivers: u64) -> u64 {
        let mean = u128::from(self.bytes) * u128::from(receivers) / u128::from(self.probes.max(1));
        let mean = u64::try_from(mean).unwrap_or(u64::MAX);
        let bursts = self.together.values().filter(|(_, measurers)| *measurers >= 2);
        let burst = bursts.map(|(bytes, _)| *bytes).max().unwrap_or(0);
        mean.saturating_add(mean / 4).max(burst)
    }
}

fn in_a_window(rate: BitsPerSecond) -> u64 {
    rate.bytes_in(Duration::from_millis(Window::MS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credit::Counts;
    use proptest::prelude::*;

    fn node(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    fn probe(window: u64, provider: u8, measurer: u8, bytes: u64) -> Probe {
        let counts = Counts { bytes, ..Counts::default() };
        Probe { window: Window(window), provider: node(provider), measurer: node(measurer), counts }
    }

    fn of(probes: &[Probe], receivers: u64) -> Option<Capacities> {
        Capacities::of(probes, |_| receivers)
    }

    #[test]
    fn a_node_carries_what_a_measurer_is_given_times_its_receivers_and_is_believed_a_quarter_more() {
        let probes = [probe(1, 1, 9, 100), probe(2, 1, 9, 0), probe(3, 1, 8, 200)];
        assert_eq!(of(&probes, 16).unwrap().measured(&node(1)), Some(2_000));
    }

    #[test]
    fn what_two_measurers_are_given_at_once_is_believed_as_it_is_and_what_one_is_given_is_not() {
        let alone = [probe(1, 1, 9, 900), probe(2, 1, 9, 0), probe(3, 1, 9, 0)];
        assert_eq!(of(&alone, 1).unwrap().measured(&node(1)), Some(375));
        let burst = [probe(1, 1, 9, 900), probe(1, 1, 8, 900), probe(2, 1, 9, 0), probe(3, 1, 9, 0)];
        assert_eq!(of(&burst, 1).unwrap().measured(&node(1)), Some(1_800));
    }

    #[test]
    fn a_newcomer_is_taken_for_the_median_until_it_was_looked_at_three_times() {
        assert_eq!(of(&[probe(1, 1, 9, 100), probe(2, 1, 9, 100)], 16), None, "nobody was, yet");
        let fast = in_a_window(UNKNOWN);
        let probes: Vec<Probe> = (0..3)
            .flat_map(|w| [probe(w, 1, 9, fast), probe(w, 2, 9, 4 * fast), probe(w, 3, 9, 8 * fast)])
            .chain([probe(0, 4, 9, 0)])
            .collect();
        let all = of(&probes, 4).unwrap();
        assert_eq!(
            (all.measured(&node(4)), all.of_node(&node(4)), all.start()),
            (None, 20 * fast, 20 * fast)
        );
        assert_eq!(all.uplink(&node(4)), BitsPerSecond(40_000_000));
        let slow: Vec<Probe> = (0..3).map(|w| probe(w, 1, 9, 1)).collect();
        assert_eq!(of(&slow, 4).unwrap().uplink(&node(4)), UNKNOWN);
    }

    #[test]
    fn a_node_has_the_receivers_that_it_is_shown_to() {
        let of = |supporters| receivers(supporters, Part::Supporter);
        assert_eq!([0, 1, 2, 32, 33, 10_000].map(of), [1, 1, 1, 31, 16, 16]);
        assert_eq!([32, 33].map(|supporters| receivers(supporters, Part::Elector)), [31, 28]);
    }

    proptest! {
        #[test]
        fn an_uplink_that_is_split_is_seen_to_carry_no_more_than_before(
            given in proptest::collection::vec((0_u64..72, 1_u64..1 << 30), 3..40), parts in 1_u64..20,
        ) {
            let whole: Vec<Probe> = given.iter().map(|(window, bytes)| probe(*window, 0, 9, *bytes)).collect();
            let split: Vec<Probe> = (1..=parts)
                .flat_map(|part| given.iter().map(move |(window, bytes)| (part, *window, bytes / parts)))
                .map(|(part, window, bytes)| probe(window, u8::try_from(part).unwrap(), 9, bytes))
                .collect();
            let carried = |probes: &[Probe], nodes: std::ops::RangeInclusive<u8>| {
                let all = of(probes, 16).unwrap();
                nodes.map(|n| all.measured(&node(n)).unwrap()).sum::<u64>()
            };
            let last = u8::try_from(parts).unwrap();
            prop_assert!(carried(&split, 1..=last) <= carried(&whole, 0..=0));
        }

        #[test]
        fn no_sum_overflows(bytes in proptest::collection::vec(any::<u64>(), 3..9), receivers in any::<u64>()) {
            let probes: Vec<Probe> = bytes.iter().map(|bytes| probe(*bytes % 3, 1, 9, *bytes)).collect();
            let all = of(&probes, receivers).unwrap();
            prop_assert_eq!(all.measured(&node(1)), Some(all.of_node(&node(1))));
        }
    }
}
