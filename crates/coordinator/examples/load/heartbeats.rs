//! How many heartbeats are taken in, how long one takes at a given rate, and what nodes that are there take
//! in memory.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;

use super::nodes::{Share, Signer, enrol, join, object, rate};
use super::server::Server;
use super::{Options, percentile_ms};

pub(crate) async fn run(server: &Server, options: &Options) -> Result<Value> {
    let mut signer = Signer::go_live(server).await?;
    let empty_bytes = server.resident_bytes();
    let (mut shares, joins_per_s) = signer
        .during(async {
            let mut shares = enrol(server, options.nodes, options.connections).await?;
            let joins_per_s = join(&mut shares).await?;
            Ok((shares, joins_per_s))
        })
        .await?;
    let grown_bytes = server.resident_bytes().saturating_sub(empty_bytes);

    let begun = Instant::now();
    let times = signer.during(as_fast_as_answered(&mut shares, begun + options.span())).await?;
    let heartbeats_per_s = rate(times.len(), begun.elapsed());

    let begun = Instant::now();
    let paced = signer.during(at_a_rate(&mut shares, options.rate, options.span())).await?;
    let paced_per_s = rate(paced.len(), begun.elapsed());
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    let mb = |bytes: u64| bytes as f64 / 1e6;
    Ok(object([
        ("joins_per_s", joins_per_s),
        ("heartbeats_per_s", heartbeats_per_s),
        ("p50_ms", percentile_ms(&times, 50)),
        ("p99_ms", percentile_ms(&times, 99)),
        ("paced_per_s", paced_per_s),
        ("paced_p50_ms", percentile_ms(&paced, 50)),
        ("paced_p99_ms", percentile_ms(&paced, 99)),
        ("empty_mb", mb(empty_bytes)),
        ("grown_mb", mb(grown_bytes)),
        ("loaded_mb", mb(server.resident_bytes())),
    ]))
}

/// On each connection nodes report one after the other until `end`; how long each answer took, sorted.
async fn as_fast_as_answered(shares: &mut [Share], end: Instant) -> Result<Vec<Duration>> {
    let reporting = shares.iter_mut().map(|Share { connection, nodes }| async move {
        let mut times = Vec::new();
        for turn in (0..nodes.len()).cycle() {
            let now = Instant::now();
            if now >= end {
                break;
            }
            times.push(nodes[turn].report(connection, now).await?);
        }
        anyhow::Ok(times)
    });
    sorted(&try_join_all(reporting).await?)
}

/// All together report `rate` times a second, evenly, whether they were answered or not; how long each answer
/// took since it was due, sorted.
async fn at_a_rate(shares: &mut [Share], rate: f64, span: Duration) -> Result<Vec<Duration>> {
    let begun = Instant::now();
    let step = Duration::from_secs_f64(1.0 / rate);
    let count = u32::try_from(shares.len()).unwrap_or(u32::MAX);
    let reporting = (0_u32..).zip(shares.iter_mut()).map(|(first, Share { connection, nodes })| async move {
        let mut times = Vec::new();
        for (turn, n) in (0..nodes.len()).cycle().zip(0_u32..) {
            let due = begun + step * (first + n * count);
            if due >= begun + span {
                break;
            }
            tokio::time::sleep_until(due.into()).await;
            times.push(nodes[turn].report(connection, due).await?);
        }
        anyhow::Ok(times)
    });
    sorted(&try_join_all(reporting).await?)
}

fn sorted(times: &[Vec<Duration>]) -> Result<Vec<Duration>> {
    let mut times = times.concat();
    anyhow::ensure!(!times.is_empty(), "nobody was answered");
    times.sort_unstable();
    Ok(times)
}
