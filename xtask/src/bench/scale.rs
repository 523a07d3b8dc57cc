//! `scale`: the swarm's decisions in simulated worlds of ten thousand to a million nodes.
//!
//! `crates/sim` runs the production relay-core; it is a process of its own here, so that its memory can be
//! measured and its time limited. `calibration` compares such a world with 32 real node processes.

mod calibration;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use streamr_testnet::poll;

use super::row::Row;
use super::{Bench, Context};
use crate::shell;
use crate::workspace::Workspace;

/// One size of the swarm.
#[derive(Debug, Clone, Copy)]
struct Size {
    label: &'static str,
    nodes: u32,
    /// Beyond it the run is given up.
    limit: Duration,
    /// Memory that must be free, in bytes.
    needs: u64,
    /// What a node may take, so that a million fit into 20 GB.
    bytes_aim: &'static str,
}

const SIZES: [Size; 3] = [
    Size { label: "N10k", nodes: 10_000, limit: Duration::from_secs(600), needs: 1 << 30, bytes_aim: "" },
    Size { label: "N100k", nodes: 100_000, limit: Duration::from_secs(1_800), needs: 3 << 30, bytes_aim: "" },
    Size {
        label: "N1M",
        nodes: 1_000_000,
        limit: Duration::from_secs(3_600),
        needs: 18 << 30,
        bytes_aim: "<=20000",
    },
];
/// Blocks of a segment.
const BLOCKS: u16 = 16;
/// Segments published; as many at every size, so that sizes can be compared.
const SEGMENTS: u16 = 2;
/// A million nodes take most of an hour: one seed does.
const ONCE: u32 = 1_000_000;

/// The bench.
pub(crate) struct Scale;

impl Bench for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn rows(&self) -> Vec<Row> {
        SIZES.iter().flat_map(Size::rows).chain(calibration::rows()).collect()
    }

    fn saturates(&self) -> bool {
        // A simulation takes a whole core, and 32 node processes most of two.
        true
    }

    fn prepare(&self, context: &Context<'_>) -> Result<()> {
        let mut build = shell::cargo(context.workspace);
        build.args(["build", "--release", "--package", "streamr-sim", "--example", "streamr-sim"]);
        shell::run(build)?;
        if context.quick { Ok(()) } else { super::build_nodes(context.workspace) }
    }

    fn measure(&self, context: &Context<'_>, seed: u32) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for size in SIZES {
            if context.quick && size.nodes > SIZES[0].nodes {
                rows.extend(size.without("takes longer than --quick allows"));
            } else if size.nodes < ONCE || seed == 0 {
                rows.extend(size.measure(context.workspace, seed)?);
            }
        }
        if context.quick {
            rows.extend(calibration::rows().map(|row| row.noted("takes longer than --quick allows")));
        } else {
            rows.extend(calibration::measure(context.workspace, seed)?);
        }
        Ok(rows)
    }
}

impl Size {
    fn rows(&self) -> [Row; 5] {
        let name = |what: &str| format!("{}.{what}", self.label);
        [
            Row::declared(name("copies"), "copies", "<=2"),
            Row::declared(name("p999_blocks"), "blocks", ""),
            Row::declared(name("p999_over_log2n"), "ratio", "<=1.5"),
            Row::declared(name("events_per_s"), "1/s", ""),
            Row::declared(name("bytes_per_node"), "bytes", self.bytes_aim),
        ]
    }

    fn without(&self, why: &str) -> Vec<Row> {
        self.rows().map(|row| row.noted(why)).into()
    }

    fn measure(&self, workspace: &Workspace, seed: u32) -> Result<Vec<Row>> {
        let free = available_bytes().unwrap_or(0);
        if free < self.needs {
            let gib = |bytes: u64| bytes >> 30;
            return Ok(self.without(&format!(
                "needs {} GiB of memory, {} are free",
                gib(self.needs),
                gib(free)
            )));
        }
        let arguments = ["--nodes", &self.nodes.to_string(), "--segments", &SEGMENTS.to_string()];
        let blocks = ["--blocks", &BLOCKS.to_string(), "--seed", &seed.to_string()];
        let Some(run) = simulate(workspace, &[arguments, blocks].concat(), self.limit)? else {
            return Ok(self.without(&format!("took longer than {} s", self.limit.as_secs())));
        };
        eprintln!("{}: {run:?}", self.label);
        Ok(self.filled(&run))
    }

