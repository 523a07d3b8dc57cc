//! `browser-peers`: our nodes beside p2p-media-loader in browsers, on the same segment files at the same time.

mod account;
mod trial;

use std::time::Duration;

use anyhow::{Context as _, Result};
use streamr_testnet::players::PmlPackage;

use super::row::Row;
use super::{Bench, Context};
use crate::setup;
use account::Outcome;
use trial::{Settings, Trial};

/// Viewers of each kind.
const VIEWERS: u32 = 4;
/// Each viewer may get from the others what one of them has fetched.
const CEILING: f64 = 1.0 - 1.0 / VIEWERS as f64;

const fn trial(delay_s: u64, settings: Settings, warm_up_s: u64, span_s: u64) -> Trial {
    Trial {
        delay: Duration::from_secs(delay_s),
        settings,
        warm_up: Duration::from_secs(warm_up_s),
        span: Duration::from_secs(span_s),
    }
}

const TRIALS: [Trial; 4] = [
    trial(6, Settings::Tuned, 15, 60),
    trial(6, Settings::Defaults, 10, 20),
    trial(10, Settings::Tuned, 15, 60),
    trial(10, Settings::Defaults, 10, 20),
];
/// Only the longer delay, at which p2p-media-loader does best.
const QUICK_TRIALS: [Trial; 1] = [trial(10, Settings::Tuned, 6, 12)];

/// The bench.
pub(crate) struct BrowserPeers;

impl Bench for BrowserPeers {
    fn name(&self) -> &'static str {
        "browser-peers"
    }

    fn rows(&self) -> Vec<Row> {
        TRIALS.iter().flat_map(|trial| rows(trial, None)).collect()
    }

    fn prepare(&self, context: &Context<'_>) -> Result<()> {
        setup::ensure_browser_peers(context.workspace)?;
        super::build_nodes(context.workspace)
    }

    fn measure(&self, context: &Context<'_>, _seed: u32) -> Result<Vec<Row>> {
        let package = PmlPackage {
            directory: setup::ensure_browser_peers(context.workspace)?,
            node: context.workspace.find("node").context("Node.js is missing")?,
        };
        let trials = if context.quick { &QUICK_TRIALS[..] } else { &TRIALS[..] };
        let mut all = Vec::new();
        for trial in trials {
            all.extend(rows(trial, Some(&trial.run(&package)?)));
        }
        Ok(all)
    }
}

/// What the two kinds of viewers got in one trial.
#[derive(Debug)]
struct Outcomes {
    ours: Outcome,
    pml: Outcome,
}

/// The figures of a trial; before it, what they are called.
fn rows(trial: &Trial, outcomes: Option<&Outcomes>) -> Vec<Row> {
    let delay = format!("delay{}", trial.delay.as_secs());
    let theirs = outcomes.map(|outcomes| &outcomes.pml);
    match trial.settings {
        Settings::Tuned => {
            let peer = theirs.and_then(Outcome::offload);
            let aims = [">=peer", "<=1.1", "<=0"];
            let ours = rows_of(&format!("{delay}.ours"), aims, outcomes.map(|outcomes| &outcomes.ours));
            let beside = |row: Row| match peer {
                Some(peer) if row.name.ends_with(".offload") => row.beside(peer),
                _ => row,
            };
            let theirs = rows_of(&format!("{delay}.pml"), ["", "", ""], theirs);
            ours.into_iter().map(beside).chain(theirs).collect()
        }
        // Ours were there too, and are measured in the other trial.
        Settings::Defaults => rows_of(&format!("{delay}.pml_defaults"), ["", "", ""], theirs),
    }
}

/// The figures of one kind of viewers.
fn rows_of(name: &str, aims: [&'static str; 3], outcome: Option<&Outcome>) -> Vec<Row> {
    let row = |figure: &str, unit, aim, value: Option<f64>| {
        let name = format!("{name}.{figure}");
        match (outcome, value) {
            (Some(outcome), Some(value)) => Row::value(name, value, unit, aim).noted(outcome.note.clone()),
            (Some(_), None) => Row::missing(name, unit, aim, "nothing reached the viewers"),
            (None, _) => Row::declared(name, unit, aim),
        }
    };
    let [offload_aim, copies_aim, stalls_aim] = aims;
    vec![
        row("offload", "ratio", offload_aim, outcome.and_then(Outcome::offload)).bounded(CEILING),
        row("copies", "copies", copies_aim, outcome.and_then(Outcome::copies)).bounded(1.0),
        row("stalls", "stalls", stalls_aim, outcome.map(|outcome| f64::from(outcome.stalls))),
        row("ceiling", "ratio", "", outcome.map(|_| CEILING)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(origin_bytes: u64) -> Outcome {
        Outcome { delivered_bytes: 4000, origin_bytes, published_bytes: 1000, ..Outcome::default() }
    }

    #[test]
    fn ours_are_to_beat_what_they_got_in_the_same_trial_at_its_best_settings() {
        let outcomes = Outcomes { ours: outcome(1000), pml: outcome(1200) };
        let rows = rows(&TRIALS[0], Some(&outcomes));
        assert_eq!(rows[0].name, "delay6.ours.offload");
        assert_eq!((rows[0].value, rows[0].peer, rows[0].bound), (Some(0.75), Some(0.7), Some(0.75)));
        assert_eq!(rows[0].meets_aim(), Some(true));
        let outcomes = Outcomes { ours: outcome(1300), pml: outcome(1200) };
        assert_eq!(super::rows(&TRIALS[0], Some(&outcomes))[0].meets_aim(), Some(false));
    }

    #[test]
    fn a_quick_run_measures_rows_that_are_declared() {
        let declared: Vec<String> = BrowserPeers.rows().into_iter().map(|row| row.name).collect();
        let outcomes = Outcomes { ours: outcome(1000), pml: outcome(1200) };
        for trial in &QUICK_TRIALS {
            assert!(rows(trial, Some(&outcomes)).iter().all(|row| declared.contains(&row.name)));
        }
        for name in ["delay6.ours.offload", "delay10.pml.stalls", "delay6.pml_defaults.offload"] {
            assert!(declared.iter().any(|declared| declared == name), "{name}");
        }
    }
}
