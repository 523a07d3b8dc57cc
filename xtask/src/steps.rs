//! A list of checks: each is announced, timed, and counted; one that fails does not keep others from running.

use std::time::{Duration, Instant};

use anyhow::Result;
use streamr_testnet::TestnetError;

use crate::exit::Stop;

/// How a check that did not fail went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Passed,
    /// It could not be made here, and why.
    Skipped(String),
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Self::Passed
    }
}

/// The checks made so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    made: Vec<(&'static str, Duration, Result<Outcome>)>,
}

impl Steps {
    /// Makes a check. Only Ctrl-C ends the list.
    pub(crate) fn step<O: Into<Outcome>>(
        &mut self,
        name: &'static str,
        check: impl FnOnce() -> Result<O>,
    ) -> Result<()> {
        eprintln!("\n── {name} ──");
        let begun = Instant::now();
        let result = check();
        if let Err(error) = &result
            && matches!(error.downcast_ref(), Some(TestnetError::Interrupted))
        {
            return Err(TestnetError::Interrupted.into());
        }
        let outcome = result.map(Into::into);
        match &outcome {
            Ok(Outcome::Passed) => {}
            Ok(Outcome::Skipped(why)) => eprintln!("skipped: {why}"),
            Err(error) => eprintln!("FAILED: {error:#}"),
        }
        self.made.push((name, begun.elapsed(), outcome));
        Ok(())
    }

    /// Prints what was made and fails if anything did.
    pub(crate) fn finish(self) -> Result<()> {
        let (table, counts, failed) = self.summary();
        eprintln!("\n{table}");
        // The line CI looks for, where it looks for it.
        println!("{counts}");
        if failed == 0 {
            Ok(())
        } else {
            Err(Stop::Told(format!("{failed} of the steps above failed")).into())
        }
    }

    fn summary(&self) -> (String, String, usize) {
        let mut table = String::new();
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for (name, took, outcome) in &self.made {
            let (mark, why) = match outcome {
                Ok(Outcome::Passed) => (&mut passed, String::new()),
                Ok(Outcome::Skipped(why)) => (&mut skipped, format!("  skipped: {why}")),
                Err(error) => {
                    let whole = format!("{error:#}");
                    (&mut failed, format!("  FAILED: {}", whole.lines().next().unwrap_or_default()))
                }
            };
            *mark += 1;
            table.push_str(&format!("{:>8.1} s  {name}{why}\n", took.as_secs_f64()));
        }
        (table, format!("steps: {passed} passed, {failed} failed, {skipped} skipped"), failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_counted_and_the_next_step_still_runs() {
        let mut steps = Steps::default();
        steps.step("a", || Ok(())).unwrap();
        steps.step("b", || -> Result<()> { anyhow::bail!("broken\nmore") }).unwrap();
        steps.step("c", || Ok(Outcome::Skipped("no network".into()))).unwrap();
        let (table, counts, failed) = steps.summary();
        assert_eq!((counts.as_str(), failed), ("steps: 1 passed, 1 failed, 1 skipped", 1));
        assert!(table.contains("b  FAILED: broken") && table.contains("c  skipped: no network"), "{table}");
        assert!(steps.finish().is_err());
    }

    #[test]
    fn ctrl_c_ends_the_list() {
        let interrupted = || -> Result<()> { Err(TestnetError::Interrupted.into()) };
        assert!(Steps::default().step("a", interrupted).is_err());
    }
}
