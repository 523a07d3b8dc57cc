//! `yield`: a 10 Mb/s uplink with a router's buffer of 250 ms, shared by a supporter node, a game's packets and
//! a TCP upload; with a node that gives way, with one that does not, and without one.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use streamr_netlab::yielding::{HomeLab, Manners, Seen, Shared, UPLINK_BPS};

use super::row::Row;
use super::{Bench, Context};

const SPAN: Duration = Duration::from_secs(30);
const QUICK_SPAN: Duration = Duration::from_secs(3);
const YIELDING: &str = "ping_added_p95_ms.yielding";
const PLAIN: &str = "ping_added_p95_ms.plain";
const GAME_YIELDING: &str = "game.ping_added_p95_ms.yielding";
const GAME_PLAIN: &str = "game.ping_added_p95_ms.plain";
const IDLE_USED: &str = "idle_uplink_used";
const KEPT_YIELDING: &str = "upload_kept.yielding";
const KEPT_PLAIN: &str = "upload_kept.plain";
const MEASURED: &str = "measured_of_uplink";

/// The bench.
pub(crate) struct Yield;

impl Bench for Yield {
    fn name(&self) -> &'static str {
        "yield"
    }

    fn rows(&self) -> Vec<Row> {
        vec![
            Row::declared(YIELDING, "ms", "<=10"),
            Row::declared(PLAIN, "ms", ""),
            Row::declared(IDLE_USED, "ratio", ">=0.85"),
            Row::declared(GAME_YIELDING, "ms", "<=10"),
            Row::declared(GAME_PLAIN, "ms", ""),
            Row::declared(KEPT_YIELDING, "ratio", ""),
            Row::declared(KEPT_PLAIN, "ratio", ""),
            Row::declared(MEASURED, "ratio", ""),
        ]
    }

    fn prepare(&self, context: &Context<'_>) -> Result<()> {
        if let Some(why) = streamr_netlab::why_not() {
            bail!("{why}");
        }
        super::build_nodes(context.workspace)
    }

    fn measure(&self, context: &Context<'_>, seed: u32) -> Result<Vec<Row>> {
        let span = if context.quick { QUICK_SPAN } else { SPAN };
        let mut lab = HomeLab::start(Manners::GivesWay, seed.into())?;
        let yielding = lab.measure_with_us(span)?;
        let without = lab.measure_without_us(span)?;
        lab.come_back(Manners::Plain)?;
        let plain = lab.measure_with_us(span)?;
        let mut rows = vec![
            added(YIELDING, "<=10", &yielding.beside_upload, &without.beside_upload)?,
            added(PLAIN, "", &plain.beside_upload, &without.beside_upload)?,
            used(&yielding.game, &without.game),
            added(GAME_YIELDING, "<=10", &yielding.game, &without.game)?,
            added(GAME_PLAIN, "", &plain.game, &without.game)?,
            kept(KEPT_YIELDING, &yielding, &without),
            kept(KEPT_PLAIN, &plain, &without),
        ];
        if let Some(measured) = yielding.measured_bps {
            rows.push(
                Row::value(MEASURED, float(measured) / float(UPLINK_BPS), "ratio", "")
                    .bounded(1.0)
                    .noted("media bytes against Ethernet frames: headers are about 5 %"),
            );
        }
        Ok(rows)
    }
}

/// The ping's p95 with us less the same without us.
fn added(name: &str, aim: &'static str, with: &Seen, without: &Seen) -> Result<Row> {
    let p95 = |seen: &Seen| seen.ping_ms(95).context("no packet of the game came back");
    let (with, without) = (p95(with)?, p95(without)?);
    Ok(Row::value(name, with - without, "ms", aim)
        .noted(format!("p95 {with:.1} ms with us, {without:.1} ms without")))
}

/// What leaves an otherwise idle home over its line, the game's packets not counted.
fn used(with: &Seen, without: &Seen) -> Row {
    let ours = with.sent_bps - without.sent_bps;
    Row::value(IDLE_USED, ours / float(UPLINK_BPS), "ratio", ">=0.85").bounded(1.0)
}

/// What an upload gets beside us of what it gets without us.
fn kept(name: &str, with: &Shared, without: &Shared) -> Row {
    let share = with.beside_upload.upload_bps / without.beside_upload.upload_bps.max(1.0);
    Row::value(name, share, "ratio", "").bounded(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "rates are far below 2^52")]
fn float(rate: u64) -> f64 {
    rate as f64
}
