//! BENCH.md's object and the table people read.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::Context;
use crate::shell;
use crate::workspace::Workspace;

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    /// As BENCH.md names it.
    pub name: String,
    /// The median over the runs; `None` if it could not be measured.
    pub value: Option<f64>,
    /// The least seen.
    pub min: Option<f64>,
    /// The most seen.
    pub max: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// What it should be, as `<=1.3`; empty where there is no aim.
    pub aim: &'static str,
    /// The theoretical value.
    pub bound: Option<f64>,
    /// The same figure of what it is compared with.
    pub peer: Option<f64>,
    /// Why there is no value, or how to read it.
    pub note: String,
}

impl Row {
    /// A figure measured once.
    pub(crate) fn value(name: &str, value: f64, unit: &'static str, aim: &'static str) -> Self {
        Self::spread(name, &[value], unit, aim)
    }

    /// A figure that several things showed at once: their median and extremes.
    pub(crate) fn spread(name: &str, values: &[f64], unit: &'static str, aim: &'static str) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            name: name.into(),
            value: median(&sorted),
            min: sorted.first().copied(),
            max: sorted.last().copied(),
            unit,
            aim,
            bound: None,
            peer: None,
            note: if values.is_empty() { "nothing was seen".into() } else { String::new() },
        }
    }

    /// A figure that could not be measured.
    pub(crate) fn missing(name: &str, unit: &'static str, aim: &'static str, why: impl Into<String>) -> Self {
        Self { note: why.into(), ..Self::spread(name, &[], unit, aim) }
    }

    /// How to read it.
    pub(crate) fn noted(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// Whether the aim is met; `None` without an aim or a value.
    fn meets_aim(&self) -> Option<bool> {
        let value = self.value?;
        if let Some(limit) = self.aim.strip_prefix("<=") {
            return Some(value <= limit.parse().ok()?);
        }
        Some(value >= self.aim.strip_prefix(">=")?.parse().ok()?)
    }
}

fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// What is written to `target/bench/NAME.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    bench: String,
    revision: String,
    cores: usize,
    foreign_load: f64,
    seeds: usize,
    quick: bool,
    rows: Vec<Row>,
}

impl Report {
    /// From the rows of each run.
    pub(crate) fn new(
        workspace: &Workspace,
        bench: &str,
        context: &Context<'_>,
        runs: &[Vec<Row>],
        foreign_load: f64,
    ) -> Result<Self> {
        Ok(Self {
            bench: bench.into(),
            revision: revision(workspace)?,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            foreign_load: rounded(foreign_load),
            seeds: runs.len(),
            quick: context.quick,
            rows: merge(runs),
        })
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let quick = if self.quick { ", quick" } else { "" };
        let mut table = format!("{} at {} ({} runs{quick})\n", self.bench, self.revision, self.seeds);
        for row in &self.rows {
            let number = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| value.to_string());
            let met = match row.meets_aim() {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            table.push_str(&format!(
                "  {:22} {:>10} {:6} {:>10} … {:<10} {:>7} {:6}  {}\n",
                row.name,
                number(row.value),
                row.unit,
                number(row.min),
                number(row.max),
                row.aim,
                met,
                row.note
            ));
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

/// One row for all runs: the median of their values, the extremes of their extremes.
fn merge(runs: &[Vec<Row>]) -> Vec<Row> {
    let Some(first) = runs.first() else { return Vec::new() };
    let merged = first.iter().map(|row| {
        let same = runs.iter().flatten().filter(|other| other.name == row.name);
        let mut values: Vec<f64> = same.clone().filter_map(|row| row.value).collect();
        values.sort_by(f64::total_cmp);
        let least = same.clone().filter_map(|row| row.min).min_by(f64::total_cmp);
        let most = same.filter_map(|row| row.max).max_by(f64::total_cmp);
        Row {
            value: median(&values).map(rounded),
            min: least.map(rounded),
            max: most.map(rounded),
            ..row.clone()
        }
    });
    merged.collect()
}

/// To three decimals: more than any two runs agree on.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
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

    #[test]
    fn runs_merge_into_their_median_and_extremes() {
        let run = |value| vec![Row::spread("a", &[value - 1.0, value, value + 1.0], "ms", "<=5")];
        let merged = merge(&[run(4.0), run(9.0), run(5.0)]);
        assert_eq!((merged[0].value, merged[0].min, merged[0].max), (Some(5.0), Some(3.0), Some(10.0)));
        assert_eq!(merged[0].meets_aim(), Some(true));
    }

    #[test]
    fn a_row_without_a_value_stays_with_its_note() {
        let merged = merge(&[vec![Row::missing("a", "s", "", "not built")]]);
        assert_eq!((merged[0].value, merged[0].note.as_str()), (None, "not built"));
        let json = serde_json::to_value(&merged[0]).unwrap();
        assert!(json["value"].is_null() && json["peer"].is_null());
    }

    #[test]
    fn an_aim_can_be_missed_from_either_side() {
        assert_eq!(Row::value("a", 1.4, "", "<=1.3").meets_aim(), Some(false));
        assert_eq!(Row::value("a", 0.9, "", ">=0.95").meets_aim(), Some(false));
        assert_eq!(Row::value("a", 0.9, "", "").meets_aim(), None);
    }
}
