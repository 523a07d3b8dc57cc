//! Waiting for conditions, with deadlines, interruptible as a whole.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Result, TestnetError};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Makes every wait in this process, now and later, return [`TestnetError::Interrupted`].
///
/// Meant for a Ctrl-C handler: the waits unwind, and the handles of the network are dropped on the way.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::SeqCst);
}

/// Whether [`interrupt`] was called.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// What one look at a condition showed.
#[derive(Debug)]
pub enum Look<T> {
    /// It holds.
    Yes(T),
    /// Not yet, and what was seen instead.
    NotYet(String),
}

/// Looks at a condition until it holds or `deadline` has passed. An error of `look` ends the wait.
pub fn until<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Result<Look<T>>) -> Result<T> {
    // First looks come quickly, so that short waits stay short; long waits do not burn the CPU.
    const FIRST_PAUSE: Duration = Duration::from_millis(5);
    const LONGEST_PAUSE: Duration = Duration::from_millis(80);
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        if interrupted() {
            return Err(TestnetError::Interrupted);
        }
        let last = match look()? {
            Look::Yes(value) => return Ok(value),
            Look::NotYet(seen) => seen,
        };
        if begun.elapsed() >= deadline {
            return Err(TestnetError::Deadline { what: what.to_owned(), waited: begun.elapsed(), last });
        }
        std::thread::sleep(pause);
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// Passes `span`, in steps that notice [`interrupt`]. For running a network for a given time, not for
/// waiting until it has done something.
pub fn let_run(span: Duration) -> Result<()> {
    let end = Instant::now() + span;
    while Instant::now() < end {
        if interrupted() {
            return Err(TestnetError::Interrupted);
        }
        std::thread::sleep(Duration::from_millis(50).min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_holds_at_the_third_look_is_waited_for() {
        let mut looks = 0;
        let seen = until("three looks", Duration::from_secs(5), || {
            looks += 1;
            Ok(if looks == 3 { Look::Yes(looks) } else { Look::NotYet(looks.to_string()) })
        });
        assert_eq!(seen.unwrap(), 3);
    }

    #[test]
    fn a_deadline_tells_what_was_waited_for_and_what_was_seen_last() {
        let never = until::<()>("rain", Duration::from_millis(20), || Ok(Look::NotYet("sun".into())));
        let text = never.unwrap_err().to_string();
        assert!(text.contains("rain") && text.contains("sun"), "{text}");
    }
}
