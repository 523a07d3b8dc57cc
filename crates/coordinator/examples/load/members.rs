//! What it costs to be told whom to connect to.

use std::time::Instant;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;

use super::nodes::{STREAM, Share, Signer, enrol, join, object, rate};
use super::server::Server;
use super::{Options, percentile_ms};

const ASKED: usize = 2_000;

pub(crate) async fn run(server: &Server, options: &Options) -> Result<Value> {
    let mut signer = Signer::go_live(server).await?;
    let asking = async {
        let mut shares = enrol(server, options.nodes, options.connections).await?;
        join(&mut shares).await?;
        let path = format!("/v1/streams/{STREAM}/members");

        // The first to ask has the table made, and the electors written.
        let Share { connection, nodes } = &mut shares[0];
        let begun = Instant::now();
        connection.ask("GET", &path, Some(&nodes[0].token), &[]).await?;
        let first = begun.elapsed();
        let (mut times, mut bytes) = (Vec::new(), 0);
        for turn in (0..nodes.len()).cycle().take(ASKED) {
            let begun = Instant::now();
            bytes += connection.ask("GET", &path, Some(&nodes[turn].token), &[]).await?.len();
            times.push(begun.elapsed());
        }
        times.sort_unstable();

        let begun = Instant::now();
        let each = ASKED.div_ceil(shares.len());
        let path = &path;
        let together = shares.iter_mut().map(|Share { connection, nodes }| async move {
            for turn in (0..nodes.len()).cycle().take(each) {
                connection.ask("GET", path, Some(&nodes[turn].token), &[]).await?;
            }
            anyhow::Ok(())
        });
        try_join_all(together).await?;
        let asked_per_s = rate(each * shares.len(), begun.elapsed());
        #[expect(clippy::cast_precision_loss, reason = "answers are far below 2^52 bytes")]
        let answer_bytes = (bytes / ASKED) as f64;
        Ok(object([
            ("first_ms", percentile_ms(&[first], 50)),
            ("p50_ms", percentile_ms(&times, 50)),
            ("p99_ms", percentile_ms(&times, 99)),
            ("asked_per_s", asked_per_s),
            ("answer_bytes", answer_bytes),
        ]))
    };
    signer.during(asking).await
}
