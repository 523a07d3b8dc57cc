//! What polls have found out about a node of the old house. Pure.
//!
//! A heartbeat is a claim, a poll is a look. So only polls raise and clear a flag, and a node that is flagged
//! earns nothing until it was found well several times in a row.

use streamr_model::UnixMs;

/// Polls in a row that were answered with something else than statistics, before a node is flagged.
pub const FLAG_AFTER: i32 = 3;
/// Polls in a row that showed a stream, before a flag is cleared.
pub const CLEAR_AFTER: i32 = 3;

/// What one poll of a node showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Statistics that show at least one stream the node says to support.
    Streaming,
    /// Statistics that show none of them. An honest node answers so while the streamer is off air.
    Idle,
    /// No answer. Homes have bad lines; it proves nothing in either direction.
    Silent,
    /// An answer that is no statistics: another page, a redirect, too much, or an address that must not be
    /// asked.
    Wrong,
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Verdicts of one kind in a row: [`Verdict::Streaming`] counts upwards from 0, [`Verdict::Wrong`] downwards.
    pub run: i32,
    /// Since when it is flagged.
    pub flagged_at: Option<UnixMs>,
}

impl Standing {
    /// Whether a poll that showed a stream counts for the node.
    pub fn may_earn(&self) -> bool {
        self.flagged_at.is_none()
    }

    /// After one more poll.
    pub fn after(self, verdict: Verdict, now: UnixMs) -> Self {
        let run = match verdict {
            Verdict::Streaming => self.run.max(0).saturating_add(1),
            Verdict::Wrong => self.run.min(0).saturating_sub(1),
            Verdict::Idle | Verdict::Silent => self.run,
        };
        let flagged_at = match self.flagged_at {
            None if run <= -FLAG_AFTER => Some(now),
            Some(_) if run >= CLEAR_AFTER => None,
            unchanged => unchanged,
        };
        Self { run, flagged_at }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(verdicts: &[Verdict]) -> Standing {
        let polls = verdicts.iter().zip(1..);
        polls.fold(Standing::default(), |standing, (verdict, at)| standing.after(*verdict, UnixMs(at)))
    }

    #[test]
    fn a_node_is_flagged_by_wrong_answers_and_by_nothing_else() {
        use Verdict::{Idle, Silent, Streaming, Wrong};
        assert_eq!(after(&[Wrong, Wrong]).flagged_at, None);
        assert_eq!(after(&[Wrong, Silent, Wrong, Idle, Wrong]).flagged_at, Some(UnixMs(5)));
        assert_eq!(after(&[Wrong, Wrong, Streaming, Wrong, Wrong]).flagged_at, None);
        assert!(after(&[Silent; 100]).may_earn() && after(&[Idle; 100]).may_earn());
    }

    #[test]
    fn a_flag_is_cleared_by_being_found_well_again_and_again() {
        use Verdict::{Silent, Streaming, Wrong};
        let flagged = [Wrong; 3];
        let then = |more: &[Verdict]| after(&[&flagged, more].concat()).may_earn();
        assert!(!then(&[]) && !then(&[Streaming, Streaming]) && !then(&[Silent; 50]));
        assert!(!then(&[Streaming, Streaming, Wrong, Streaming, Streaming]));
        assert!(then(&[Streaming, Silent, Streaming, Streaming]));
    }

    proptest! {
        #[test]
        fn a_flagged_node_is_cleared_only_by_a_poll_that_shows_a_stream(
            run in any::<i32>(),
            flagged in proptest::option::of(any::<u64>().prop_map(UnixMs)),
            verdict in prop_oneof![Just(Verdict::Idle), Just(Verdict::Silent), Just(Verdict::Wrong)],
        ) {
            let run = if flagged.is_some() { run.min(CLEAR_AFTER - 1) } else { run };
            let standing = Standing { run, flagged_at: flagged }.after(verdict, UnixMs(7));
            prop_assert!(flagged.is_none() || standing.flagged_at == flagged);
        }
    }
}
