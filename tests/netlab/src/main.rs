//! `streamr-netlab`: the lab by hand, for looking at one setting. `cargo xtask bench` makes the figures.

#![expect(clippy::print_stdout, reason = "results go to standard output")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use streamr_netlab::bound::BoundLab;
use streamr_netlab::offload::{OffloadLab, SUPPORTERS, VIEWERS};
use streamr_netlab::why_not;
use streamr_netlab::yielding::{HomeLab, Manners};

#[derive(Parser)]
#[command(name = "streamr-netlab", about, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Nodes with shaped uplinks under one or more loads.
    Bound {
        /// How many.
        #[arg(long, default_value_t = 8)]
        nodes: u32,
        /// N·r ÷ (u_s + Σu), separated by commas.
        #[arg(long, value_delimiter = ',', default_value = "0.8")]
        loads: Vec<f64>,
        /// Segments of two seconds that are judged for each load.
        #[arg(long, default_value_t = 8)]
        segments: usize,
        /// Nodes come and go.
        #[arg(long)]
        churn: bool,
        /// Chance's beginning.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Keep what the nodes logged and showed in this directory.
        #[arg(long)]
        keep: Option<PathBuf>,
    },
    /// Viewers with next to no uplink, supporters with plenty.
    Offload {
        /// Segments of two seconds that are judged.
        #[arg(long, default_value_t = 8)]
        segments: usize,
        /// Viewers come and go.
        #[arg(long)]
        sessions: bool,
        /// Chance's beginning.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// A home whose line a node, a game and an upload share.
    Yield {
        /// Seconds of each stretch.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// The node does not give way.
        #[arg(long)]
        plain: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(why) = why_not() {
        eprintln!("{why}");
        return ExitCode::from(69);
    }
    if let Err(error) = ctrlc::set_handler(streamr_testnet::interrupt) {
        eprintln!("Ctrl-C will not be noticed: {error}");
    }
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let begun = Instant::now();
    let told = |nodes| println!("{nodes} nodes started in {:.1} s", begun.elapsed().as_secs_f64());
    match command {
        Command::Bound { nodes, loads, segments, churn, seed, keep } => {
            let mut lab = BoundLab::start(nodes, loads.first().copied().unwrap_or(0.8), seed)?;
            told(nodes);
            for load in loads {
                let figures =
                    if churn { lab.measure_churn(load, segments) } else { lab.measure(load, segments) }?;
                let last_peer = figures.last_peer_ratio();
                println!("N{nodes} load {load}: last peer {last_peer:.2?} of the least; {figures:.3?}");
            }
            if let Some(directory) = keep {
                keep_files(&mut lab, &directory)?;
            }
        }
        Command::Offload { segments, sessions, seed } => {
            let mut lab = OffloadLab::start(seed)?;
            told(VIEWERS + SUPPORTERS);
            let figures =
                if sessions { lab.measure_sessions(segments) } else { lab.measure_stable(segments) }?;
            println!("{figures:.3?}");
        }
        Command::Yield { seconds, plain } => share(Duration::from_secs(seconds), plain)?,
    }
    Ok(())
}

fn share(span: Duration, plain: bool) -> anyhow::Result<()> {
    let mut lab = HomeLab::start(if plain { Manners::Plain } else { Manners::GivesWay }, 0)?;
    for (name, shared) in [("with", lab.measure_with_us(span)?), ("without", lab.measure_without_us(span)?)] {
        for (what, seen) in [("game", &shared.game), ("beside an upload", &shared.beside_upload)] {
            let ping = [50, 95, 99].map(|percent| seen.ping_ms(percent).unwrap_or_default());
            println!(
                "{name} us, {what}: ping p50, p95, p99 {ping:.1?} ms; {:.2} Mb/s sent, {:.2} of the upload",
                seen.sent_bps / 1e6,
                seen.upload_bps / 1e6
            );
        }
        println!("{name} us: measured {:?}", shared.measured_bps);
    }
    Ok(())
}

/// Each node's log and last snapshot.
fn keep_files(lab: &mut BoundLab, directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory)?;
    for (at, place) in lab.swarm().places.iter_mut().enumerate() {
        let Some(node) = &mut place.node else { continue };
        std::fs::copy(node.process().log(), directory.join(format!("node-{at}.log")))?;
        let shown = serde_json::to_vec_pretty(&node.snapshot_json()?)?;
        std::fs::write(directory.join(format!("node-{at}.json")), shown)?;
    }
    Ok(())
}