    fn filled(&self, run: &SimRun) -> Vec<Row> {
        let [copies, p999, over_log, events, bytes] = self.rows();
        let hops = f64::from(self.nodes).log2();
        let serial = f64::from(BLOCKS);
        let Outcome { block_time_ms, missed, expected, .. } = run.outcome;
        let unit = format!(
            "a block time is a block / the mean uplink, {block_time_ms:.0} ms; since publication; {missed} of \
             {expected} segments missed"
        );
        let mut rows = vec![
            filled(copies, run.outcome.copies).bounded(1.0).noted(format!(
                "load 0.8 (60 % 0.5 r, 30 % 1.5 r, 10 % 5 r), {SEGMENTS} segments of {BLOCKS} blocks"
            )),
            filled(events, run.events_per_s).noted(format!("one core, {:.0} s", run.wall_s)),
        ];
        match run.p999_blocks {
            Some(blocks) => {
                rows.push(filled(p999, blocks).bounded(serial + hops.floor()).noted(unit));
                let over = (blocks - serial) / hops;
                let note = format!(
                    "(p999_blocks - {BLOCKS}) / log2 N: a segment's blocks leave one after the other"
                );
                rows.push(filled(over_log, over).bounded(1.0).noted(note));
            }
            None => {
                let why = "more than one block in a thousand never came";
                rows.extend([p999.noted(why), over_log.noted(why)]);
            }
        }
        rows.push(match run.bytes_per_node {
            Some(size) => filled(bytes, size).noted("peak resident memory, queue of events included"),
            None => bytes.noted("this system does not say"),
        });
        rows
    }
}

/// What `streamr-sim` prints, as far as it is shown here.
#[derive(Debug, Clone, Deserialize)]
struct SimRun {
    wall_s: f64,
    events_per_s: f64,
    bytes_per_node: Option<f64>,
    p999_blocks: Option<f64>,
    outcome: Outcome,
}

#[derive(Debug, Clone, Deserialize)]
struct Outcome {
    missed: u64,
    expected: u64,
    copies: f64,
    block_time_ms: f64,
    last_peer_ms: Vec<f64>,
}

/// Runs the simulation; `None` if it takes longer than `limit`.
fn simulate(workspace: &Workspace, arguments: &[&str], limit: Duration) -> Result<Option<SimRun>> {
    let mut command = Command::new(workspace.target().join("release/examples/streamr-sim"));
    // Huge pages: what a million nodes hold is reached at random, which is a fifth faster with them.
    command.args(arguments).env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = Running(child.context("cannot start the simulation")?);
    let begun = Instant::now();
    while child.0.try_wait()?.is_none() {
        if begun.elapsed() > limit {
            return Ok(None);
        }
        poll::let_run(Duration::from_millis(50))?;
    }
    let status = child.0.wait()?;
    let mut printed = child.0.stdout.take().context("the simulation's output was asked for")?;
    let printed = std::io::read_to_string(&mut printed)?;
    if !status.success() {
        bail!("the simulation failed ({status}): {printed}");
    }
    Ok(Some(serde_json::from_str(&printed)?))
}

/// A child that does not outlive us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn available_bytes() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn filled(row: Row, value: f64) -> Row {
    Row { value: Some(value), min: Some(value), max: Some(value), ..row }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(p999_blocks: Option<f64>) -> SimRun {
        let outcome =
            Outcome { missed: 0, expected: 20_000, copies: 1.2, block_time_ms: 100.0, last_peer_ms: vec![] };
        SimRun { wall_s: 9.0, events_per_s: 5e5, bytes_per_node: Some(13e3), p999_blocks, outcome }
    }

    #[test]
    fn what_is_measured_is_declared_and_has_its_aim() {
        let declared = Scale.rows();
        for measured in [SIZES[0].filled(&run(Some(36.0))), SIZES[0].filled(&run(None))] {
            assert_eq!(measured.len(), 5);
            for row in &measured {
                let is_same = |one: &Row| one.name == row.name && one.aim == row.aim && one.unit == row.unit;
                assert!(declared.iter().any(is_same), "{row:?}");
            }
        }
        let rows = SIZES[0].filled(&run(Some(36.0)));
        let over = rows.iter().find(|row| row.name == "N10k.p999_over_log2n").unwrap();
        assert!((over.value.unwrap() - 20.0 / 10_000_f64.log2()).abs() < 1e-9, "{over:?}");
    }

    #[test]
    fn a_run_of_which_blocks_never_came_has_no_delay_and_says_why() {
        let rows = SIZES[0].filled(&run(None));
        let p999 = rows.iter().find(|row| row.name == "N10k.p999_blocks").unwrap();
        assert!(p999.value.is_none() && !p999.note.is_empty());
    }

    #[test]
    fn what_the_simulation_prints_is_read() {
        let printed = r#"{"seed":0,"nodes":10,"wall_s":0.1,"events_per_s":1.0,"bytes_per_node":5,"p999_blocks":
            null,"outcome":{"missed":1,"expected":2,"copies":1.0,"block_time_ms":50.0,"last_peer_ms":[1.5]}}"#;
        let run: SimRun = serde_json::from_str(printed).unwrap();
        assert_eq!((run.p999_blocks, run.bytes_per_node), (None, Some(5.0)));
        assert_eq!(run.outcome.last_peer_ms, [1.5]);
    }
}
