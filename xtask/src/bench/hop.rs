//! `hop`: what each node of a chain adds to the arrival of a segment's last byte.

use anyhow::{Context as _, Result};

use super::row::Row;
use super::{Bench, Context, transfer};

const RATE_MBIT: f64 = 20.0;
/// A block of 32 KiB with what TCP, Noise and yamux put around it, in bits.
const BLOCK_BITS: f64 = 32_768.0 * 8.0 * 1.05;
/// What the aim allows beyond the block's own time; nothing delays packets here, so the round trip is nil.
const ALLOWANCE_MS: f64 = 5.0;

/// The bench.
pub(crate) struct Hop;

impl Bench for Hop {
    fn name(&self) -> &'static str {
        "hop"
    }

    fn rows(&self) -> Vec<Row> {
        vec![
            Row::declared("unshaped.hop_ms", "ms", "<=5"),
            Row::declared("20mbit.hop_ms", "ms", ""),
            Row::declared("20mbit.hop_minus_formula_ms", "ms", "<=0"),
            Row::declared("20mbit.store_and_forward_hop_ms", "ms", ""),
        ]
    }

    fn prepare(&self, context: &Context<'_>) -> Result<()> {
        transfer::build(context)
    }

    fn measure(&self, context: &Context<'_>, _seed: u32) -> Result<Vec<Row>> {
        let segments = if context.quick { "segments=6" } else { "segments=15" };
        let unshaped = transfer::run(context, &["hop", "hops=6", segments])?;
        let unshaped = numbers(&unshaped, "hop_ms")?;
        let mut rows = vec![
            Row::spread("unshaped.hop_ms", &unshaped, "ms", "<=5").noted("2 MB through 6 nodes on loopback"),
        ];
        let more = match transfer::run(context, &["hop", "hops=6", "rate_mbit=20", segments]) {
            Ok(shaped) => shaped_rows(&numbers(&shaped, "hop_ms")?, &numbers(&shaped, "first_ms")?).into(),
            // Without root there are no namespaces.
            Err(error) => {
                self.rows().into_iter().skip(1).map(|row| row.noted(format!("{error:#}"))).collect::<Vec<_>>()
            }
        };
        rows.extend(more);
        Ok(rows)
    }
}

fn shaped_rows(hop_ms: &[f64], first_ms: &[f64]) -> [Row; 3] {
    let block_ms = BLOCK_BITS / (RATE_MBIT * 1e3);
    let formula_ms = block_ms + ALLOWANCE_MS;
    let over: Vec<f64> = hop_ms.iter().map(|hop| hop - formula_ms).collect();
    [
        Row::spread("20mbit.hop_ms", hop_ms, "ms", "").bounded(block_ms),
        Row::spread("20mbit.hop_minus_formula_ms", &over, "ms", "<=0")
            .noted(format!("the formula: {block_ms:.1} ms for a block and {ALLOWANCE_MS} ms")),
        Row::spread("20mbit.store_and_forward_hop_ms", first_ms, "ms", "")
            .noted("the whole 2 MB over one such hop: what each would add if it waited for the last byte"),
    ]
}

fn numbers(figures: &serde_json::Value, name: &str) -> Result<Vec<f64>> {
    let list = figures[name].as_array().with_context(|| format!("no {name}"))?;
    list.iter().map(|value| value.as_f64().with_context(|| format!("{name} holds no number"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_of_one_block_and_a_little_keeps_the_formula() {
        let [hop, over, _] = shaped_rows(&[15.0, 16.0, 17.0], &[900.0]);
        assert_eq!((hop.value, over.meets_aim()), (Some(16.0), Some(true)));
        assert_eq!(shaped_rows(&[40.0], &[900.0])[1].meets_aim(), Some(false));
    }
}
