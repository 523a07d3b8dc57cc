//! `main-job`: one origin, four nodes, segments of 2 s at 4 Mb/s, for a minute.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use streamr_testnet::{Network, SummaryCollector, SupporterNode, VirtualPlayer, poll};

use super::load::{cores, process_ticks, resident_bytes};
use super::row::Row;
use super::{Bench, Context};
use crate::shell;

const NODES: usize = 4;
const SPAN: Duration = Duration::from_secs(60);
const QUICK_SPAN: Duration = Duration::from_secs(24);
const SUPPORT_DEADLINE: Duration = Duration::from_secs(60);
const OBSERVE_EVERY: Duration = Duration::from_secs(1);

/// The bench.
pub(crate) struct MainJob;

impl Bench for MainJob {
    fn name(&self) -> &'static str {
        "main-job"
    }

    fn rows(&self) -> Vec<Row> {
        let rows = [
            ("copies_per_segment", "copies", "<=1.3"),
            ("stalls", "stalls", "<=0"),
            ("verify_failures", "blocks", "<=0"),
            ("last_node_ms.p50", "ms", ""),
            ("last_node_ms.p99", "ms", ""),
            ("node_cpu_core_pct", "%", "<=5"),
            ("node_rss_mb", "MB", "<=60"),
            ("cold_start_ms", "ms", ""),
            ("build_debug_s", "s", ""),
            ("build_release_s", "s", ""),
            ("bin_node_mb", "MB", ""),
            ("bin_app_mb", "MB", ""),
        ];
        rows.map(|(name, unit, aim)| Row::declared(name, unit, aim)).into()
    }

    fn prepare(&self, context: &Context<'_>) -> Result<()> {
        super::build_nodes(context.workspace)?;
        if !context.quick {
            // Only its size is a figure here.
            let mut app = shell::cargo(context.workspace);
            app.args(["build", "--release", "--bins", "--package", "streamr-app"]);
            shell::run(app)?;
        }
        Ok(())
    }

    fn measure(&self, context: &Context<'_>, _seed: u32) -> Result<Vec<Row>> {
        let mut network = Network::builder().nodes(NODES).start()?;
        network.wait_supporting(1, SUPPORT_DEADLINE)?;
        let cold_starts = cold_starts(&network.nodes)?;

        let begun_ms = streamr_testnet::node::now_ms();
        let before = usages(&network.nodes);
        let begun = Instant::now();
        let players: Vec<VirtualPlayer> =
            (0..NODES).map(|index| VirtualPlayer::start(network.playback_url(index))).collect();
        let mut collector = SummaryCollector::default();
        let span = if context.quick { QUICK_SPAN } else { SPAN };
        while begun.elapsed() < span {
            network.check_alive()?;
            network.observe(&mut collector)?;
            poll::let_run(OBSERVE_EVERY.min(span.saturating_sub(begun.elapsed())))?;
        }
        network.observe(&mut collector)?;
        let after = usages(&network.nodes);
        let elapsed = begun.elapsed();
        let stalls: u32 = players.into_iter().map(|player| player.finish().stalls).sum();

        let summary = collector.summary(0, stalls);
        let cpu: Vec<f64> =
            before.iter().zip(&after).map(|(b, a)| 100.0 * cores(a.ticks - b.ticks, elapsed)).collect();
        let memory: Vec<f64> = after.iter().map(|usage| usage.resident_mb).collect();
        let mut rows = vec![
            match summary.copies_per_segment {
                // Every byte has to leave the origin once.
                Some(copies) => Row::value("copies_per_segment", copies, "copies", "<=1.3").bounded(1.0),
                None => Row::missing("copies_per_segment", "copies", "<=1.3", "no segment was seen"),
            },
            Row::value("stalls", f64::from(stalls), "stalls", "<=0"),
            Row::value("verify_failures", float(summary.verify_failures), "blocks", "<=0"),
        ];
        rows.extend(latencies(&collector.last_node_ms(begun_ms)));
        rows.push(Row::spread("node_cpu_core_pct", &cpu, "%", "<=5"));
        rows.push(Row::spread("node_rss_mb", &memory, "MB", "<=60"));
        rows.push(Row::spread("cold_start_ms", &cold_starts, "ms", ""));
        rows.extend(builds(context));
        Ok(rows)
    }
}

/// From the start of each node's process to its first verified segment.
fn cold_starts(nodes: &[SupporterNode]) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for node in nodes {
        let recent = node.snapshot()?.live.recent;
        let first = recent.iter().map(|timing| timing.complete_ms).min();
        times.extend(first.map(|first| float(first.saturating_sub(node.started_ms()))));
    }
    Ok(times)
}

#[derive(Debug, Clone, Copy)]
struct Usage {
    ticks: u64,
    resident_mb: f64,
}

fn usages(nodes: &[SupporterNode]) -> Vec<Usage> {
    let usage = |node: &SupporterNode| Usage {
        ticks: process_ticks(node.pid()).unwrap_or_default(),
        resident_mb: float(resident_bytes(node.pid()).unwrap_or_default()) / 1e6,
    };
    nodes.iter().map(usage).collect()
}

/// From a segment's appearance at the origin to the last node holding it.
fn latencies(sorted_ms: &[u64]) -> [Row; 2] {
    [("last_node_ms.p50", 50), ("last_node_ms.p99", 99)].map(|(name, percent)| {
        match percentile(sorted_ms, percent) {
            Some(value) => Row::value(name, float(value), "ms", "")
                .noted(format!("{} segments that every node holds", sorted_ms.len())),
            None => Row::missing(name, "ms", "", "no segment reached every node"),
        }
    })
}

/// The nearest-rank percentile.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn builds(context: &Context<'_>) -> Vec<Row> {
    let times = [("build_debug_s", &[][..]), ("build_release_s", &["--release"][..])];
    let mut rows: Vec<Row> =
        times.into_iter().map(|(name, profile)| clean_build(context, name, profile)).collect();
    let release = context.workspace.target().join("release");
    rows.push(binary_size("bin_node_mb", &release.join("streamr-node")));
    rows.push(binary_size("bin_app_mb", &release.join("streamr-app")));
    rows
}

/// Everything, the app included, in a target directory of its own.
fn clean_build(context: &Context<'_>, name: &str, profile: &[&str]) -> Row {
    if !context.builds {
        return Row::missing(name, "s", "", "only with --builds");
    }
    let build = || -> Result<Duration> {
        let target = tempfile::Builder::new().prefix("clean-").tempdir_in(context.workspace.target())?;
        let mut build = shell::cargo(context.workspace);
        build.args(["build", "--workspace", "--bins", "--quiet"]).args(profile);
        build.env("CARGO_TARGET_DIR", target.path()).env("CARGO_INCREMENTAL", "0");
        let begun = Instant::now();
        shell::run(build)?;
        Ok(begun.elapsed())
    };
    match build() {
        Ok(took) => Row::value(name, took.as_secs_f64(), "s", ""),
        Err(error) => Row::missing(name, "s", "", format!("{error:#}")),
    }
}

fn binary_size(name: &str, path: &Path) -> Row {
    match fs::metadata(path) {
        Ok(file) => Row::value(name, float(file.len()) / 1e6, "MB", ""),
        Err(_) => Row::missing(name, "MB", "", "no release build of it is here"),
    }
}

fn float(value: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "figures of a run are far below 2^52")]
    let value = value as f64;
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let sorted: Vec<u64> = (1..=30).collect();
        assert_eq!(percentile(&sorted, 50), Some(15));
        assert_eq!(percentile(&sorted, 99), Some(30));
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[7], 1), Some(7));
    }
}
