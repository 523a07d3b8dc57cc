//! When to report to the coordinator, and under which number. Pure: time and randomness are arguments.
//!
//! Reports of a session are numbered from 1 and carry the nonce of the last answer. A report whose answer was
//! lost is sent again under the same number. Sessions begin and end with carrying; a coordinator that lost the
//! thread makes the node begin a new one.
//!
//! Methods come in this order: getters, `handle_*`, mutators, `poll_*`.

use std::time::{Duration, Instant};

use streamr_model::NodeActivity;

use crate::jitter::Roll;

const RETRY_FIRST: Duration = Duration::from_secs(2);

/// What the machine decides about a report; the rest is filled in from the counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportHead {
    pub(crate) session: u64,
    pub(crate) number: u64,
    pub(crate) nonce: String,
    pub(crate) activity: NodeActivity,
}

/// Why a report has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportFailure {
    /// It may have arrived or not: the same again later.
    NoAnswer,
    /// Another number or nonce was expected.
    OutOfOrder,
}

#[derive(Debug)]
struct Session {
    id: u64,
    activity: NodeActivity,
    number: u64,
    nonce: String,
    due: Instant,
    in_flight: bool,
    failures: u32,
}

/// The schedule of one node's reports.
#[derive(Debug)]
pub(crate) struct Heartbeats {
    longest: Duration,
    session: Option<Session>,
    /// A session that ended while a report of it was under way.
    left: Option<u64>,
}

impl Heartbeats {
    /// No session yet. No wait is longer than `longest`.
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, session: None, left: None }
    }

    /// The session under way.
    pub(crate) fn session(&self) -> Option<u64> {
        self.session.as_ref().map(|session| session.id)
    }

    /// Whether a good-bye waits for the answer to the report before it.
    pub(crate) fn is_leaving(&self) -> bool {
        self.left.is_some()
    }

    /// The coordinator took the report and wants the next in `next_in`. Gives the good-bye that waited for it.
    pub(crate) fn handle_answer(
        &mut self,
        head: &ReportHead,
        nonce: String,
        next_in: Duration,
        now: Instant,
        roll: Roll,
    ) -> Option<ReportHead> {
        let longest = self.longest;
        if self.left.take_if(|left| *left == head.session).is_some() {
            let activity = NodeActivity::Leaving;
            return Some(ReportHead { session: head.session, number: head.number + 1, nonce, activity });
        }
        let session = self.session_of(head)?;
        session.number = head.number + 1;
        session.nonce = nonce;
        session.failures = 0;
        let wait = next_in.clamp(Duration::from_secs(1), longest);
        // A change that came while the report was under way is due already.
        if session.activity == head.activity {
            session.due = now + roll.around(wait);
        }
        None
    }

    /// The report has no answer. `fresh` names the session to begin if the old one is lost.
    pub(crate) fn handle_failure(
        &mut self,
        head: &ReportHead,
        failure: ReportFailure,
        fresh: u64,
        now: Instant,
        roll: Roll,
    ) {
        let longest = self.longest;
        // The good-bye that waited for an answer has nothing to follow.
        self.left.take_if(|left| *left == head.session);
        let Some(session) = self.session_of(head) else { return };
        let doubled = RETRY_FIRST.saturating_mul(1 << session.failures.min(10));
        session.failures += 1;
        session.due = now + roll.around(doubled.min(longest));
        if failure == ReportFailure::OutOfOrder {
            (session.id, session.number, session.nonce) = (fresh, 1, String::new());
        }
    }

    /// Begins a session; its first report is due at once.
    pub(crate) fn begin(&mut self, id: u64, activity: NodeActivity, now: Instant) {
        let nonce = String::new();
        self.session =
            Some(Session { id, activity, number: 1, nonce, due: now, in_flight: false, failures: 0 });
    }

    /// Says something else from now on, and at once.
    pub(crate) fn change(&mut self, activity: NodeActivity, now: Instant) {
        if let Some(session) = self.session.as_mut().filter(|session| session.activity != activity) {
            session.activity = activity;
            session.due = now;
        }
    }

    /// Goes on under a new session: what became of the last report will never be known.
    pub(crate) fn restart(&mut self, id: u64, now: Instant) {
        if let Some(activity) = self.session.as_ref().map(|session| session.activity) {
            self.begin(id, activity, now + RETRY_FIRST);
        }
    }

    /// Makes the next report due at once: the machine slept, or its addresses changed.
    pub(crate) fn hurry(&mut self, now: Instant) {
        if let Some(session) = &mut self.session {
            session.due = session.due.min(now);
            session.failures = 0;
        }
    }

    /// Ends the session. Gives its last report if it had any before; while one is under way, the last comes
    /// from [`Heartbeats::handle_answer`].
    pub(crate) fn leave(&mut self) -> Option<ReportHead> {
        let session = self.session.take()?;
        self.left = session.in_flight.then_some(session.id);
        (session.number > 1 && !session.in_flight).then(|| head(&session, NodeActivity::Leaving))
    }

    /// When [`Heartbeats::poll_report`] has something next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.session.as_ref().filter(|session| !session.in_flight).map(|session| session.due)
    }

    /// The report that is due now. The next comes only after its answer or failure.
    pub(crate) fn poll_report(&mut self, now: Instant) -> Option<ReportHead> {
        let session = self.session.as_mut().filter(|session| !session.in_flight && session.due <= now)?;
        session.in_flight = true;
        Some(head(session, session.activity))
    }

    /// The session that `head` is of, its report no longer under way. An older session's is forgotten.
    fn session_of(&mut self, head: &ReportHead) -> Option<&mut Session> {
        let session = self.session.as_mut().filter(|session| session.id == head.session)?;
        session.in_flight = false;
        Some(session)
    }
}

