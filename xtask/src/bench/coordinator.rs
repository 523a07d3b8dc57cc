//! `coordinator`: what a coordinator's process can take on each database, loaded from another process of this
//! machine.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::row::Row;
use super::{Bench, Context};
use crate::shell;

const HEARTBEATS: &str = "heartbeats_per_s";
const HEARTBEAT_P99: &str = "heartbeat_p99_ms";
const MEMORY: &str = "mb_per_10k_nodes";
const RECEIPTS: &str = "receipts_per_s";
const RECEIPTS_VS_RAW: &str = "receipts_vs_raw_ed25519";
const CLOSING: &str = "epoch10k_close_s";
const EVENTS_LAG: &str = "sse1000_lag_p99_ms";
/// Verifying alone, without the way through HTTP into the database; the same on every database.
const CHECKS_VS_RAW: &str = "receipt_checks_vs_raw_ed25519";
/// Signatures on a receipt.
const SIGNATURES: f64 = 2.0;

/// The bench.
pub(crate) struct Coordinator;

/// One database.
#[derive(Debug, Clone, Copy)]
struct Target {
    database: &'static str,
    /// Heartbeats a second.
    aim_per_s: f64,
    /// The same, to be read.
    aim: &'static str,
}

const TARGETS: [Target; 2] = [
    Target { database: "sqlite", aim_per_s: 5_000.0, aim: ">=5000" },
    Target { database: "postgres", aim_per_s: 8_000.0, aim: ">=8000" },
];

impl Target {
    fn row(self, name: &str) -> Row {
        let (unit, aim) = match name {
            HEARTBEATS => ("1/s", self.aim),
            HEARTBEAT_P99 => ("ms", "<=50"),
            MEMORY => ("MB", ""),
            RECEIPTS => ("1/s", ""),
            RECEIPTS_VS_RAW => ("ratio", ">=0.8"),
            CLOSING => ("s", "<=2"),
            _ => ("ms", ""),
        };
        Row::declared(format!("{}.{name}", self.database), unit, aim)
    }

    fn rows(self) -> Vec<Row> {
        let names = [HEARTBEATS, HEARTBEAT_P99, MEMORY, RECEIPTS, RECEIPTS_VS_RAW, CLOSING, EVENTS_LAG];
        names.map(|name| self.row(name)).into()
    }

    fn found(self, name: &str, value: f64) -> Row {
        let Row { name, unit, aim, .. } = self.row(name);
        Row {
            value: Some(value),
            min: Some(value),
            max: Some(value),
            unit,
            aim,
            ..Row::declared(name, "", "")
        }
    }

    /// The argument that names it.
    fn argument(self) -> String {
        format!("database={}", self.database)
    }
}

impl Bench for Coordinator {
    fn name(&self) -> &'static str {
        "coordinator"
    }

    fn rows(&self) -> Vec<Row> {
        let checks = Row::declared(CHECKS_VS_RAW, "ratio", ">=0.8");
        TARGETS.into_iter().flat_map(Target::rows).chain([checks]).collect()
    }

    /// Nodes report as fast as they are answered.
    fn saturates(&self) -> bool {
        true
    }

    fn prepare(&self, context: &Context<'_>) -> Result<()> {
        for what in [["--bin", "streamr-coordinator"], ["--example", "load"]] {
            let mut build = shell::cargo(context.workspace);
            build.args(["build", "--release", "--package", "streamr-coordinator"]).args(what);
            shell::run(build)?;
        }
        Ok(())
    }

    fn measure(&self, context: &Context<'_>, _seed: u32) -> Result<Vec<Row>> {
        let raw = load(context, "raw", &[seconds(context, 3)])?;
        let raw_per_s = number(&raw, "batch_per_s")?;
        let mut rows = Vec::new();
        for target in TARGETS {
            rows.extend(of_database(context, target, raw_per_s));
        }
        rows.push(checks(&raw)?);
        Ok(rows)
    }
}

/// Whatever of a database can be measured; the rest with the reason.
fn of_database(context: &Context<'_>, target: Target, raw_per_s: f64) -> Vec<Row> {
    let steps = [
        heartbeats(context, target),
        receipts(context, target, raw_per_s),
        closing(context, target),
        events(context, target),
    ];
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Ok(found) => rows.extend(found),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    let why = failures.join("; ");
    let missing = target.rows().into_iter().filter(|row| rows.iter().all(|found| found.name != row.name));
    let missing: Vec<Row> = missing.map(|row| row.noted(why.clone())).collect();
    rows.extend(missing);
    rows
}

