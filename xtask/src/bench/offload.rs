//! `offload`: twenty viewers on five supporters, with everybody staying and with sessions of five minutes.

use anyhow::Result;
use streamr_netlab::offload::{MEAN_SESSION, Offload, OffloadLab, SUPPORTERS, VIEWERS};

use super::bound::possible;
use super::row::Row;
use super::{Bench, Context, build_nodes};

/// Segments of two seconds that are judged with everybody staying.
const SEGMENTS: usize = 30;
const QUICK_SEGMENTS: usize = 8;
/// With sessions: long enough that some eight viewers of twenty leave.
const SESSION_SEGMENTS: usize = 60;
const VS_BOUND: &str = ">=0.97";

/// The bench.
pub(crate) struct OffloadBench;

impl Bench for OffloadBench {
    fn name(&self) -> &'static str {
        "offload"
    }

    fn rows(&self) -> Vec<Row> {
        vec![
            Row::declared("stable.vs_bound", "ratio", VS_BOUND),
            Row::declared("sessions5min.vs_bound", "ratio", VS_BOUND),
            Row::declared("stable.offload", "ratio", ""),
            Row::declared("stable.copies", "copies", ""),
        ]
    }

    fn prepare(&self, context: &Context<'_>) -> Result<()> {
        build_nodes(context.workspace)?;
        possible()
    }

    fn measure(&self, context: &Context<'_>, seed: u32) -> Result<Vec<Row>> {
        let mut lab = OffloadLab::start(seed.into())?;
        let segments = if context.quick { QUICK_SEGMENTS } else { SEGMENTS };
        let stable = lab.measure_stable(segments)?;
        eprintln!("stable: {stable:.3?}");
        let mut rows = vec![
            vs_bound("stable.vs_bound", &stable),
            Row::value("stable.offload", stable.offload, "ratio", "").bounded(stable.most),
            Row::value("stable.copies", stable.copies, "copies", "").bounded(1.0),
        ];
        if !context.quick {
            let sessions = lab.measure_sessions(SESSION_SEGMENTS)?;
            eprintln!("sessions: {sessions:.3?}");
            rows.push(vs_bound("sessions5min.vs_bound", &sessions));
        }
        Ok(rows)
    }
}

fn vs_bound(name: &str, figures: &Offload) -> Row {
    let went = match figures.left {
        0 => format!("{} stalls", figures.stalls),
        left => format!("{left} left, sessions of {} s in the mean", MEAN_SESSION.as_secs()),
    };
    let note = format!(
        "1 - bytes at the origin side's interface / media in time at {VIEWERS} viewers, over its most, with \
         {SUPPORTERS} supporters; {:.4} of it in time, {went}",
        figures.on_time
    );
    Row::value(name, figures.offload / figures.most, "ratio", VS_BOUND).bounded(1.0).noted(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_to_the_most_there_is() {
        let figures = Offload { offload: 0.9215, most: 0.95, copies: 1.57, on_time: 1.0, stalls: 0, left: 0 };
        let row = vs_bound("stable.vs_bound", &figures);
        assert_eq!((row.meets_aim(), row.bound), (Some(true), Some(1.0)));
        let declared = OffloadBench.rows();
        assert!(declared.iter().any(|one| one.name == row.name && one.aim == row.aim));
    }
}
