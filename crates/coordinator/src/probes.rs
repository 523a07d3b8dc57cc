//! Spot checks: which measurer looks at whom in a window, and what an hour of that tells. Pure.
//!
//! A measurer is an ordinary node whose word the operator trusts. Whom it looks at it is assigned like any consumer,
//! so that a provider cannot tell: it looks into the windows of a Poisson process of its own for each node,
//! and all measurers together make one of [`PER_HOUR`] an hour.

use std::collections::BTreeMap;

use streamr_coordinator_api::Granted;
use streamr_model::{NodeId, Window};

use crate::credit::Counts;
use crate::grants::uniform;
use crate::hour::Hour;

/// How often each node is looked at in an hour, in the mean, unless the operator says otherwise.
pub const PER_HOUR: u32 = 12;
/// A probe in which fewer blocks were asked for tells nothing of what a node drops.
const FEWEST_BLOCKS: u64 = 20;
/// Fewer such probes tell nothing of an hour.
const FEWEST_PROBES: usize = 3;
/// A node that fails with a tenth of what it is asked for, in half of its probes, drops what it is asked for.
const DROPS_PPM: u64 = 100_000;

/// A measurer looked at a node in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// When.
    pub window: Window,
    /// At whom.
    pub provider: NodeId,
    /// Who.
    pub measurer: NodeId,
    /// What it was given, and was not.
    pub counts: Counts,
}

impl Probe {
    /// Blocks that were asked for.
    fn asked(&self) -> u64 {
        let Counts { blocks, bad, missed, .. } = self.counts;
        blocks.saturating_add(bad).saturating_add(missed)
    }

    /// Of those, what did not come in time, in parts per million; `None` of too few.
    fn failed_ppm(&self) -> Option<u64> {
        let asked = self.asked();
        let failed = u128::from(asked.saturating_sub(self.counts.on_time));
        let ppm = (failed * 1_000_000).checked_div(u128::from(asked))?;
        u64::try_from(ppm).ok().filter(|_| asked >= FEWEST_BLOCKS)
    }
}

/// With what looks into a window are planned, whatever the stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looks<'a> {
    /// Known to the coordinator alone.
    pub(crate) key: &'a [u8; 32],
    pub(crate) window: Window,
    /// How often each supporter is to be looked at in an hour.
    pub(crate) per_hour: u32,
}

impl Looks<'_> {
    /// The same for the window after.
    pub(crate) fn next(self) -> Self {
        Self { window: Window(self.window.0.saturating_add(1)), ..self }
    }
}

/// Who looks at whom in one window of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) looks: Looks<'a>,
    /// Measurers among the supporters.
    pub(crate) measurers: usize,
    pub(crate) supporters: usize,
}

impl Plan<'_> {
    /// How likely one measurer looks at one node: so that all of them do as often as they are to, and none at more
    /// than it can be assigned.
    fn chance(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few windows, and counts far below 2^53")]
        let (per_window, measurers, supporters) = (
            f64::from(self.looks.per_hour) * Window::MS as f64 / Hour::MS as f64,
            self.measurers.max(1) as f64,
            self.supporters.max(1) as f64,
        );
        #[expect(clippy::cast_precision_loss, reason = "three")]
        let can = Granted::PER_WINDOW as f64 / supporters;
        (1.0 - (-per_window / measurers).exp()).min(can)
    }

    fn draw(&self, measurer: &NodeId, node: &NodeId) -> f64 {
        let mut hasher = blake3::Hasher::new_keyed(self.looks.key);
        hasher.update(&self.looks.window.0.to_le_bytes()).update(&measurer.0).update(&node.0);
        uniform(&hasher.finalize())
    }

    /// Whether `measurer` is to look at `node`.
    pub(crate) fn has(&self, measurer: &NodeId, node: &NodeId) -> bool {
        measurer != node && self.draw(measurer, node) < self.chance()
    }

    /// At whom of `nodes` `measurer` is to look, at most as many as it can be assigned.
    pub(crate) fn of(&self, measurer: &NodeId, nodes: impl Iterator<Item = NodeId>) -> Vec<NodeId> {
        let mut drawn: Vec<(f64, NodeId)> = nodes
            .filter(|node| node != measurer)
            .map(|node| (self.draw(measurer, &node), node))
            .filter(|(drawn, _)| *drawn < self.chance())
            .collect();
        drawn.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        drawn.truncate(Granted::PER_WINDOW);
        drawn.into_iter().map(|(_, node)| node).collect()
    }
}

/// What an hour's probes say of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Finding {
    /// How often it was looked at.
    pub probes: u64,
    /// All that it was asked for by measurers.
    pub counts: Counts,
    /// It does not give what it is asked for.
    pub drops: bool,
}

/// What the probes of an hour say of each node.
pub fn findings(probes: &[Probe]) -> BTreeMap<NodeId, Finding> {
    let mut failures: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
    let mut findings: BTreeMap<NodeId, Finding> = BTreeMap::new();
    for probe in probes {
        let finding = findings.entry(probe.provider).or_default();
        finding.probes += 1;
        finding.counts = finding.counts.plus(probe.counts);
        failures.entry(probe.provider).or_default().extend(probe.failed_ppm());
    }
    for (node, finding) in &mut findings {
        finding.drops = failures.get_mut(node).is_some_and(|shares| drops(shares));
    }
    findings
}

/// By the median, and the lower of two: one window in which the line was busy is nobody's fault.
fn drops(failed_ppm: &mut [u64]) -> bool {
    failed_ppm.sort_unstable();
    failed_ppm.len() >= FEWEST_PROBES && failed_ppm[(failed_ppm.len() - 1) / 2] >= DROPS_PPM
}

#[cfg(test)]
mod tests;