fn heartbeats(context: &Context<'_>, target: Target) -> Result<Vec<Row>> {
    let nodes = if context.quick { "nodes=1000" } else { "nodes=10000" };
    let rate = format!("rate={}", target.aim_per_s / 2.0);
    let arguments = [target.argument(), nodes.into(), rate, seconds(context, 10)];
    let figures = load(context, "heartbeats", &arguments)?;
    let figure = |name| number(&figures, name);
    let sustained = target.found(HEARTBEATS, figure("heartbeats_per_s")?).noted(format!(
        "p99 {:.1} ms with 128 waiting all the time; {:.0}/s joined",
        figure("p99_ms")?,
        figure("joins_per_s")?
    ));
    let paced = target.found(HEARTBEAT_P99, figure("paced_p99_ms")?).noted(format!(
        "at {:.0}/s, counted from when each was due; median {:.1} ms",
        figure("paced_per_s")?,
        figure("paced_p50_ms")?
    ));
    let memory = if context.quick {
        target.row(MEMORY).noted("a quick run has 1,000 nodes")
    } else {
        target.found(MEMORY, figure("grown_mb")?).noted(format!(
            "beside {:.0} MB without nodes; {:.0} MB in all after the load",
            figure("empty_mb")?,
            figure("loaded_mb")?
        ))
    };
    Ok(vec![sustained, paced, memory])
}

fn receipts(context: &Context<'_>, target: Target, raw_per_s: f64) -> Result<Vec<Row>> {
    let figures = load(context, "receipts", &[target.argument(), seconds(context, 5)])?;
    let receipts_per_s = number(&figures, "receipts_per_s")?;
    let vs_raw = target.found(RECEIPTS_VS_RAW, receipts_per_s * SIGNATURES / raw_per_s).bounded(1.0);
    let note = format!("two signatures each; {raw_per_s:.0} signatures/s in the library's batches");
    let per_s = target.found(RECEIPTS, receipts_per_s).noted("over HTTP, 64 in a request, verified and kept");
    Ok(vec![per_s, vs_raw.noted(note)])
}

fn closing(context: &Context<'_>, target: Target) -> Result<Vec<Row>> {
    if context.quick {
        return Ok(vec![target.row(CLOSING).noted("a quick run prepares no hour of 10,000 nodes")]);
    }
    let figures = load(context, "closing", &[target.argument()])?;
    let verify = format!("120,000 receipts; the book is verified in {:.1} s", number(&figures, "verify_s")?);
    Ok(vec![target.found(CLOSING, number(&figures, "close_s")?).noted(verify)])
}

fn events(context: &Context<'_>, target: Target) -> Result<Vec<Row>> {
    let figures = load(context, "events", &[target.argument(), seconds(context, 20)])?;
    let note = format!(
        "{:.0} updates of 1,000 listeners; median {:.1} ms",
        number(&figures, "events")?,
        number(&figures, "lag_p50_ms")?
    );
    Ok(vec![target.found(EVENTS_LAG, number(&figures, "lag_p99_ms")?).noted(note)])
}

/// What is verified of a request of receipts against as many signatures of a key each in the usual library's
/// batch.
fn checks(raw: &Value) -> Result<Row> {
    let figure = |name| number(raw, name);
    let (ours, batch) = (figure("ours_per_s")?, figure("batch_per_s")?);
    let note = format!(
        "signatures/s on all cores: receipts together {ours:.0}, the library's batch {batch:.0}; one by one {:.0}, \
         the library's strict check {:.0}",
        figure("ours_alone_per_s")?,
        figure("strict_per_s")?
    );
    Ok(Row::value(CHECKS_VS_RAW, ours / batch, "ratio", ">=0.8").noted(note))
}

/// How long a step takes: a shorter while where the run is quick.
fn seconds(context: &Context<'_>, full: u32) -> String {
    format!("seconds={}", if context.quick { (full / 4).max(1) } else { full })
}

/// Runs one step of the program that makes the load.
fn load(context: &Context<'_>, step: &str, arguments: &[String]) -> Result<Value> {
    let release = context.workspace.target().join("release");
    let mut command = shell::command(context.workspace, &release.join("examples/load").display().to_string());
    command.arg(release.join("streamr-coordinator")).arg(step).args(arguments);
    let output = shell::output(command)?;
    serde_json::from_str(&output).with_context(|| format!("not what was expected: {output}"))
}

fn number(figures: &Value, name: &str) -> Result<f64> {
    figures[name].as_f64().with_context(|| format!("no {name} in {figures}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checks_are_compared_with_the_librarys_batch() {
        let raw = serde_json::json!({
            "ours_per_s": 90_000, "batch_per_s": 100_000, "ours_alone_per_s": 40_000, "strict_per_s": 45_000,
        });
        let row = checks(&raw).unwrap();
        assert_eq!((row.value, row.meets_aim()), (Some(0.9), Some(true)));
        assert!(checks(&serde_json::json!({})).is_err());
    }

    #[test]
    fn what_is_found_keeps_the_unit_and_aim_that_were_declared() {
        let row = TARGETS[1].found(HEARTBEATS, 7_999.0);
        assert_eq!((row.name.as_str(), &*row.unit), ("postgres.heartbeats_per_s", "1/s"));
        assert_eq!(row.meets_aim(), Some(false));
    }
}
