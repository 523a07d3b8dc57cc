//! Who takes part in a stream's elections. Pure.
//!
//! Those with most uplink who have supported for a little while: they take the first copies from the origin,
//! so a strong newcomer that leaves again at once would cost more than it brings. Who is an elector stays one
//! while it is a member, unless a candidate is better by more than a quarter, because with every change of the
//! list stripes change hands. A newcomer that is clearly better takes the place of another newcomer at once:
//! when a broadcast begins all are new, and the first to come need not be the strong ones.

use std::cmp::Reverse;

use streamr_coordinator_api::Membership;
use streamr_model::{NodeId, UnixMs};

/// A member that has supported for less takes no place from one that has not.
pub const RIPE_MS: u64 = 60_000;

/// A member as far as elections go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub node: NodeId,
    /// The uplink it is shown with.
    pub uplink_bps: u64,
    /// When its session began.
    pub since: UnixMs,
}

impl Candidate {
    fn is_ripe(&self, now: UnixMs) -> bool {
        now.0.saturating_sub(self.since.0) >= RIPE_MS
    }

    fn is_clearly_better(&self, than: &Self) -> bool {
        self.uplink_bps > than.uplink_bps.saturating_add(than.uplink_bps / 4)
    }
}

/// Who was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// By id, at most [`Membership::MAX_ELECTORS`].
    pub electors: Vec<NodeId>,
    /// When the choice will be another though no member comes, goes or changes: then somebody will have
    /// supported for long enough.
    pub review_at: Option<UnixMs>,
}

/// Chooses among `members`, none named twice, where `before` are the electors so far, by id and not too many.
/// Choosing again with the outcome changes nothing.
pub fn choose(before: &[NodeId], members: &[Candidate], now: UnixMs) -> Chosen {
    const MAX: usize = Membership::MAX_ELECTORS;
    let mut order: Vec<&Candidate> = members.iter().collect();
    // Those who stay, then the ripe by uplink, then the fresh by uplink.
    order.sort_by_cached_key(|member| {
        let is_new = before.binary_search(&member.node).is_err();
        let is_fresh = is_new && !member.is_ripe(now);
        (is_new, is_fresh, Reverse(member.uplink_bps), member.node)
    });
    let others = order.split_off(order.len().min(MAX));
    let mut electors = order;
    for candidate in &others {
        let may_replace = |elector: &Candidate| candidate.is_ripe(now) || !elector.is_ripe(now);
        if let Some(weakest) = weakest(&mut electors, may_replace)
            && candidate.is_clearly_better(weakest)
        {
            *weakest = candidate;
        }
    }
    let weakest = weakest(&mut electors, |_| true).map(|weakest| *weakest);
    let is_elector = |other: &Candidate| electors.iter().any(|elector| elector.node == other.node);
    let will_do = |other: &&Candidate| {
        !is_elector(other)
            && !other.is_ripe(now)
            && weakest.is_some_and(|weakest| other.is_clearly_better(weakest))
    };
    let review_at = members.iter().filter(will_do).map(|other| UnixMs(other.since.0 + RIPE_MS)).min();
    let mut electors: Vec<NodeId> = electors.iter().map(|elector| elector.node).collect();
    electors.sort_unstable();
    Chosen { electors, review_at }
}

