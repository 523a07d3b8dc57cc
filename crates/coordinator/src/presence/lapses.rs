//! Until when nobody can have lapsed, so that not every request has to look at all members.
//!
//! Whoever has been heard of lapses no sooner than [`HeartbeatRequest::LAPSE_MS`] after it, so what one look
//! has seen holds for a while, whoever joins, reports or leaves in the meantime, and at whichever
//! coordinator.

use std::collections::HashMap;
use std::sync::Mutex;

use streamr_coordinator_api::HeartbeatRequest;
use streamr_model::{StreamId, UnixMs};

use super::{has_fallen_silent, member_after};
use crate::state::lock;
use crate::storage::{Live, StorageError, Tx};

/// Streams remembered. At the bound all are forgotten, and looked at again.
const MAX_STREAMS: usize = 4_096;
/// How long ago somebody may have been heard of who is written down only now: longer than a request may take,
/// and than the clocks of coordinators differ.
const LATE_MS: u64 = 15_000;

/// What was seen of each stream's members.
#[derive(Debug, Default)]
pub(crate) struct Lapses {
    quiet: Mutex<HashMap<StreamId, Quiet>>,
}

/// A time in which no member can lapse.
#[derive(Debug, Clone, Copy)]
struct Quiet {
    from: UnixMs,
    until: UnixMs,
}

impl Lapses {
    /// Whether anybody of `stream`, whose signer said `live`, has lapsed by `now`.
    pub(crate) async fn has_any(
        &self,
        tx: &mut Tx,
        stream: &StreamId,
        live: Option<&Live>,
        now: UnixMs,
    ) -> Result<bool, StorageError> {
        if has_fallen_silent(live, now) {
            return Ok(true);
        }
        if self.is_quiet(stream, now) {
            return Ok(false);
        }
        let oldest = tx.longest_silent(stream).await?;
        if oldest.is_some_and(|oldest| oldest <= member_after(now)) {
            return Ok(true);
        }
        self.note(stream, oldest, now);
        Ok(false)
    }

    fn is_quiet(&self, stream: &StreamId, now: UnixMs) -> bool {
        // A clock that was put back knows nothing of what it saw then.
        lock(&self.quiet).get(stream).is_some_and(|quiet| quiet.from <= now && now < quiet.until)
    }

    /// `oldest` is when the longest silent member was heard of, as read at `now`.
    fn note(&self, stream: &StreamId, oldest: Option<UnixMs>, now: UnixMs) {
        let just_now = UnixMs(now.0.saturating_sub(LATE_MS));
        let since = oldest.map_or(just_now, |oldest| oldest.min(just_now));
        let until = UnixMs(since.0.saturating_add(HeartbeatRequest::LAPSE_MS));
        let mut quiet = lock(&self.quiet);
        if quiet.len() >= MAX_STREAMS && !quiet.contains_key(stream) {
            quiet.clear();
        }
        quiet.insert(stream.clone(), Quiet { from: now, until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_000_000);

    fn after(ms: u64) -> UnixMs {
        UnixMs(NOW.0 + ms)
    }

    #[test]
    fn nobody_lapses_until_the_longest_silent_would() {
        let (lapses, alice) = (Lapses::default(), "alice".parse().unwrap());
        assert!(!lapses.is_quiet(&alice, NOW), "nobody has looked");
        lapses.note(&alice, Some(UnixMs(NOW.0 - 30_000)), NOW);
        assert!(lapses.is_quiet(&alice, NOW) && lapses.is_quiet(&alice, after(44_999)));
        assert!(!lapses.is_quiet(&alice, after(45_000)));
        assert!(!lapses.is_quiet(&"bob".parse().unwrap(), NOW));
    }

    #[test]
    fn whoever_joins_an_empty_stream_a_little_late_is_not_missed() {
        let (lapses, alice) = (Lapses::default(), "alice".parse().unwrap());
        lapses.note(&alice, None, NOW);
        assert!(lapses.is_quiet(&alice, after(59_999)) && !lapses.is_quiet(&alice, after(60_000)));
    }

    #[test]
    fn a_clock_that_was_put_back_looks_again() {
        let (lapses, alice) = (Lapses::default(), "alice".parse().unwrap());
        lapses.note(&alice, None, NOW);
        assert!(!lapses.is_quiet(&alice, UnixMs(NOW.0 - 1)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let lapses = Lapses::default();
        for n in 0..=MAX_STREAMS {
            lapses.note(&format!("s{n}").parse().unwrap(), None, NOW);
        }
        assert_eq!(lock(&lapses.quiet).len(), 1);
    }
}
