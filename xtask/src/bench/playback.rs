//! `playback`: requests a second of a node's local playback server against nginx.

use anyhow::{Context as _, Result};

use super::row::Row;
use super::{Bench, Context, transfer};

const AIM: &str = ">=0.9";
const FILES: [&str; 3] = ["segment_2mb", "segment_10mb", "playlist"];

/// The bench.
pub(crate) struct Playback;

impl Bench for Playback {
    fn name(&self) -> &'static str {
        "playback"
    }

    fn rows(&self) -> Vec<Row> {
        FILES.map(|file| Row::declared(format!("{file}.vs_nginx"), "ratio", AIM)).into()
    }

    /// wrk asks as fast as it can.
    fn saturates(&self) -> bool {
        true
    }

    fn prepare(&self, context: &Context<'_>) -> Result<()> {
        transfer::build(context)
    }

    fn measure(&self, context: &Context<'_>, _seed: u32) -> Result<Vec<Row>> {
        if context.workspace.find("wrk").is_none() {
            let missing = |row: Row| row.noted("wrk is not here; `cargo xtask test` installs it");
            return Ok(self.rows().into_iter().map(missing).collect());
        }
        let seconds = if context.quick { "seconds=2" } else { "seconds=5" };
        let figures = transfer::run(context, &["playback", seconds])?;
        let row = |file: &str| {
            let figure = |server: &str| {
                let found = figures[file][server].as_f64().filter(|rate| *rate > 0.0);
                found.with_context(|| format!("no figure of {server}"))
            };
            let (ours, nginx, srs) = (figure("ours")?, figure("nginx")?, figure("srs_like")?);
            let note = format!("requests/s: ours {ours:.0}, nginx {nginx:.0}, closing as SRS does {srs:.0}");
            Ok(Row::value(format!("{file}.vs_nginx"), ours / nginx, "ratio", AIM).noted(note))
        };
        FILES.into_iter().map(row).collect()
    }
}
