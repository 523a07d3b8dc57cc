//! The same swarm twice: as 32 node processes on loopback, and simulated. Upload caps are what paces both.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use streamr_testnet::node::{NodeOptions, SegmentTiming, now_ms};
use streamr_testnet::{Network, poll};

use super::{SimRun, filled, simulate};
use crate::bench::row::{Row, median_and_extremes};
use crate::workspace::Workspace;

const NODES: usize = 32;
/// Twice what each of them takes.
const UPLOAD_CAP_BPS: u64 = 8_000_000;
const SEGMENTS: usize = 12;
const SEGMENT_DURATION: Duration = Duration::from_secs(2);
const START_DEADLINE: Duration = Duration::from_secs(120);
/// From the moment when every node supports until segments count.
const SETTLING: Duration = Duration::from_secs(8);
/// A segment that is not whole everywhere by then does not count.
const GRACE: Duration = Duration::from_secs(8);
/// The simulation's; real segments of this length have shorter ones, which it cannot be told yet.
const BLOCK_LEN: u64 = 32 * 1024;
const SIM_LIMIT: Duration = Duration::from_secs(120);

pub(super) fn rows() -> [Row; 2] {
    ["copies_error", "last_peer_error"]
        .map(|what| Row::declared(format!("calibration{NODES}.{what}"), "ratio", "<=0.1"))
}

/// Medians over segments.
#[derive(Debug, Clone, Copy)]
struct Seen {
    copies: f64,
    last_peer_ms: f64,
    len: f64,
    segments: usize,
}

pub(super) fn measure(workspace: &Workspace, seed: u32) -> Result<Vec<Row>> {
    let Some(real) = real()? else {
        return Ok(rows().map(|row| row.noted("no segment reached every node")).into());
    };
    let Some(simulated) = simulated(workspace, seed, &real)? else {
        return Ok(rows().map(|row| row.noted("the simulation took too long")).into());
    };
    eprintln!("calibration: real {real:?}, simulated {simulated:?}");
    Ok(compared(&real, &simulated))
}

fn compared(real: &Seen, simulated: &Seen) -> Vec<Row> {
    let [copies, last_peer] = rows();
    let error = |real: f64, simulated: f64| (simulated / real - 1.0).abs();
    let segments = real.segments;
    vec![
        filled(copies, error(real.copies, simulated.copies)).noted(format!(
            "simulated {:.3}, real {:.3}: medians of {segments} segments",
            simulated.copies, real.copies
        )),
        filled(last_peer, error(real.last_peer_ms, simulated.last_peer_ms)).noted(format!(
            "simulated {:.0} ms, real {:.0} ms, to the last of {NODES} nodes",
            simulated.last_peer_ms, real.last_peer_ms
        )),
    ]
}

/// Runs the node processes.
fn real() -> Result<Option<Seen>> {
    let options = NodeOptions { upload_cap_bps: UPLOAD_CAP_BPS, ..NodeOptions::default() };
    let mut network = Network::builder().nodes(NODES).node_options(options).start()?;
    network.wait_supporting(2, START_DEADLINE)?;
    poll::let_run(SETTLING)?;
    let since_ms = now_ms();
    let until_ms = since_ms + millis(SEGMENT_DURATION * u32::try_from(SEGMENTS)?);
    let end = Instant::now() + SEGMENT_DURATION * u32::try_from(SEGMENTS)? + GRACE;
    let mut timings: BTreeMap<(String, usize), SegmentTiming> = BTreeMap::new();
    while Instant::now() < end {
        network.check_alive()?;
        for node in 0..NODES {
            for timing in network.snapshot(node)?.live.recent {
                timings.insert((timing.segment.clone(), node), timing);
            }
        }
        // Seldom, because each look costs the nodes CPU; a node shows its last segments for long enough.
        poll::let_run(Duration::from_secs(2))?;
    }
    timings.retain(|_, timing| (since_ms..until_ms).contains(&timing.published_ms));
    Ok(seen(&timings))
}

