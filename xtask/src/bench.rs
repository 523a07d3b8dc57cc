//! Benches: one shape for all figures. Each bench is one file here that implements [`Bench`].

mod load;
mod main_job;
mod report;

use anyhow::{Result, bail};
use clap::Args;

use crate::exit::Stop;
use crate::setup::{self, Purpose};
use crate::workspace::Workspace;
use load::LoadMeter;
use report::{Report, Row};

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
pub(crate) trait Bench {
    /// Its name on the command line and of its file.
    fn name(&self) -> &'static str;

    /// Builds, in release, what is measured.
    fn prepare(&self, context: &Context<'_>) -> Result<()>;

    /// Measures once. Every row of BENCH.md is there in every run, with no value if it has none.
    fn measure(&self, context: &Context<'_>, seed: u32) -> Result<Vec<Row>>;
}

const BENCHES: [&dyn Bench; 1] = [&main_job::MainJob];
/// CPU of others, in cores, beyond which figures mean nothing.
const MOST_FOREIGN_LOAD: f64 = 0.3;
/// Share of all cores beyond which figures measure the machine's limit.
const SATURATED: f64 = 0.95;

/// Prepares, measures, prints, writes.
pub(crate) fn bench(workspace: &Workspace, args: &BenchArgs) -> Result<()> {
    let names = BENCHES.map(|bench| bench.name()).join(", ");
    let Some(name) = &args.name else {
        println!("{names}");
        return Ok(());
    };
    let Some(bench) = BENCHES.iter().find(|bench| bench.name() == name) else {
        bail!("there is no bench {name:?}; there are {names}");
    };
    let context = Context { workspace, quick: args.quick, builds: args.builds };
    setup::ensure(workspace, Purpose::RunDesktop)?;
    bench.prepare(&context)?;

    let mut runs = Vec::new();
    let mut foreign_load: f64 = 0.0;
    for seed in 0..args.seeds.max(1) {
        let meter = LoadMeter::start()?;
        runs.push(bench.measure(&context, seed)?);
        let load = meter.finish()?;
        eprintln!("run {seed}: {:.2} cores busy, {:.2} of them with others' work", load.busy, load.foreign);
        foreign_load = foreign_load.max(load.foreign);
        if load.foreign > MOST_FOREIGN_LOAD {
            let why =
                format!("rejected: others used {:.2} cores, more than {MOST_FOREIGN_LOAD}", load.foreign);
            return Err(Stop::TryLater(why).into());
        }
        if load.busy > SATURATED * load.cores {
            let why = format!("rejected: all {} cores were busy", load.cores);
            return Err(Stop::TryLater(why).into());
        }
    }
    let report = Report::new(workspace, name, &context, &runs, foreign_load)?;
    print!("{}", report.table());
    let path = workspace.target().join("bench").join(format!("{name}.json"));
    report.write(&path)?;
    eprintln!("written to {}", path.display());
    Ok(())
}
