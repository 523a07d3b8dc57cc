//! Plays one scenario and prints the outcome as JSON, with what it cost: a process of its own, so that its
//! memory can be measured.
//!
//! `cargo run --release -p streamr-sim --example streamr-sim -- --nodes 10000 --seed 3`

#![expect(clippy::print_stdout, reason = "the outcome is for standard output")]

use std::fs;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;
use streamr_model::BitsPerSecond;
use streamr_sim::{Flash, Scenario, Strain};

/// A run of the swarm in a simulated world.
#[derive(Debug, Parser)]
struct Args {
    /// Chance, all of it.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Supporters from the beginning.
    #[arg(long, default_value_t = 1_000)]
    nodes: u32,
    /// Segments published.
    #[arg(long, default_value_t = 4)]
    segments: u16,
    /// Blocks of 32 KiB in a segment of two seconds.
    #[arg(long, default_value_t = 16)]
    blocks: u16,
    /// Everybody's uplink in hundredths of the stream's rate; without it 60 % give half the rate, 30 % one
    /// and a half of it, 10 % five times it.
    #[arg(long)]
    uplink_percent: Option<u32>,
    /// Without `--uplink-percent`: what is needed, in hundredths of what all nodes offer together.
    #[arg(long, default_value_t = 80)]
    load_percent: u32,
    /// Lines and uplinks as in the lab of the bench `bound`, at this load in thousandths. Blocks, uplinks, latency and
    /// origin are the lab's then.
    #[arg(long)]
    lab_load_per_mille: Option<u32>,
    /// From and until when, in seconds, nodes send only so many hundredths of what they offer.
    #[arg(long, num_args = 3)]
    strain: Option<Vec<u32>>,
    /// Mean session in seconds; without it nobody leaves.
    #[arg(long)]
    session_s: Option<u64>,
    /// So many vanish at the publication of the second segment.
    #[arg(long, default_value_t = 0)]
    flash_leave: u32,
    /// So many come at that moment.
    #[arg(long, default_value_t = 0)]
    flash_join: u32,
    /// So many send bad blocks.
    #[arg(long, default_value_t = 0)]
    polluters: u32,
    /// So many promise and never deliver.
    #[arg(long, default_value_t = 0)]
    silent: u32,
    /// So many claim to hold what they do not.
    #[arg(long, default_value_t = 0)]
    liars: u32,
    /// Of a thousand pairs, so many cannot connect.
    #[arg(long, default_value_t = 0)]
    unreachable: u32,
    /// Of a thousand messages, so many are lost once.
    #[arg(long, default_value_t = 0)]
    loss: u32,
    /// One-way latency, least and greatest, and jitter, in microseconds.
    #[arg(long, num_args = 3)]
    latency_us: Option<Vec<u64>>,
    /// What the origin sends to all together, in bits per second.
    #[arg(long)]
    origin_bps: Option<u64>,
    /// The origin ignores Range.
    #[arg(long)]
    no_range: bool,
    /// What an uplink can do, in hundredths of what its node offers.
    #[arg(long, default_value_t = 125)]
    line_percent: u32,
    /// Renditions of the stream; each node plays one.
    #[arg(long, default_value_t = 1)]
    renditions: u16,
    /// Of several renditions: of a hundred nodes so many play one, the others none.
    #[arg(long, default_value_t = 100)]
    watching_percent: u32,
}

impl Args {
    fn scenario(&self) -> Scenario {
        let mut scenario = Scenario {
            segments: self.segments,
            polluters: self.polluters,
            silent: self.silent,
            liars: self.liars,
            renditions: self.renditions,
            watching_percent: self.watching_percent,
            ..self.places()
        };
        if let Some([from, until, percent]) = self.strain.as_deref() {
            let seconds = |seconds: &u32| Duration::from_secs(u64::from(*seconds));
            scenario.strain = Some(Strain { from: seconds(from), until: seconds(until), percent: *percent });
        }
        let at = Scenario::FIRST_PUBLICATION + scenario.interval;
        let flash = |nodes: u32| (nodes > 0).then_some(Flash { at, nodes });
        scenario.churn.session_mean = self.session_s.map(Duration::from_secs);
        scenario.churn.flash_leave = flash(self.flash_leave);
        scenario.churn.flash_join = flash(self.flash_join);
        scenario.paths.unreachable_per_mille = self.unreachable;
        scenario.paths.loss_per_mille = self.loss;
        scenario
    }

    /// Nodes, their lines and the origin.
    fn places(&self) -> Scenario {
        if let Some(load_per_mille) = self.lab_load_per_mille {
            return Scenario::in_lab(self.seed, self.nodes, load_per_mille);
        }
        let mut scenario = Scenario {
            nodes: self.nodes,
            blocks: self.blocks,
            uplink_percent: self.line_percent,
            ..Scenario::new(self.seed)
        };
        for class in &mut scenario.uplinks {
            class.rate_per_mille = class.rate_per_mille * 80 / self.load_percent.max(1);
        }
        if let Some(percent) = self.uplink_percent {
            scenario = scenario.with_equal_uplinks(percent);
        }
        scenario.origin.has_range = !self.no_range;
        if let Some(bps) = self.origin_bps {
            scenario.origin.uplink = BitsPerSecond(bps);
        }
        if let Some([least, most, jitter]) = self.latency_us.as_deref() {
            scenario.paths.latency_min = Duration::from_micros(*least);
            scenario.paths.latency_max = Duration::from_micros(*most);
            scenario.paths.jitter = Duration::from_micros(*jitter);
        }
        scenario
    }
}

fn main() -> anyhow::Result<()> {
    let scenario = Args::parse().scenario();
    let before = resident_bytes("VmRSS:");
    let begun = Instant::now();
    let outcome = scenario.run();
    let wall_s = begun.elapsed().as_secs_f64();
    let peak = resident_bytes("VmHWM:");
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let events_per_s = outcome.events as f64 / wall_s;
    let bytes = before.zip(peak).map(|(before, peak)| peak.saturating_sub(before));
    println!(
        "{}",
        json!({
            "seed": scenario.seed,
            "nodes": scenario.nodes,
            "blocks": scenario.blocks,
            "p999_blocks": outcome.p999_blocks(),
            "wall_s": wall_s,
            "events_per_s": events_per_s,
            "bytes_per_node": bytes.map(|bytes| bytes / outcome.nodes_ever.max(1)),
            "outcome": outcome,
        })
    );
    Ok(())
}

/// A size from this process's status, in bytes; `None` where the system has no such file.
fn resident_bytes(label: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(label))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}
