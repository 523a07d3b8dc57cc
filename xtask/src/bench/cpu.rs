//! `cpu`: core-seconds per Gbit between our peers, and between plain quinn and plain TCP with TLS.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::row::Row;
use super::{Bench, Context, transfer};

const AIM: &str = "<=1.25";
const SHAPES: [(&str, &str); 2] = [("one_to_one", "one_to_1"), ("one_to_eight", "one_to_8")];

/// The bench.
pub(crate) struct Cpu;

impl Bench for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn rows(&self) -> Vec<Row> {
        let rows = SHAPES.map(|(shape, _)| {
            let name = format!("{shape}.core_s_per_gbit");
            [
                Row::declared(name.clone(), "core-s", ""),
                Row::declared(format!("{name}.vs_quinn"), "ratio", AIM),
                Row::declared(format!("{name}.vs_tcp_tls"), "ratio", AIM),
            ]
        });
        rows.into_iter().flatten().collect()
    }

    /// The plain transports also run as fast as they can.
    fn saturates(&self) -> bool {
        true
    }

    fn prepare(&self, context: &Context<'_>) -> Result<()> {
        transfer::build(context)
    }

    fn measure(&self, context: &Context<'_>, _seed: u32) -> Result<Vec<Row>> {
        let gbit = if context.quick { "gbit=0.5" } else { "gbit=1.5" };
        let figures = transfer::run(context, &["cpu", gbit])?;
        let mut rows = Vec::new();
        for (shape, key) in SHAPES {
            rows.extend(rows_of(shape, &figures[key])?);
        }
        Ok(rows)
    }
}

fn rows_of(shape: &str, figures: &Value) -> Result<[Row; 3]> {
    let figure = |stack: &str| {
        figures[stack]["core_s_per_gbit"].as_f64().with_context(|| format!("no figure of {stack}"))
    };
    let ours = figure("ours")?;
    let name = format!("{shape}.core_s_per_gbit");
    let pace = figures["ours"]["gbit_per_s"].as_f64().context("no pace of ours")?;
    let quic = figure("ours_quic")?;
    let transports = format!("at {pace:.2} Gb/s, as dialled by default, over TCP; over QUIC {quic:.3}");
    let against = |plain: &str| -> Result<Row> {
        let (paced, unpaced) = (figure(plain)?, figure(&format!("{plain}_unpaced"))?);
        let row = Row::value(format!("{name}.vs_{plain}"), ours / paced, "ratio", AIM);
        let note = format!("{plain} at our pace {paced:.3} core-s, as fast as it goes {unpaced:.3}");
        Ok(row.noted(note))
    };
    Ok([
        Row::value(name.clone(), ours, "core-s", "").beside(figure("quinn")?).noted(transports),
        against("quinn")?,
        against("tcp_tls")?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_ours_over_the_plain_transport_at_our_pace() {
        let figure = |value: f64| serde_json::json!({ "core_s_per_gbit": value });
        let figures = serde_json::json!({
            "ours": { "core_s_per_gbit": 0.4, "gbit_per_s": 0.5 }, "ours_quic": figure(0.6),
            "quinn": figure(0.5), "quinn_unpaced": figure(0.25),
            "tcp_tls": figure(0.1), "tcp_tls_unpaced": figure(0.08),
        });
        let [ours, quinn, tls] = rows_of("one_to_one", &figures).unwrap();
        assert_eq!((ours.value, quinn.value, tls.value), (Some(0.4), Some(0.8), Some(4.0)));
        assert_eq!((quinn.meets_aim(), tls.meets_aim()), (Some(true), Some(false)));
    }
}