fn head(session: &Session, activity: NodeActivity) -> ReportHead {
    ReportHead { session: session.id, number: session.number, nonce: session.nonce.clone(), activity }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONGEST: Duration = Duration::from_secs(60);

    fn begun(now: Instant) -> Heartbeats {
        let mut beats = Heartbeats::new(LONGEST);
        beats.begin(7, NodeActivity::Supporting, now);
        beats
    }

    #[test]
    fn the_first_report_is_due_at_once_and_the_next_when_the_coordinator_said() {
        let now = Instant::now();
        let mut beats = begun(now);
        let first = beats.poll_report(now).unwrap();
        assert_eq!((first.number, first.nonce.as_str()), (1, ""));
        assert_eq!(beats.poll_report(now), None, "one at a time");
        beats.handle_answer(&first, "n1".into(), Duration::from_secs(30), now, Roll(100));
        assert_eq!(beats.poll_timeout(), Some(now + Duration::from_secs(30)));
        let second = beats.poll_report(now + LONGEST).unwrap();
        assert_eq!((second.number, second.nonce.as_str()), (2, "n1"));
    }

    #[test]
    fn a_lost_answer_is_asked_for_again_under_the_same_number() {
        let now = Instant::now();
        let mut beats = begun(now);
        let first = beats.poll_report(now).unwrap();
        beats.handle_failure(&first, ReportFailure::NoAnswer, 8, now, Roll(100));
        assert_eq!(beats.poll_report(now + LONGEST), Some(first));
    }

    #[test]
    fn a_lost_thread_begins_a_new_session() {
        let now = Instant::now();
        let mut beats = begun(now);
        let first = beats.poll_report(now).unwrap();
        beats.handle_failure(&first, ReportFailure::OutOfOrder, 8, now, Roll(0));
        let again = beats.poll_report(now + LONGEST).unwrap();
        assert_eq!((again.session, again.number, again.nonce.as_str()), (8, 1, ""));
    }

    #[test]
    fn an_answer_to_an_old_session_changes_nothing() {
        let now = Instant::now();
        let mut beats = begun(now);
        let old = beats.poll_report(now).unwrap();
        beats.begin(8, NodeActivity::Supporting, now);
        beats.handle_answer(&old, "n".into(), LONGEST, now, Roll(0));
        assert_eq!(beats.poll_report(now).unwrap().number, 1);
    }

    #[test]
    fn a_pause_while_a_report_is_under_way_is_reported_right_after_it() {
        let now = Instant::now();
        let mut beats = begun(now);
        let first = beats.poll_report(now).unwrap();
        beats.change(NodeActivity::Paused, now);
        beats.handle_answer(&first, "n".into(), LONGEST, now, Roll(0));
        assert_eq!(beats.poll_report(now).unwrap().activity, NodeActivity::Paused);
    }

    #[test]
    fn a_session_that_never_reported_leaves_without_a_word() {
        let now = Instant::now();
        assert_eq!(begun(now).leave(), None);
        let mut beats = begun(now);
        let first = beats.poll_report(now).unwrap();
        beats.handle_answer(&first, "n".into(), LONGEST, now, Roll(0));
        assert_eq!(beats.leave().unwrap().activity, NodeActivity::Leaving);
        assert_eq!(beats.poll_timeout(), None);
    }

    #[test]
    fn a_good_bye_follows_the_report_under_way() {
        let now = Instant::now();
        let mut beats = begun(now);
        let first = beats.poll_report(now).unwrap();
        assert_eq!(beats.leave(), None);
        let last = beats.handle_answer(&first, "n".into(), LONGEST, now, Roll(0)).unwrap();
        assert_eq!((last.number, last.nonce.as_str(), last.activity), (2, "n", NodeActivity::Leaving));
        assert!(!beats.is_leaving());
    }

    proptest! {
        #[test]
        fn waits_stay_in_their_bounds(failures in 0_usize..40, next_in_s in any::<u32>(), roll in any::<u32>()) {
            let mut now = Instant::now();
            let mut beats = begun(now);
            let most = LONGEST.mul_f64(1.1) + Duration::from_millis(1);
            for _ in 0..failures {
                let head = beats.poll_report(now).unwrap();
                beats.handle_failure(&head, ReportFailure::NoAnswer, 8, now, Roll::of(roll));
                let due = beats.poll_timeout().unwrap();
                prop_assert!(due > now && due - now <= most);
                now = due;
            }
            let head = beats.poll_report(now).unwrap();
            beats.handle_answer(&head, String::new(), Duration::from_secs(next_in_s.into()), now, Roll::of(roll));
            let wait = beats.poll_timeout().unwrap() - now;
            prop_assert!(wait >= Duration::from_millis(900) && wait <= most);
        }
    }
}
