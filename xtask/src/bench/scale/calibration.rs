//! The same swarm twice: as 32 node processes in the lab of `bound`, and simulated.

use std::time::Duration;

use anyhow::Result;
use streamr_netlab::bound::BoundLab;
use streamr_netlab::why_not;

use super::{SimRun, filled, simulate};
use crate::bench::row::{Row, median_and_extremes};
use crate::workspace::Workspace;

const NODES: u32 = 32;
const LOAD_PER_MILLE: u32 = 800;
const SEGMENTS: u16 = 12;
const SIM_LIMIT: Duration = Duration::from_secs(120);

pub(super) fn rows() -> [Row; 2] {
    ["copies_error", "last_peer_error"]
        .map(|what| Row::declared(format!("calibration{NODES}.{what}"), "ratio", "<=0.1"))
}

/// Copies of the stream that left the origin, and the median time to the last peer.
#[derive(Debug, Clone, Copy)]
struct Seen {
    copies: f64,
    last_peer_ms: f64,
}

pub(super) fn measure(workspace: &Workspace, seed: u32) -> Result<Vec<Row>> {
    if let Some(why) = why_not() {
        return Ok(rows().map(|row| row.noted(why.clone())).into());
    }
    let Some(real) = real(seed)? else {
        return Ok(rows().map(|row| row.noted("half of the segments never reached every node")).into());
    };
    let Some(simulated) = simulated(workspace, seed)? else {
        return Ok(rows().map(|row| row.noted("the simulation took too long")).into());
    };
    eprintln!("calibration: real {real:?}, simulated {simulated:?}");
    Ok(compared(&real, &simulated))
}

fn compared(real: &Seen, simulated: &Seen) -> Vec<Row> {
    let [copies, last_peer] = rows();
    let error = |real: f64, simulated: f64| (simulated / real - 1.0).abs();
    vec![
        filled(copies, error(real.copies, simulated.copies)).noted(format!(
            "simulated {:.3}, real {:.3}: media of {SEGMENTS} segments",
            simulated.copies, real.copies
        )),
        filled(last_peer, error(real.last_peer_ms, simulated.last_peer_ms)).noted(format!(
            "simulated {:.0} ms, real {:.0} ms, to the last of {NODES} nodes",
            simulated.last_peer_ms, real.last_peer_ms
        )),
    ]
}

fn real(seed: u32) -> Result<Option<Seen>> {
    let load = f64::from(LOAD_PER_MILLE) / 1e3;
    let figures = BoundLab::start(NODES, load, seed.into())?.measure(load, SEGMENTS.into())?;
    let last_peer = figures.last_peer_ms.map(|ms| Duration::from_millis(ms).as_secs_f64() * 1e3);
    Ok(last_peer.map(|last_peer_ms| Seen { copies: figures.copies, last_peer_ms }))
}

fn simulated(workspace: &Workspace, seed: u32) -> Result<Option<Seen>> {
    let numbers = [
        ("--nodes", NODES),
        ("--lab-load-per-mille", LOAD_PER_MILLE),
        ("--segments", SEGMENTS.into()),
        ("--seed", seed),
    ];
    let arguments: Vec<String> =
        numbers.iter().flat_map(|(name, value)| [(*name).to_owned(), value.to_string()]).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = simulate(workspace, &arguments, SIM_LIMIT)?;
    Ok(run.and_then(|run: SimRun| {
        let last_peer_ms = median_and_extremes(run.outcome.last_peer_ms.iter().copied()).0?;
        Some(Seen { copies: run.outcome.copies, last_peer_ms })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_relative_to_what_is_real() {
        let seen = |copies, last_peer_ms| Seen { copies, last_peer_ms };
        let rows = compared(&seen(1.0, 1_000.0), &seen(1.05, 800.0));
        let values: Vec<f64> = rows.iter().map(|row| row.value.unwrap()).collect();
        assert!((values[0] - 0.05).abs() < 1e-9 && (values[1] - 0.2).abs() < 1e-9);
        assert_eq!((rows[0].meets_aim(), rows[1].meets_aim()), (Some(true), Some(false)));
    }
}
