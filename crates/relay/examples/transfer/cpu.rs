//! `cpu [quick=true]`: core-seconds per Gbit, both ends together, ours and the plain transports in turn.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::child::Measured;
use crate::options::Options;

/// The size of a live segment: 2 s at 8 Mb/s.
const SEGMENT_LEN: usize = 2_000_000;
/// Segments under way at a time, so that nobody waits for the conductor.
const AHEAD: usize = 3;
/// Sent before the measurement begins: connections, windows and buffers have grown by then.
const WARM_UP: usize = 10;
const PATIENCE: Duration = Duration::from_secs(30);

/// What a plain sender gives to all receivers together where ours was not measured before: the most that our seed gives.
const PACE_BITS_PER_S: f64 = 1e9;
/// A node's store is full before the measurement begins, as it is in every live after a while.
const STORE_BYTES: usize = 8 * SEGMENT_LEN;

/// One way of moving bytes.
#[derive(Debug, Clone, Copy)]
enum Stack {
    /// Our peers, with the addresses that hold this part.
    Ours(&'static str),
    /// A plain transport: the roles' first word.
    Plain(&'static str, Pace),
}

#[derive(Debug, Clone, Copy)]
enum Pace {
    /// As ours was measured to go just before: whoever sends less at a time works more for each bit.
    Same,
    /// As fast as it goes.
    Unlimited,
}

const STACKS: [(&str, Stack); 6] = [
    ("ours", Stack::Ours("")),
    ("ours_quic", Stack::Ours("/quic-v1")),
    ("quinn", Stack::Plain("quic", Pace::Same)),
    ("tcp_tls", Stack::Plain("tls", Pace::Same)),
    ("quinn_unpaced", Stack::Plain("quic", Pace::Unlimited)),
    ("tcp_tls_unpaced", Stack::Plain("tls", Pace::Unlimited)),
];

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let gbit: f64 = options.get_or("gbit", 2.0)?;
    let only: String = options.get_or("only", String::new())?;
    let threads = format!("threads={}", options.get_or("threads", 0)?);
    let mut results = serde_json::Map::new();
    for receivers in [1, 8] {
        let mut shape = serde_json::Map::new();
        let chosen = |name: &str| only.is_empty() || only.split(',').any(|one| one == name);
        let mut pace_bps = PACE_BITS_PER_S;
        for (name, stack) in STACKS.iter().filter(|(name, _)| chosen(name)) {
            let (mut sender, mut children) = start(*stack, receivers, pace_bps, &threads)?;
            let figure = measure(&mut sender, &mut children, gbit)?;
            if *name == "ours" {
                pace_bps = figure["gbit_per_s"].as_f64().context("no pace")? * 1e9;
            }
            eprintln!("1 to {receivers}, {name}: {figure}");
            shape.insert((*name).to_owned(), figure);
        }
        results.insert(format!("one_to_{receivers}"), shape.into());
    }
    println!("{}", Value::from(results));
    Ok(())
}

fn start(
    stack: Stack,
    receivers: usize,
    pace_bps: f64,
    threads: &str,
) -> anyhow::Result<(Measured, Vec<Measured>)> {
    let len = format!("len={SEGMENT_LEN}");
    match stack {
        Stack::Ours(part) => {
            // Without an origin everything comes from the seed, over the transport that is measured.
            let seed = Measured::start(&[], "seed", &[len, "origin=none".to_owned(), threads.to_owned()])?;
            let origin = format!("origin={}", seed.said("origin")?);
            let mut relays = Vec::new();
            for n in 0..receivers {
                let store = format!("store={STORE_BYTES}");
                let options = [format!("n={n}"), origin.clone(), store, threads.to_owned()];
                let mut relay = Measured::start(&[], "relay", &options)?;
                let addresses = seed.addresses(part).join(",");
                let me = relay.said("node")?.to_owned();
                relay.order(&format!("members {me} {},{addresses}", seed.said("node")?))?;
                relays.push(relay);
            }
            Ok((seed, relays))
        }
        Stack::Plain(word, pace) => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a positive rate far below 2^52, and few receivers"
            )]
            let each = match pace {
                Pace::Same => (pace_bps / receivers as f64) as u64,
                Pace::Unlimited => 0,
            };
            let options = [len.clone(), format!("receivers={receivers}"), format!("pace={each}")];
            let sender = Measured::start(&[], &format!("{word}-send"), &options)?;
            let address = format!("address={}", sender.said("address")?);
            let certificate = format!("certificate={}", sender.said("certificate")?);
            let options = [len, address, certificate];
            let receive = |_| Measured::start(&[], &format!("{word}-receive"), &options);
            let receivers = (0..receivers).map(receive).collect::<anyhow::Result<_>>()?;
            Ok((sender, receivers))
        }
    }
}

fn measure(sender: &mut Measured, receivers: &mut [Measured], gbit: f64) -> anyhow::Result<Value> {
    #[expect(clippy::cast_precision_loss, reason = "a few bytes and processes")]
    let gbit_per_round = (SEGMENT_LEN * receivers.len() * 8) as f64 / 1e9;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let rounds = (gbit / gbit_per_round).ceil() as usize;
    first_segment(sender, receivers)?;
    transfer(sender, receivers, WARM_UP)?;
    let used = |sender: &Measured, receivers: &[Measured]| -> anyhow::Result<(f64, f64)> {
        let received: f64 = receivers.iter().map(Measured::core_s).sum::<anyhow::Result<f64>>()?;
        Ok((sender.core_s()?, received))
    };
    let (begun, before) = (Instant::now(), used(sender, receivers)?);
    transfer(sender, receivers, rounds)?;
    let took = begun.elapsed().as_secs_f64();
    let after = used(sender, receivers)?;
    #[expect(clippy::cast_precision_loss, reason = "rounds are few")]
    let moved = gbit_per_round * rounds as f64;
    // They end side by side, not one after the other.
    receivers.iter_mut().chain([sender]).for_each(Measured::end);
    let (sent, received) = ((after.0 - before.0) / moved, (after.1 - before.1) / moved);
    Ok(json!({
        "core_s_per_gbit": sent + received,
        "sender": sent,
        "receivers": received,
        "gbit": moved,
        "gbit_per_s": moved / took,
    }))
}

/// Publishes until every receiver has had one: a receiver that joined late is told of what went before.
fn first_segment(sender: &mut Measured, receivers: &[Measured]) -> anyhow::Result<()> {
    sender.order("publish")?;
    for receiver in receivers {
        receiver.next(PATIENCE)?;
    }
    Ok(())
}

/// Moves `rounds` segments to every receiver.
fn transfer(sender: &mut Measured, receivers: &[Measured], rounds: usize) -> anyhow::Result<()> {
    for round in 0..rounds + AHEAD {
        if round < rounds {
            sender.order("publish")?;
        }
        if round >= AHEAD {
            for receiver in receivers {
                receiver.next(PATIENCE)?;
            }
        }
    }
    Ok(())
}
