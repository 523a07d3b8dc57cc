//! BENCH.md's object and the table people read.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::row::{Row, median_and_extremes};
use super::runs::Runs;
use crate::shell;
use crate::workspace::Workspace;

/// What is written to `target/bench/NAME.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The bench's name.
    pub bench: String,
    /// The commit measured, with `+dirty` if more than that was measured.
    pub revision: String,
    /// Of the machine.
    pub cores: usize,
    /// Others' work during the runs, in cores.
    pub foreign_load: f64,
    /// Runs that count.
    pub seeds: usize,
    /// Whether it was a quick look.
    pub quick: bool,
    /// The figures.
    pub rows: Vec<Row>,
}

impl Report {
    /// From the runs, with every row that is `declared`.
    pub(crate) fn new(
        workspace: &Workspace,
        bench: &str,
        declared: &[Row],
        quick: bool,
        runs: &Runs,
    ) -> Result<Self> {
        Ok(Self {
            bench: bench.into(),
            revision: revision(workspace)?,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            foreign_load: rounded(runs.foreign_load),
            seeds: runs.counted.len(),
            quick,
            rows: merge(declared, quick, runs)?,
        })
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let quick = if self.quick { ", quick" } else { "" };
        let mut table = format!(
            "{} at {} ({} runs{quick}, others used {} of {} cores)\n",
            self.bench, self.revision, self.seeds, self.foreign_load, self.cores
        );
        let name_width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
        table.push_str(&line(name_width, ["", "value", "", "least … most", "bound", "peer", "aim", "", ""]));
        for row in &self.rows {
            let met = match row.meets_aim() {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            let spread = format!("{} … {}", number(row.min), number(row.max));
            let beside = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
            let cells = [
                &row.name,
                &number(row.value),
                &*row.unit,
                &spread,
                &beside(row.bound),
                &beside(row.peer),
                &*row.aim,
                met,
                &row.note,
            ];
            table.push_str(&line(name_width, cells));
        }
        table
    }

    /// As JSON.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        Ok(fs::write(path, serde_json::to_vec_pretty(self)?)?)
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| value.to_string())
}

fn line(name_width: usize, cells: [&str; 9]) -> String {
    let [name, value, unit, spread, bound, peer, aim, met, note] = cells;
    let line = format!(
        "  {name:name_width$} {value:>10} {unit:8} {spread:>19} {bound:>8} {peer:>8} {aim:>7} {met:6}  {note}"
    );
    format!("{}\n", line.trim_end())
}

/// One row for all runs: the median of their values, the extremes of their extremes. Every declared row is
/// there; one that is not declared is a mistake of the bench.
fn merge(declared: &[Row], quick: bool, runs: &Runs) -> Result<Vec<Row>> {
    if let Some(row) =
        runs.counted.iter().flatten().find(|row| !declared.iter().any(|known| known.name == row.name))
    {
        bail!("the bench measured {:?} but does not declare it", row.name);
    }
    Ok(declared.iter().map(|declared| merge_row(declared, quick, runs)).collect())
}

fn merge_row(declared: &Row, quick: bool, runs: &Runs) -> Row {
    let same: Vec<&Row> = runs.counted.iter().flatten().filter(|row| row.name == declared.name).collect();
    let (value, ..) = median_and_extremes(same.iter().filter_map(|row| row.value));
    let (_, min, _) = median_and_extremes(same.iter().filter_map(|row| row.min));
    let (.., max) = median_and_extremes(same.iter().filter_map(|row| row.max));
    let (bound, ..) = median_and_extremes(same.iter().filter_map(|row| row.bound));
    let (peer, ..) = median_and_extremes(same.iter().filter_map(|row| row.peer));
    Row {
        value: value.map(rounded),
        min: min.map(rounded),
        max: max.map(rounded),
        bound: bound.map(rounded).or(declared.bound),
        peer: peer.map(rounded),
        note: note(&same, quick, runs),
        ..declared.clone()
    }
}

/// What stands beside a figure: of the runs that gave a value, else of those that did not.
fn note(same: &[&Row], quick: bool, runs: &Runs) -> String {
    let with_value = same.iter().filter(|row| row.value.is_some());
    let mut notes: Vec<String> = Vec::new();
    let own = with_value.clone().next().or(same.first()).map(|row| row.note.clone());
    match own {
        Some(note) => notes.extend(Some(note).filter(|note| !note.is_empty())),
        None if runs.counted.is_empty() => {}
        None if quick => notes.push("not measured with --quick".into()),
        None => notes.push("not measured".into()),
    }
    let valued = with_value.count();
    if valued > 0 && valued < runs.counted.len() {
        notes.push(format!("{valued} of {} runs gave a value", runs.counted.len()));
    }
    // A figure that was not measured was not disturbed either.
    if valued > 0 && !runs.note.is_empty() {
        notes.push(runs.note.clone());
    }
    if let Some(why) = &runs.rejected {
        notes.push(match runs.counted.len() {
            0 => why.clone(),
            counted => format!("{counted} runs count, the next was {why}"),
        });
    }
    notes.join("; ")
}

/// To three decimals, and small values to four digits: more than any two runs agree on.
fn rounded(value: f64) -> f64 {
    let digits_before_point = if value == 0.0 { 0.0 } else { value.abs().log10().floor() + 1.0 };
    let factor = 10_f64.powf((4.0 - digits_before_point).max(3.0));
    (value * factor).round() / factor
}

