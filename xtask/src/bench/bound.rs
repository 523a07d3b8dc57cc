//! `bound`: nodes behind shaped uplinks, under a load close to all they can send.

use std::time::Duration;

use anyhow::Result;
use streamr_netlab::bound::{BoundLab, Figures};
use streamr_netlab::why_not;

use super::load::LoadMeter;
use super::row::Row;
use super::{Bench, Context, build_nodes};
use crate::exit::Stop;

const SIZES: [u32; 3] = [8, 32, 64];
const LOADS: [f64; 4] = [0.6, 0.8, 0.9, 0.95];
const CHURN_NODES: u32 = 32;
const CHURN_LOAD: f64 = 0.8;
/// Segments of two seconds that are judged for each setting.
const SEGMENTS: usize = 8;
/// Under churn more, because there is no other load to learn from.
const CHURN_SEGMENTS: usize = 12;
/// What `--quick` measures.
const QUICK: (u32, f64) = (8, 0.8);
const COPIES_AIM: &str = "<=1.1";
const CHURN_COPIES_AIM: &str = "<=2";
const LATE_AIM: &str = "<=0.001";

/// The bench.
pub(crate) struct Bound;

impl Bench for Bound {
    fn name(&self) -> &'static str {
        "bound"
    }

    fn rows(&self) -> Vec<Row> {
        let stable =
            SIZES.into_iter().flat_map(|nodes| LOADS.into_iter().flat_map(move |load| declared(nodes, load)));
        stable.chain(declared_churn()).collect()
    }

    fn saturates(&self) -> bool {
        // 64 nodes on two cores; what was busy is said beside the figures.
        true
    }

    fn prepare(&self, context: &Context<'_>) -> Result<()> {
        build_nodes(context.workspace)?;
        possible()
    }

    fn measure(&self, context: &Context<'_>, seed: u32) -> Result<Vec<Row>> {
        let seed = u64::from(seed);
        if context.quick {
            let (nodes, load) = QUICK;
            let mut lab = BoundLab::start(nodes, load, seed)?;
            return measured(nodes, load, || Ok(lab.measure(load, SEGMENTS)?));
        }
        let mut rows = Vec::new();
        for nodes in SIZES {
            let mut lab = BoundLab::start(nodes, LOADS[0], seed)?;
            for load in LOADS {
                rows.extend(measured(nodes, load, || Ok(lab.measure(load, SEGMENTS)?))?);
            }
            if nodes == CHURN_NODES {
                rows.extend(churn_rows(&lab.measure_churn(CHURN_LOAD, CHURN_SEGMENTS)?));
            }
        }
        Ok(rows)
    }
}

/// An error where no lab can be made.
pub(super) fn possible() -> Result<()> {
    match why_not() {
        Some(why) => Err(Stop::Unavailable(format!("{why}; run this as root\n")).into()),
        None => Ok(()),
    }
}

/// The rows of a setting; they say so if the machine was near its own limit meanwhile, which can only have made them
/// worse.
fn measured(nodes: u32, load: f64, measure: impl FnOnce() -> Result<Figures>) -> Result<Vec<Row>> {
    let meter = LoadMeter::start()?;
    let figures = measure()?;
    let busy = meter.finish()?;
    eprintln!("N{nodes} load {load}: {:.2} of {} cores busy; {figures:.3?}", busy.busy, busy.cores);
    if busy.busy > busy.cores * MOST_BUSY {
        let said = |row: Row| {
            let note = format!("{}; {:.2} of {} cores were busy", row.note, busy.busy, busy.cores);
            row.noted(note)
        };
        return Ok(rows(nodes, load, &figures).into_iter().map(said).collect());
    }
    Ok(rows(nodes, load, &figures))
}

/// Share of the cores beyond which figures may be the machine's, not the swarm's.
const MOST_BUSY: f64 = 0.9;

fn name(nodes: u32, load: f64, what: &str) -> String {
    format!("N{nodes}.load{load}.{what}")
}

