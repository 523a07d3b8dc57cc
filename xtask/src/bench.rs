//! Benches: one shape for all figures. Each bench is one file here that implements [`Bench`].

mod bound;
mod browser_peers;
mod coordinator;
mod cpu;
mod hop;
mod load;
mod main_job;
mod offload;
mod playback;
mod plot;
mod report;
mod row;
mod runs;
mod scale;
mod transfer;
mod yielding;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use streamr_testnet::poll;

use crate::exit::Stop;
use crate::setup::{self, Purpose};
use crate::workspace::Workspace;
use crate::{shell, ui};
use load::LoadMeter;
use report::Report;
use row::Row;
use runs::Rules;

#[derive(Args)]
pub(crate) struct BenchArgs {
    /// Which; without a name, all are listed.
    name: Option<String>,
    /// Finish in 50 seconds. The figures are marked as quick.
    #[arg(long)]
    quick: bool,
    /// Runs of which the median counts.
    #[arg(long, default_value_t = 1)]
    seeds: u32,
    /// Measure clean builds too, which takes half an hour.
    #[arg(long)]
    builds: bool,
    /// Draw what `target/bench` holds into docs/performance and renew the tables of docs/performance.md,
    /// after measuring if a bench is named.
    #[arg(long)]
    plot: bool,
}

/// What a bench is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The checkout.
    pub workspace: &'a Workspace,
    /// Finish in 50 seconds.
    pub quick: bool,
    /// Measure clean builds.
    pub builds: bool,
}

/// A set of figures.
pub(crate) trait Bench: Sync {
    /// Its name on the command line and of its file.
    fn name(&self) -> &'static str;

    /// Every row of BENCH.md that it can give, in the order in which they are shown. A run that does not
    /// measure one of them leaves it out, and it stands there without a value.
    fn rows(&self) -> Vec<Row>;

    /// Whether it uses all cores on purpose. Otherwise a machine without a core to spare rejects the run.
    fn saturates(&self) -> bool {
        false
    }

    /// Builds, in release, what is measured.
    fn prepare(&self, context: &Context<'_>) -> Result<()>;

    /// Measures once. Only rows of [`Self::rows`].
    fn measure(&self, context: &Context<'_>, seed: u32) -> Result<Vec<Row>>;
}

/// All benches, in the order in which they are listed.
const BENCHES: &[&dyn Bench] = &[
    &main_job::MainJob,
    &bound::Bound,
    &hop::Hop,
    &cpu::Cpu,
    &playback::Playback,
    &offload::OffloadBench,
    &browser_peers::BrowserPeers,
    &yielding::Yield,
    &scale::Scale,
    &coordinator::Coordinator,
];
/// Others' work, in cores, below which a rejected run is repeated at once.
const QUIET: f64 = 0.2;
/// For how long a quiet machine is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Everything that runs in a network of processes, in release; the node's page is in it.
fn build_nodes(workspace: &Workspace) -> Result<()> {
    ui::build_if_stale(workspace)?;
    let mut build = shell::cargo(workspace);
    build.args(["build", "--release", "--bins", "--package", "streamr-coordinator"]);
    build.args(["--package", "streamr-signer", "--package", "streamr-node-cli"]);
    shell::run(build)?;
    streamr_testnet::binaries::choose_directory(workspace.target().join("release"));
    Ok(())
}

/// Prepares, measures, prints, writes.
pub(crate) fn bench(workspace: &Workspace, args: &BenchArgs) -> Result<()> {
    let names = BENCHES.iter().map(|bench| bench.name()).collect::<Vec<_>>().join(", ");
    let Some(name) = &args.name else {
        if args.plot {
            return plot::plot(workspace);
        }
        println!("{names}");
        return Ok(());
    };
    let Some(bench) = BENCHES.iter().find(|bench| bench.name() == name) else {
        bail!("there is no bench {name:?}; there are {names}");
    };
    let context = Context { workspace, quick: args.quick, builds: args.builds };
    setup::ensure(workspace, Purpose::RunDesktop)?;
    bench.prepare(&context)?;

    let rules = Rules { seeds: args.seeds, quick: args.quick, saturates: bench.saturates() };
    let run = |seed| {
        let meter = LoadMeter::start()?;
        let rows = bench.measure(&context, seed)?;
        Ok((rows, meter.finish()?))
    };
    let runs = rules.run(run, wait_for_a_quiet_machine)?;
    let report = Report::new(workspace, name, &bench.rows(), args.quick, &runs)?;
    print!("{}", report.table());
    let path = workspace.target().join("bench").join(format!("{name}.json"));
    report.write(&path)?;
    eprintln!("written to {}", path.display());
    if args.plot {
        plot::plot(workspace)?;
    }
    match runs.rejected {
        Some(why) => Err(Stop::TryLater(why).into()),
        None => Ok(()),
    }
}

/// Waits while others work, but not for ever: the repeated run is judged by itself.
fn wait_for_a_quiet_machine() -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < LONGEST_WAIT {
        let meter = LoadMeter::start()?;
        poll::let_run(Duration::from_secs(3))?;
        if meter.finish()?.foreign < QUIET {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_bench_declares_its_rows_once_and_with_aims_that_can_be_read() {
        let names: BTreeSet<&str> = BENCHES.iter().map(|bench| bench.name()).collect();
        assert_eq!(names.len(), BENCHES.len());
        for bench in BENCHES {
            let rows = bench.rows();
            let distinct: BTreeSet<&str> = rows.iter().map(|row| &*row.name).collect();
            assert!(!rows.is_empty() && distinct.len() == rows.len(), "{}", bench.name());
            for row in rows {
                let compared = row.clone().beside(1.0);
                assert!(row.aim.is_empty() || compared.aim().is_some(), "{} {}", bench.name(), row.name);
            }
        }
    }
}