fn revision(workspace: &Workspace) -> Result<String> {
    let git = |arguments: &[&str]| {
        let mut git = shell::command(workspace, "git");
        git.args(arguments);
        shell::output(git)
    };
    let revision = git(&["rev-parse", "--short=12", "HEAD"])?;
    let dirty = !git(&["status", "--porcelain"])?.is_empty();
    Ok(format!("{}{}", revision.trim(), if dirty { "+dirty" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(runs: Vec<Vec<Row>>) -> Runs {
        Runs { counted: runs, ..Runs::default() }
    }

    #[test]
    fn runs_merge_into_their_median_and_extremes() {
        let run = |value| {
            let row = Row::spread("a", &[value - 1.0, value, value + 1.0], "ms", "<=5");
            vec![row.bounded(value * 2.0).beside(value * 3.0)]
        };
        let declared = [Row::declared("a", "ms", "<=5")];
        let merged = merge(&declared, false, &counted(vec![run(4.0), run(9.0), run(5.0)])).unwrap();
        let row = &merged[0];
        assert_eq!((row.value, row.min, row.max), (Some(5.0), Some(3.0), Some(10.0)));
        assert_eq!((row.bound, row.peer), (Some(10.0), Some(15.0)));
        assert_eq!(row.meets_aim(), Some(true));
    }

    #[test]
    fn rounding_leaves_small_fractions_their_digits() {
        assert_eq!(rounded(1.234_6e-4), 1.235e-4);
        assert_eq!(rounded(1_234.567_89), 1_234.568);
        assert_eq!((rounded(0.957_49), rounded(0.0), rounded(-0.02)), (0.9575, 0.0, -0.02));
    }

    #[test]
    fn every_declared_row_is_there_in_its_order_whatever_was_measured() {
        let declared = [Row::declared("a", "s", ""), Row::declared("b", "s", "<=1").bounded(0.5)];
        let measured = || counted(vec![vec![Row::value("b", 1.0, "s", "<=1")]]);
        let merged = merge(&declared, true, &measured()).unwrap();
        assert_eq!(merged.iter().map(|row| &*row.name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((merged[0].value, &*merged[0].note), (None, "not measured with --quick"));
        assert_eq!((merged[1].value, merged[1].bound, &*merged[1].note), (Some(1.0), Some(0.5), ""));
        assert_eq!(merge(&declared, false, &measured()).unwrap()[0].note, "not measured");
    }

    #[test]
    fn a_row_that_is_not_declared_is_a_mistake() {
        let error = merge(&[], false, &counted(vec![vec![Row::value("b", 1.0, "", "")]])).unwrap_err();
        assert!(error.to_string().contains("\"b\""), "{error}");
    }

    #[test]
    fn a_row_without_a_value_stays_with_its_note() {
        let missing = vec![Row::missing("a", "s", "", "not built")];
        let declared = [Row::declared("a", "s", "")];
        let merged = merge(&declared, false, &counted(vec![missing.clone()])).unwrap();
        assert_eq!((merged[0].value, &*merged[0].note), (None, "not built"));
        let merged =
            merge(&declared, false, &counted(vec![missing, vec![Row::value("a", 2.0, "s", "")]])).unwrap();
        assert_eq!((merged[0].value, &*merged[0].note), (Some(2.0), "1 of 2 runs gave a value"));
    }

    #[test]
    fn rejected_runs_leave_every_row_without_a_value_and_with_the_reason() {
        let why = "rejected: others used 0.8 of 2 cores";
        let runs = Runs { rejected: Some(why.into()), ..Runs::default() };
        let declared = [Row::declared("a", "s", "<=1"), Row::declared("b", "s", "")];
        for row in merge(&declared, false, &runs).unwrap() {
            assert_eq!((row.value, &*row.note), (None, why));
        }
    }

    #[test]
    fn what_disturbed_the_runs_stands_beside_the_figures_they_gave() {
        let run = vec![Row::value("a", 1.0, "s", "").noted("of 3"), Row::missing("b", "s", "", "not built")];
        let runs = Runs { note: "others used 0.8 of 2 cores".into(), ..counted(vec![run]) };
        let declared = [Row::declared("a", "s", ""), Row::declared("b", "s", "")];
        let merged = merge(&declared, true, &runs).unwrap();
        assert_eq!(merged[0].note, "of 3; others used 0.8 of 2 cores");
        assert_eq!(merged[1].note, "not built");
    }

    #[test]
    fn the_table_shows_bound_and_peer_beside_the_value_and_says_that_it_is_quick() {
        let report = Report {
            bench: "bound".into(),
            revision: "abc".into(),
            cores: 2,
            foreign_load: 0.8,
            seeds: 1,
            quick: true,
            rows: vec![Row::value("a", 0.93, "ratio", ">=0.95").bounded(0.99).beside(0.71)],
        };
        let table = report.table();
        assert!(table.starts_with("bound at abc (1 runs, quick, others used 0.8 of 2 cores)\n"), "{table}");
        let line: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
        let expected = ["a", "0.93", "ratio", "0.93", "…", "0.93", "0.99", "0.71", ">=0.95", "MISSED"];
        assert_eq!(line, expected);
    }
}