/// The issue asks for most of what is possible up to a load of 0.9; beyond, what is reached is only told.
fn rate_aim(load: f64) -> &'static str {
    match load {
        load if load <= 0.8 => ">=0.95",
        load if load <= 0.9 => ">=0.9",
        _ => "",
    }
}

fn declared(nodes: u32, load: f64) -> [Row; 5] {
    [
        Row::declared(name(nodes, load, "rate_ratio"), "ratio", rate_aim(load)),
        Row::declared(name(nodes, load, "copies"), "copies", COPIES_AIM),
        Row::declared(name(nodes, load, "wire_copies"), "copies", ""),
        Row::declared(name(nodes, load, "late_fraction"), "ratio", LATE_AIM),
        Row::declared(name(nodes, load, "last_peer_ratio"), "ratio", "<=1.5"),
    ]
}

fn declared_churn() -> [Row; 2] {
    let name = |what: &str| format!("N{CHURN_NODES}.load{CHURN_LOAD}.churn.{what}");
    [
        Row::declared(name("copies"), "copies", CHURN_COPIES_AIM),
        Row::declared(name("late_fraction"), "ratio", LATE_AIM),
    ]
}

/// With a value, its bound and a note.
fn filled(row: Row, value: f64, bound: f64, note: String) -> Row {
    Row { value: Some(value), min: Some(value), max: Some(value), ..row }.bounded(bound).noted(note)
}

fn rows(nodes: u32, load: f64, figures: &Figures) -> Vec<Row> {
    let [rate, copies, wire, late, last] = declared(nodes, load);
    let segments = figures.segments;
    vec![
        filled(
            rate,
            figures.rate_ratio,
            1.0,
            format!(
                "media whole in time at the nodes / media offered ({segments} segments); the offered rate is \
                 {load} of r_max's sum, so 1 is the most"
            ),
        ),
        filled(
            copies,
            figures.copies,
            figures.least_copies,
            "media that nodes had from the origin's side".into(),
        ),
        filled(
            wire,
            figures.wire_copies,
            figures.least_copies,
            "all bytes at the origin side's interface".into(),
        ),
        filled(
            late,
            figures.late_fraction,
            0.0,
            "a segment not whole in time counts with all its blocks".into(),
        ),
        match figures.last_peer_ratio() {
            Some(ratio) => filled(last, ratio, 1.0, "u: the mean cap of the nodes".into()),
            None => last.noted("half of the segments never reached every node"),
        },
    ]
}

fn churn_rows(figures: &Figures) -> Vec<Row> {
    let [copies, late] = declared_churn();
    let seconds = Duration::as_secs(&streamr_netlab::bound::MEAN_SESSION);
    let note = format!(
        "sessions of {seconds} s in the mean, {} left, half without a good-bye; all bytes at the origin side's interface, \
         since nodes that leave take their counts with them",
        figures.left
    );
    vec![
        filled(copies, figures.wire_copies, figures.least_copies, note),
        filled(late, figures.late_fraction, 0.0, "of what was due at those there until its deadline".into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_declared_and_has_its_aim() {
        let figures = Figures {
            segments: 8,
            rate_ratio: 0.96,
            copies: 1.05,
            least_copies: 1.0,
            wire_copies: 1.15,
            late_fraction: 0.04,
            last_peer_ms: None,
            least_last_peer_ms: 2_000.0,
            left: 3,
        };
        let declared = Bound.rows();
        assert_eq!(declared.len(), 3 * 4 * 5 + 2);
        let measured = [rows(8, 0.8, &figures), churn_rows(&figures)].concat();
        for row in &measured {
            assert!(declared.iter().any(|one| one.name == row.name && one.aim == row.aim), "{row:?}");
        }
        let met = |name: &str| measured.iter().find(|row| row.name == name).unwrap().meets_aim();
        assert_eq!(met("N8.load0.8.rate_ratio"), Some(true));
        assert_eq!(met("N8.load0.8.late_fraction"), Some(false));
        assert_eq!(met("N8.load0.8.last_peer_ratio"), None);
        assert_eq!(met("N32.load0.8.churn.copies"), Some(true));
    }
}