/// From what each node saw of each segment; segments that are not whole everywhere do not count.
fn seen(timings: &BTreeMap<(String, usize), SegmentTiming>) -> Option<Seen> {
    let mut by_segment: BTreeMap<&str, Vec<&SegmentTiming>> = BTreeMap::new();
    for ((segment, _), timing) in timings {
        by_segment.entry(segment).or_default().push(timing);
    }
    let whole: Vec<_> = by_segment.values().filter(|nodes| nodes.len() == NODES).collect();
    let median = |value: &dyn Fn(&[&SegmentTiming]) -> f64| {
        median_and_extremes(whole.iter().map(|nodes| value(nodes))).0
    };
    let copies = |nodes: &[&SegmentTiming]| {
        nodes.iter().map(|timing| f64::from(timing.bytes_origin)).sum::<f64>() / f64::from(nodes[0].len)
    };
    let last = |nodes: &[&SegmentTiming]| {
        let delays = nodes.iter().map(|timing| timing.complete_ms.saturating_sub(timing.published_ms));
        delays.max().map_or(0.0, |ms| Duration::from_millis(ms).as_secs_f64() * 1e3)
    };
    Some(Seen {
        copies: median(&copies)?,
        last_peer_ms: median(&last)?,
        len: median(&|nodes| f64::from(nodes[0].len))?,
        segments: whole.len(),
    })
}

/// Simulates nodes of the same caps, as near to each other as processes on one machine are.
fn simulated(workspace: &Workspace, seed: u32, real: &Seen) -> Result<Option<Seen>> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length in bytes")]
    let blocks = (real.len as u64).div_ceil(BLOCK_LEN);
    // The simulation takes uplinks in hundredths of its own stream's rate.
    let rate_bps = blocks * BLOCK_LEN * 8 / SEGMENT_DURATION.as_secs();
    let uplink = (UPLOAD_CAP_BPS * 100 / rate_bps).to_string();
    let (blocks, seed, segments) = (blocks.to_string(), seed.to_string(), SEGMENTS.to_string());
    let nodes = NODES.to_string();
    let arguments = [
        ["--nodes", &nodes, "--blocks", &blocks, "--segments", &segments, "--seed", &seed],
        // Nothing but the cap limits an uplink; the origin is a process on the same machine.
        [
            "--uplink-percent",
            &uplink,
            "--line-percent",
            "100000",
            "--origin-bps",
            "4000000000",
            "--loss",
            "0",
        ],
    ];
    let latency = ["--latency-us", "200", "1000", "1000"];
    let arguments: Vec<&str> = arguments.iter().flatten().copied().chain(latency).collect();
    let run = simulate(workspace, &arguments, SIM_LIMIT)?;
    Ok(run.and_then(|run: SimRun| {
        Some(Seen {
            copies: run.outcome.copies,
            last_peer_ms: median_and_extremes(run.outcome.last_peer_ms.iter().copied()).0?,
            len: real.len,
            segments: SEGMENTS,
        })
    }))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(segment: &str, published_ms: u64, complete_ms: u64, bytes_origin: u32) -> SegmentTiming {
        SegmentTiming { segment: segment.into(), len: 1_000, published_ms, complete_ms, bytes_origin }
    }

    #[test]
    fn copies_and_the_last_node_are_of_segments_that_every_node_holds() {
        let mut timings = BTreeMap::new();
        for node in 0..NODES {
            let late = if node == 7 { 90 } else { 40 };
            let bytes = if node == 3 { 1_100 } else { 0 };
            timings.insert(("1-0".into(), node), timing("1-0", 10, 10 + late, bytes));
        }
        timings.insert(("1-1".into(), 0), timing("1-1", 50, 9_000, 1_000));
        let seen = seen(&timings).unwrap();
        assert_eq!((seen.copies, seen.last_peer_ms, seen.segments), (1.1, 90.0, 1));
        assert!(super::seen(&BTreeMap::new()).is_none());
    }

    #[test]
    fn an_error_is_relative_to_what_is_real() {
        let seen = |copies, last_peer_ms| Seen { copies, last_peer_ms, len: 1e6, segments: 9 };
        let rows = compared(&seen(1.0, 1_000.0), &seen(1.05, 800.0));
        let values: Vec<f64> = rows.iter().map(|row| row.value.unwrap()).collect();
        assert!((values[0] - 0.05).abs() < 1e-9 && (values[1] - 0.2).abs() < 1e-9);
        assert_eq!((rows[0].meets_aim(), rows[1].meets_aim()), (Some(true), Some(false)));
    }
}
