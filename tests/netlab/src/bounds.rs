//! What no swarm can beat: DESIGN.md's bounds for given uplinks, and the uplinks that make a given load.

/// The mix of uplinks: share of the nodes in percent, uplink relative to the others'.
const MIX: [(u32, f64); 3] = [(60, 0.5), (30, 1.5), (10, 5.0)];
/// What the origin's side can send, in copies of the stream.
const ORIGIN_COPIES: f64 = 2.0;

/// Uplinks in bits per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Uplinks {
    /// Of the origin's side: origin and signer together.
    pub origin_bps: u64,
    /// Of each node.
    pub node_bps: Vec<u64>,
}

impl Uplinks {
    /// Uplinks of `nodes` nodes such that the stream takes the share `load` of all that can be sent:
    /// N·r ÷ (u_s + Σu) = load.
    pub fn for_load(nodes: u32, load: f64, rate_bps: u64) -> Self {
        let rate = float(rate_bps);
        let origin = ORIGIN_COPIES * rate;
        let relative: Vec<f64> = mix(nodes);
        let base = (f64::from(nodes) * rate / load - origin) / relative.iter().sum::<f64>();
        Self { origin_bps: whole(origin), node_bps: relative.iter().map(|part| whole(part * base)).collect() }
    }

    /// Their sum, the origin's included.
    pub fn sum_bps(&self) -> u64 {
        self.origin_bps + self.node_bps.iter().sum::<u64>()
    }

    /// The mean over the nodes.
    pub fn mean_bps(&self) -> f64 {
        float(self.node_bps.iter().sum()) / float(self.node_bps.len() as u64).max(1.0)
    }

    /// r_max: no stream above this rate reaches every node.
    pub fn highest_rate_bps(&self) -> f64 {
        let share = float(self.sum_bps()) / float(self.node_bps.len() as u64).max(1.0);
        share.min(float(self.origin_bps))
    }
}

/// S_min in bits per second: the least that the origin's side sends of a stream of `rate_bps` that `takers`
/// play, when others can send `uplinks_bps` in all.
pub fn least_origin_bps(rate_bps: u64, takers: u32, uplinks_bps: u64) -> f64 {
    let rate = float(rate_bps);
    rate.max(f64::from(takers) * rate - float(uplinks_bps))
}

/// The least time in seconds in which `bytes` in `blocks` equal blocks reach `nodes` nodes with equal uplinks:
/// (F/u)(1 + ⌊log₂N⌋/M).
pub fn least_spread_s(bytes: u64, blocks: u64, nodes: u32, uplink_bps: f64) -> f64 {
    let doublings = f64::from(nodes.max(1).ilog2());
    float(bytes) * 8.0 / uplink_bps * (1.0 + doublings / float(blocks))
}

/// Each node's relative uplink, the slow ones first; the shares rounded by largest remainder.
fn mix(nodes: u32) -> Vec<f64> {
    let whole = MIX.map(|(percent, _)| nodes * percent / 100);
    let mut order = [0, 1, 2];
    order.sort_by_key(|class| std::cmp::Reverse(nodes * MIX[*class].0 % 100));
    let missing = (nodes - whole.iter().sum::<u32>()) as usize;
    let mut counts = whole;
    for class in &order[..missing] {
        counts[*class] += 1;
    }
    MIX.iter().zip(counts).flat_map(|((_, relative), count)| vec![*relative; count as usize]).collect()
}

pub(crate) fn float(value: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "rates and bytes of a lab are far below 2^52")]
    let value = value as f64;
    value
}

pub(crate) fn whole(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are positive and small"
    )]
    let value = value.max(0.0).round() as u64;
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: u64 = 2_000_000;

    #[test]
    fn uplinks_make_exactly_the_load_they_were_made_for() {
        for nodes in [8, 32, 64] {
            for load in [0.6, 0.8, 0.9, 0.95] {
                let uplinks = Uplinks::for_load(nodes, load, R);
                let is = float(u64::from(nodes) * R) / float(uplinks.sum_bps());
                assert!((is - load).abs() < 1e-4, "{nodes} {load}: {is}");
                assert!(uplinks.highest_rate_bps() > float(R));
            }
        }
    }

    #[test]
    fn the_mix_is_rounded_by_largest_remainder() {
        let counts = |nodes| {
            let mix = mix(nodes);
            [0.5, 1.5, 5.0].map(|class: f64| mix.iter().filter(|part| **part == class).count())
        };
        assert_eq!(counts(10), [6, 3, 1]);
        assert_eq!(counts(8), [5, 2, 1]);
        assert_eq!(counts(32), [19, 10, 3]);
        assert_eq!(counts(64), [39, 19, 6]);
    }

    #[test]
    fn the_bounds_are_designs() {
        // Twenty viewers, plenty of uplink: one copy. Too little: what is missing.
        assert!((least_origin_bps(R, 20, 100_000_000) - 2e6).abs() < 1.0);
        assert!((least_origin_bps(R, 20, 10_000_000) - 30e6).abs() < 1.0);
        // A segment as long as what the uplink sends in a second, in 16 blocks, to 32 nodes.
        assert!((least_spread_s(250_000, 16, 32, 2e6) - 1.3125).abs() < 1e-9);
    }
}
