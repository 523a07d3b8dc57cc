//! How busy the machine is, and how much of that is not ours.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Kernel ticks a second, the same on every Linux we meet.
const TICKS_PER_S: f64 = 100.0;

/// CPU used since [`LoadMeter::start`].
#[derive(Debug)]
pub(crate) struct LoadMeter {
    begun: Instant,
    busy: u64,
    ours: u64,
}

/// In cores, averaged over the time measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// All work.
    pub busy: f64,
    /// Work of processes that we did not start.
    pub foreign: f64,
    /// How many there are.
    pub cores: f64,
}

impl LoadMeter {
    /// Begins to measure.
    pub(crate) fn start() -> Result<Self> {
        Ok(Self { begun: Instant::now(), busy: busy_ticks()?, ours: our_ticks() })
    }

    /// Ends and tells. Children that are still running and those that were waited for count as ours.
    pub(crate) fn finish(self) -> Result<Load> {
        let elapsed = self.begun.elapsed();
        let busy = cores(busy_ticks()?.saturating_sub(self.busy), elapsed);
        let ours = cores(our_ticks().saturating_sub(self.ours), elapsed);
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        Ok(Load { busy, foreign: (busy - ours).max(0.0), cores: count })
    }
}

/// Ticks over a time as cores.
pub(crate) fn cores(ticks: u64, elapsed: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "ticks of one run are few")]
    let seconds = ticks as f64 / TICKS_PER_S;
    seconds / elapsed.as_secs_f64().max(0.001)
}

/// User and system ticks of a process itself; `None` if it is gone.
pub(crate) fn process_ticks(pid: u32) -> Option<u64> {
    Some(ProcessStat::read(pid)?.own_ticks)
}

/// Resident memory of a process in bytes; `None` if it is gone.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// All ticks of all cores that were not idle, waiting, or somebody else's (stolen, or a guest's).
fn busy_ticks() -> Result<u64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line =
        stat.lines().find_map(|line| line.strip_prefix("cpu ")).context("/proc/stat has no line cpu")?;
    let ticks: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq …
    Ok([0, 1, 2, 5, 6].iter().filter_map(|index| ticks.get(*index)).sum())
}

/// Ticks of this process, of its descendants that live, and of those that were waited for.
fn our_ticks() -> u64 {
    let processes: BTreeMap<u32, ProcessStat> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, ProcessStat::read(pid)?)))
        .collect();
    let me = std::process::id();
    let is_ours = |mut pid: u32| {
        while pid > 1 && pid != me {
            pid = processes.get(&pid).map_or(0, |stat| stat.parent);
        }
        pid == me
    };
    let ours = processes.iter().filter(|(pid, _)| is_ours(**pid));
    ours.map(|(_, stat)| stat.own_ticks + stat.waited_ticks).sum()
}

#[derive(Debug, PartialEq, Eq)]
struct ProcessStat {
    parent: u32,
    own_ticks: u64,
    waited_ticks: u64,
}

impl ProcessStat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name, in parentheses, may itself hold blanks and parentheses.
    fn parse(stat: &str) -> Option<Self> {
        let rest = stat.rsplit_once(')')?.1;
        let words: Vec<&str> = rest.split_whitespace().collect();
        let number = |index: usize| words.get(index)?.parse::<u64>().ok();
        Some(Self {
            parent: words.get(1)?.parse().ok()?,
            own_ticks: number(11)? + number(12)?,
            waited_ticks: number(13)? + number(14)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_strange_name_is_read() {
        let stat = "42 (a) b (c) S 7 42 42 0 -1 4194304 1 2 3 4 100 20 30 4 20 0 1 0";
        let read = ProcessStat::parse(stat).unwrap();
        assert_eq!(read, ProcessStat { parent: 7, own_ticks: 120, waited_ticks: 34 });
    }

    #[test]
    fn our_own_work_is_not_foreign() {
        let before = our_ticks();
        let begun = Instant::now();
        let mut x: u64 = 1;
        while our_ticks() < before + 3 && begun.elapsed() < Duration::from_secs(10) {
            x = std::hint::black_box(x.wrapping_mul(31));
        }
        assert!(our_ticks() >= before + 3);
        assert!(resident_bytes(std::process::id()).unwrap() > 0);
    }
}
