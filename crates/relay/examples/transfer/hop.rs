//! `hop [hops=6] [rate_mbit=20] [segments=N] [len=BYTES] [transport=/tcp/|/quic-v1]`: a chain of nodes of
//! which only the first reaches the origin and each knows only its neighbours; how much later each node has the
//! last byte of a segment than the node before it.

use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use crate::child::Measured;
use crate::namespaces::Namespaces;
use crate::options::Options;

/// Not counted: connections and windows are young.
const WARM_UP: usize = 3;
const PATIENCE: Duration = Duration::from_secs(30);
/// Between a segment's arrival at the end of the chain and the next one's publication.
const REST: Duration = Duration::from_millis(250);
/// An unshaped node's cap, in bits per second: more than the chain carries.
const UNSHAPED_CAP: u64 = 10_000_000_000;

struct Chain {
    seed: Measured,
    relays: Vec<Measured>,
    // Dropped last: they can go only when nobody is in them.
    _namespaces: Option<Namespaces>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let hops: usize = options.get_or("hops", 6)?;
    let rate_mbit: u64 = options.get_or("rate_mbit", 0)?;
    let segments: usize = options.get_or("segments", 10)?;
    let transport: String = options.get_or("transport", String::new())?;
    let mut chain = Chain::start(hops, rate_mbit, options.get_or("len", 2_000_000)?)?;
    chain.introduce(&transport)?;
    for _ in 0..WARM_UP {
        chain.carry()?;
    }
    let carried = (0..segments).map(|_| chain.carry()).collect::<anyhow::Result<Vec<_>>>()?;
    chain.relays.iter_mut().chain([&mut chain.seed]).for_each(Measured::end);
    let hop_ms: Vec<f64> = carried.iter().map(|times| slope(times)).collect();
    let first_ms: Vec<f64> = carried.iter().filter_map(|times| times.first().copied()).collect();
    println!("{}", json!({ "hop_ms": hop_ms, "first_ms": first_ms, "arrivals_ms": carried }));
    Ok(())
}

impl Chain {
    fn start(hops: usize, rate_mbit: u64, len: usize) -> anyhow::Result<Self> {
        let namespaces = (rate_mbit > 0).then(|| Namespaces::new(hops + 1, rate_mbit)).transpose()?;
        let place = |n: usize| match &namespaces {
            Some(namespaces) => (namespaces.prefix(n), format!("ip={}", namespaces.ip(n))),
            None => (Vec::new(), "ip=127.0.0.1".to_owned()),
        };
        let (prefix, ip) = place(0);
        let seed = Measured::start(&prefix, "seed", &[format!("len={len}"), ip])?;
        let origin = format!("origin={}", seed.said("origin")?);
        let cap = if rate_mbit > 0 { rate_mbit * 1_000_000 } else { UNSHAPED_CAP };
        let mut relays = Vec::new();
        for n in 1..=hops {
            let (prefix, ip) = place(n);
            let options = [format!("n={n}"), origin.clone(), format!("cap={cap}"), ip];
            relays.push(Measured::start(&prefix, "relay", &options)?);
        }
        Ok(Self { seed, relays, _namespaces: namespaces })
    }

    /// The first is the only elector and the only one that knows the seed.
    /// Addresses are those that hold `transport`.
    fn introduce(&mut self, transport: &str) -> anyhow::Result<()> {
        let peer = |child: &Measured| -> anyhow::Result<String> {
            Ok(format!("{},{}", child.said("node")?, child.addresses(transport).join(",")))
        };
        let elector = self.relays.first().context("no hops")?.said("node")?.to_owned();
        let peers = self.relays.iter().map(peer).collect::<anyhow::Result<Vec<_>>>()?;
        let seed = peer(&self.seed)?;
        for (n, relay) in self.relays.iter_mut().enumerate() {
            let before = n.checked_sub(1).and_then(|before| peers.get(before));
            let neighbours: Vec<&str> =
                before.into_iter().chain(peers.get(n + 1)).map(String::as_str).collect();
            let seed = if n == 0 { &seed } else { "-" };
            relay.order(format!("members {elector} {seed} {}", neighbours.join(" ")).trim_end())?;
        }
        Ok(())
    }

    /// Publishes a segment; milliseconds until each node has all of it, in the order of the chain.
    fn carry(&mut self) -> anyhow::Result<Vec<f64>> {
        std::thread::sleep(REST);
        self.seed.order("publish")?;
        let mut arrivals = Vec::new();
        for (n, relay) in self.relays.iter().enumerate() {
            let line = relay.next(PATIENCE).with_context(|| format!("node {}", n + 1))?;
            let ms = |name: &str| line[name].as_f64().with_context(|| format!("no {name}"));
            arrivals.push(ms("complete_ms")? - ms("published_ms")?);
        }
        Ok(arrivals)
    }
}

/// Milliseconds per hop: the slope of the straight line through the arrivals that errs least.
fn slope(arrivals_ms: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "hops are few")]
    let at = |n: usize| n as f64;
    let middle = at(arrivals_ms.len().saturating_sub(1)) / 2.0;
    let mean = arrivals_ms.iter().sum::<f64>() / at(arrivals_ms.len().max(1));
    let offsets = (0..arrivals_ms.len()).map(|n| at(n) - middle);
    let (rise, run) =
        offsets.zip(arrivals_ms).fold((0.0, 0.0), |(rise, run), (x, y)| (rise + x * (y - mean), run + x * x));
    if run > 0.0 { rise / run } else { f64::NAN }
}
