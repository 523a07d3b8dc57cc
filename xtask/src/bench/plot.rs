//! Pictures and tables of the figures page, from the JSON that the benches wrote: what stands there was
//! measured, and nobody copies figures by hand.
//!
//! The pictures are written by a few functions of ours rather than by a plotting library: what a picture
//! needs is a dozen kinds of elements and two sets of colours, and none of the well-kept libraries leaves
//! the choice of colours to the reader's browser.

mod panels;
mod scale;
mod strips;
mod svg;
mod tables;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::report::Report;
use crate::workspace::Workspace;
use svg::Svg;

/// Inside of a picture, in pixels.
const WIDTH: f64 = 760.0;

/// Draws what is in `target/bench` into `docs/performance` and renews the tables of `docs/performance.md`.
pub(super) fn plot(workspace: &Workspace) -> Result<()> {
    let docs = workspace.root().join("docs");
    let pictures = docs.join("performance");
    let page_path = docs.join("performance.md");
    let mut page = fs::read_to_string(&page_path).with_context(|| page_path.display().to_string())?;
    for report in reports(&workspace.target().join("bench"))? {
        if let Some(why) = unfit(&report) {
            eprintln!("{}: left as it is, because {why}", report.bench);
            continue;
        }
        fs::create_dir_all(&pictures)?;
        fs::write(pictures.join(format!("{}.svg", report.bench)), picture(&report))?;
        page = tables::renew(&page, &report);
        eprintln!("{}: drawn", report.bench);
    }
    Ok(fs::write(&page_path, page)?)
}

/// Why a report must not replace what stands in the documentation.
fn unfit(report: &Report) -> Option<&'static str> {
    match report {
        Report { quick: true, .. } => Some("the last run was a quick one"),
        Report { seeds: 0, .. } => Some("no run counted"),
        _ => None,
    }
}

/// All that are there, by name.
fn reports(directory: &Path) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    for entry in fs::read_dir(directory).context("no bench has written anything yet")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let report = serde_json::from_slice(&fs::read(&path)?);
            reports.push(report.with_context(|| format!("{} is not a report", path.display()))?);
        }
    }
    reports.sort_by(|a: &Report, b: &Report| a.bench.cmp(&b.bench));
    Ok(reports)
}

/// A report's picture: a panel for each figure that was measured over N or load, a strip for each other row.
fn picture(report: &Report) -> String {
    let runs = if report.seeds == 1 { "1 run".into() } else { format!("median of {} runs", report.seeds) };
    let mut svg = Svg::new(WIDTH, &format!("{}, {runs} at {}", report.bench, report.revision));
    let rest = panels::draw(&mut svg, &report.rows);
    strips::draw(&mut svg, &rest);
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::super::row::Row;
    use super::*;

    fn report(quick: bool, seeds: usize) -> Report {
        Report {
            bench: "bound".into(),
            revision: "abc".into(),
            cores: 2,
            foreign_load: 0.1,
            seeds,
            quick,
            rows: vec![
                Row::value("N8.load0.8.copies", 1.05, "copies", "<=1.1").bounded(1.0),
                Row::value("N32.load0.8.copies", 1.08, "copies", "<=1.1").bounded(1.0),
                Row::missing("N8.load0.9.copies", "copies", "<=1.1", "no time"),
                Row::value("hop_ms", 4.0, "ms", "").beside(9.0),
                Row::missing("a<b", "ms", "", "not built & so on"),
            ],
        }
    }

    #[test]
    fn quick_and_rejected_reports_do_not_replace_what_was_measured() {
        assert!(unfit(&report(true, 1)).is_some());
        assert!(unfit(&report(false, 0)).is_some());
        assert!(unfit(&report(false, 5)).is_none());
    }

    #[test]
    fn a_picture_is_well_formed_shows_every_row_and_has_colours_for_both_backgrounds() {
        let picture = picture(&report(false, 5));
        svg::assert_well_formed(&picture);
        for text in ["median of 5 runs at abc", "copies", "N = 8", "N = 32", "hop_ms", "a&lt;b"] {
            assert!(picture.contains(text), "{text} is not in\n{picture}");
        }
        assert!(picture.contains("prefers-color-scheme: dark"));
        assert!(picture.contains("not measured"));
    }

    #[test]
    fn a_directory_of_reports_is_read_in_order_and_a_broken_one_is_named() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b", "a"] {
            let report = Report { bench: name.into(), ..report(false, 5) };
            report.write(&directory.path().join(format!("{name}.json"))).unwrap();
        }
        let names = reports(directory.path()).unwrap().into_iter().map(|report| report.bench);
        assert_eq!(names.collect::<Vec<_>>(), ["a", "b"]);
        fs::write(directory.path().join("c.json"), "{}").unwrap();
        assert!(reports(directory.path()).unwrap_err().to_string().contains("c.json"));
    }
}