fn weakest<'a, 'b>(
    electors: &'a mut [&'b Candidate],
    counts: impl Fn(&Candidate) -> bool,
) -> Option<&'a mut &'b Candidate> {
    let counting = electors.iter_mut().filter(|elector| counts(elector));
    counting.min_by_key(|elector| (elector.uplink_bps, Reverse(elector.node)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixMs = UnixMs(1_000_000);
    const MAX: usize = Membership::MAX_ELECTORS;

    fn node(n: usize) -> NodeId {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&(n as u64).to_be_bytes());
        NodeId(id)
    }

    fn ripe(n: usize, uplink_bps: u64) -> Candidate {
        Candidate { node: node(n), uplink_bps, since: UnixMs(0) }
    }

    fn fresh(n: usize, uplink_bps: u64, age_ms: u64) -> Candidate {
        Candidate { node: node(n), uplink_bps, since: UnixMs(NOW.0 - age_ms) }
    }

    fn nodes(numbers: impl IntoIterator<Item = usize>) -> Vec<NodeId> {
        numbers.into_iter().map(node).collect()
    }

    #[test]
    fn few_members_are_all_electors_however_fresh() {
        let members: Vec<_> = (0..MAX).rev().map(|n| fresh(n, 1_000 * n as u64, 0)).collect();
        for count in 0..=MAX {
            let few = &members[MAX - count..];
            assert_eq!(choose(&[], few, NOW), Chosen { electors: nodes(0..count), review_at: None });
        }
    }

    #[test]
    fn among_many_those_with_most_uplink_are_chosen() {
        let members: Vec<_> = (0..100).map(|n| ripe(n, 1_000 * (n % 50) as u64)).collect();
        let expected = nodes((34..50).chain(84..100));
        assert_eq!(choose(&[], &members, NOW).electors, expected);
    }

    #[test]
    fn equal_ones_are_taken_by_id() {
        let members: Vec<_> = (0..40).rev().map(|n| ripe(n, 1_000)).collect();
        assert_eq!(choose(&[], &members, NOW).electors, nodes(0..MAX));
    }

    #[test]
    fn an_elector_stays_unless_a_candidate_is_better_by_more_than_a_quarter() {
        let mut members: Vec<_> = (0..40).map(|n| ripe(n, 1_000)).collect();
        let before = nodes(8..40);
        assert_eq!(choose(&before, &members, NOW).electors, before);
        members[0].uplink_bps = 1_250;
        assert_eq!(choose(&before, &members, NOW).electors, before);
        members[0].uplink_bps = 1_251;
        assert_eq!(choose(&before, &members, NOW).electors, nodes([0].into_iter().chain(8..39)));
    }

    #[test]
    fn an_elector_that_left_is_replaced_by_the_best() {
        let members: Vec<_> = (0..40).filter(|n| *n != 20).map(|n| ripe(n, 1_000 + n as u64)).collect();
        let expected = nodes((7..20).chain(21..40));
        assert_eq!(choose(&nodes(8..40), &members, NOW).electors, expected);
    }

    #[test]
    fn a_strong_newcomer_is_chosen_once_it_has_supported_for_a_while() {
        let mut members: Vec<_> = (0..40).map(|n| ripe(n, 1_000)).collect();
        members.push(fresh(99, 1_000_000, 10_000));
        let first = choose(&[], &members, NOW);
        assert_eq!(first, Chosen { electors: nodes(0..MAX), review_at: Some(UnixMs(NOW.0 + 50_000)) });
        let later = choose(&first.electors, &members, UnixMs(NOW.0 + 50_000));
        assert_eq!(later, Chosen { electors: nodes((0..31).chain([99])), review_at: None });
    }

    #[test]
    fn where_all_are_fresh_the_strongest_are_taken_even_if_others_were_there_before() {
        let members: Vec<_> =
            (0..40).map(|n| fresh(n, 1_000 * (n as u64 + 20), 4_000 - 100 * n as u64)).collect();
        assert_eq!(choose(&[], &members, NOW).electors, nodes(8..40));
        let first_come = choose(&[], &members[..MAX], NOW).electors;
        // Those that are not better by a quarter than who was there stay outside.
        let expected = choose(&first_come, &members, NOW).electors;
        assert_eq!(expected, nodes(8..40));
    }

    proptest! {
        #[test]
        fn choosing_again_changes_nothing_and_order_of_members_does_not_matter(
            said in proptest::collection::vec((0_u64..50, 0_u64..120_000), 0..120),
            before in proptest::collection::btree_set(0_usize..150, 0..=MAX),
            rotated in 0_usize..120,
        ) {
            let mut members: Vec<_> =
                said.iter().enumerate().map(|(n, (uplink, age))| fresh(n, *uplink, *age)).collect();
            let before = nodes(before);
            let chosen = choose(&before, &members, NOW);
            prop_assert_eq!(chosen.electors.len(), members.len().min(MAX));
            prop_assert!(chosen.electors.is_sorted());
            prop_assert_eq!(&choose(&chosen.electors, &members, NOW), &chosen);
            let by = rotated.min(members.len());
            members.rotate_left(by);
            prop_assert_eq!(choose(&before, &members, NOW), chosen);
        }

        #[test]
        fn nothing_changes_before_the_review(
            said in proptest::collection::vec((0_u64..50, 0_u64..120_000), 0..120),
            wait_ms in 0_u64..120_000,
        ) {
            let members: Vec<_> =
                said.iter().enumerate().map(|(n, (uplink, age))| fresh(n, *uplink, *age)).collect();
            let first = choose(&[], &members, NOW);
            let later = UnixMs(NOW.0 + wait_ms);
            let changed = choose(&first.electors, &members, later).electors != first.electors;
            prop_assert_eq!(changed, first.review_at.is_some_and(|at| at <= later));
        }
    }
}
