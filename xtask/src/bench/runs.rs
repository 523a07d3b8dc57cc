//! Which runs count: those on a machine that had nothing else to do.

use anyhow::Result;

use super::load::Load;
use super::row::Row;

/// CPU of others, in cores, beyond which figures mean nothing.
const MOST_FOREIGN_LOAD: f64 = 0.3;
/// Share of all cores beyond which figures measure the machine's limit.
const SATURATED: f64 = 0.95;
/// Rejected runs that are repeated, of all seeds together.
const MOST_REPEATS: u32 = 3;

/// By what a run is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Runs wanted.
    pub seeds: u32,
    /// Quick figures are taken on a busy machine too, and say so.
    pub quick: bool,
    /// All cores are used on purpose.
    pub saturates: bool,
}

/// What one run is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Counts,
    /// Counts, with this to be said beside it.
    CountsThough(String),
    /// Does not count: why.
    Rejected(String),
}

/// The runs that count, and what is to be said of the others.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// The rows of each run that counts.
    pub counted: Vec<Vec<Row>>,
    /// Others' work in cores: the most during any run that counts or, if none does, during any run.
    pub foreign_load: f64,
    /// To be said beside every figure; empty if there is nothing to say.
    pub note: String,
    /// Why fewer runs count than were wanted.
    pub rejected: Option<String>,
}

impl Rules {
    fn judge(&self, load: &Load) -> Verdict {
        let busy_with_others = (load.foreign > MOST_FOREIGN_LOAD)
            .then(|| format!("others used {:.1} of {} cores", load.foreign, load.cores));
        let saturated = (!self.saturates && load.busy > SATURATED * load.cores)
            .then(|| format!("all {} cores were busy", load.cores));
        match busy_with_others.or(saturated) {
            None => Verdict::Counts,
            Some(why) if self.quick => Verdict::CountsThough(why),
            Some(why) => Verdict::Rejected(format!("rejected: {why}")),
        }
    }

    /// Calls `run` for each seed, again where a run is rejected; before that, `wait` for a quieter machine.
    /// When the repeats are used up the seeds that are left are not tried: the machine is too busy.
    pub(crate) fn run(
        &self,
        mut run: impl FnMut(u32) -> Result<(Vec<Row>, Load)>,
        mut wait: impl FnMut() -> Result<()>,
    ) -> Result<Runs> {
        let mut runs = Runs::default();
        let mut most_foreign: f64 = 0.0;
        let mut repeats = 0;
        let mut seed = 0;
        while seed < self.seeds.max(1) {
            let (rows, load) = run(seed)?;
            most_foreign = most_foreign.max(load.foreign);
            let verdict = self.judge(&load);
            let why = match &verdict {
                Verdict::Counts => "",
                Verdict::CountsThough(why) | Verdict::Rejected(why) => why,
            };
            let Load { busy, foreign, .. } = load;
            eprintln!("seed {seed}: {busy:.2} cores busy, {foreign:.2} of them with others' work; {why}");
            if let Verdict::Rejected(why) = verdict {
                if repeats == MOST_REPEATS {
                    runs.rejected = Some(why);
                    break;
                }
                repeats += 1;
                wait()?;
                continue;
            }
            if let Verdict::CountsThough(why) = verdict {
                runs.note = why;
            }
            runs.foreign_load = runs.foreign_load.max(load.foreign);
            runs.counted.push(rows);
            seed += 1;
        }
        if runs.counted.is_empty() {
            runs.foreign_load = most_foreign;
        }
        Ok(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { seeds: 2, quick: false, saturates: false };

    fn load(busy: f64, foreign: f64) -> Load {
        Load { busy, foreign, cores: 2.0 }
    }

    /// Runs that see these loads one after the other; the first value of row `a` is the run's number.
    fn runs(rules: Rules, loads: &[Load]) -> (Runs, Vec<u32>, usize) {
        let (mut seeds, mut waits) = (Vec::new(), 0);
        let run = |seed| {
            seeds.push(seed);
            let number = seeds.len();
            let value = f64::from(u32::try_from(number).unwrap());
            Ok((vec![Row::value("a", value, "", "")], loads[(number - 1).min(loads.len() - 1)]))
        };
        let runs = rules
            .run(run, || {
                waits += 1;
                Ok(())
            })
            .unwrap();
        (runs, seeds, waits)
    }

    #[test]
    fn a_run_beside_foreign_work_is_repeated_with_its_seed() {
        let (runs, seeds, waits) = runs(RULES, &[load(1.0, 0.1), load(1.5, 0.8), load(1.0, 0.2)]);
        assert_eq!(seeds, [0, 1, 1]);
        assert_eq!(waits, 1);
        let values: Vec<_> = runs.counted.iter().map(|rows| rows[0].value).collect();
        assert_eq!(values, [Some(1.0), Some(3.0)]);
        assert_eq!((runs.foreign_load, runs.rejected), (0.2, None));
    }

    #[test]
    fn a_machine_that_stays_busy_is_given_up_after_a_few_repeats() {
        let (runs, seeds, waits) = runs(RULES, &[load(1.5, 0.84)]);
        assert_eq!(seeds, [0, 0, 0, 0]);
        assert_eq!(waits, 3);
        assert!(runs.counted.is_empty());
        assert_eq!(runs.foreign_load, 0.84);
        assert_eq!(runs.rejected.as_deref(), Some("rejected: others used 0.8 of 2 cores"));
    }

    #[test]
    fn runs_that_counted_before_the_machine_became_busy_stay() {
        let (runs, seeds, _) = runs(RULES, &[load(1.0, 0.0), load(1.5, 0.8)]);
        assert_eq!(seeds, [0, 1, 1, 1, 1]);
        assert_eq!((runs.counted.len(), runs.foreign_load), (1, 0.0));
        assert!(runs.rejected.is_some());
    }

    #[test]
    fn a_saturated_machine_is_rejected_unless_the_bench_means_to() {
        let busy = load(1.95, 0.1);
        assert_eq!(RULES.judge(&busy), Verdict::Rejected("rejected: all 2 cores were busy".into()));
        let on_purpose = Rules { saturates: true, ..RULES };
        assert_eq!(on_purpose.judge(&busy), Verdict::Counts);
        assert!(matches!(on_purpose.judge(&load(2.0, 0.5)), Verdict::Rejected(_)));
    }

    #[test]
    fn a_quick_run_on_busy_cores_counts_and_says_so() {
        let quick = Rules { seeds: 1, quick: true, ..RULES };
        let (runs, seeds, waits) = runs(quick, &[load(2.0, 0.8)]);
        assert_eq!((seeds.len(), waits), (1, 0));
        assert_eq!((runs.counted.len(), runs.foreign_load, runs.rejected), (1, 0.8, None));
        assert_eq!(runs.note, "others used 0.8 of 2 cores");
        assert_eq!(quick.judge(&load(1.0, 0.1)), Verdict::Counts);
    }
}
