//! How long a session lasts: so long unused, and so long altogether.

use streamr_coordinator_api::Role;
use streamr_model::UnixMs;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Use is noted once in so long, so that reading does not become writing.
pub const NOTED_EVERY_MS: u64 = MINUTE_MS;

/// The two limits of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// How long it lasts unused.
    pub idle_ms: u64,
    /// How long it lasts altogether.
    pub total_ms: u64,
}

impl Lifetime {
    /// An operator's session is worth the most to a thief, so it is the shortest (NIST SP 800-63B section
    /// 2.2.3 asks of the second level: an hour unused, a day in all).
    pub fn of(role: Role) -> Self {
        match role {
            Role::Supporter | Role::Streamer => Self { idle_ms: 14 * DAY_MS, total_ms: 30 * DAY_MS },
            Role::Operator => Self { idle_ms: HOUR_MS, total_ms: DAY_MS },
        }
    }

    /// Whether a session that began and was last used then still lasts. One that seems to begin in the future
    /// does: the clock was set back, which is not the person's doing.
    pub fn lasts(self, began_at: UnixMs, last_at: UnixMs, now: UnixMs) -> bool {
        now.0.saturating_sub(last_at.0) < self.idle_ms && now.0.saturating_sub(began_at.0) < self.total_ms
    }

    /// When a session that began then ends however much it is used.
    pub fn ends_at(self, began_at: UnixMs) -> UnixMs {
        UnixMs(began_at.0.saturating_add(self.total_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_session_ends_when_it_is_not_used_and_in_the_end_even_if_it_is() {
        let operator = Lifetime::of(Role::Operator);
        let lasts = |last_ms, now_ms| operator.lasts(UnixMs(0), UnixMs(last_ms), UnixMs(now_ms));
        assert!(lasts(0, HOUR_MS - 1));
        assert!(!lasts(0, HOUR_MS));
        assert!(lasts(DAY_MS - MINUTE_MS, DAY_MS - 1));
        assert!(!lasts(DAY_MS, DAY_MS));
        assert_eq!(operator.ends_at(UnixMs(5)), UnixMs(DAY_MS + 5));
    }

    #[test]
    fn a_clock_that_was_set_back_ends_nothing() {
        assert!(Lifetime::of(Role::Supporter).lasts(UnixMs(1000), UnixMs(2000), UnixMs(10)));
    }

    proptest! {
        #[test]
        fn what_has_ended_stays_ended(began in 0..DAY_MS, used in 0..40 * DAY_MS, at in 0..80 * DAY_MS, more in 0..80 * DAY_MS) {
            let lifetime = Lifetime::of(Role::Streamer);
            let lasts = |now| lifetime.lasts(UnixMs(began), UnixMs(began + used), UnixMs(now));
            prop_assert!(lasts(began + at) || !lasts(began + at + more));
        }
    }
}
