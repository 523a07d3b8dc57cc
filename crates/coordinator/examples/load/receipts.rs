//! How many receipts are taken in: eight providers hand in, 64 in a request, what 64 consumers signed for
//! under no grant. They are signed before the time is taken.

use std::time::Instant;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use streamr_coordinator_api::{ReceiptsAnswer, ReceiptsRequest};
use streamr_model::{Receipt, Signed, SignedByBoth, Window};

use super::Options;
use super::nodes::{Node, STREAM, Share, Signer, enrol, join, now, object, rate};
use super::server::Server;

const PROVIDERS: usize = Receipt::MAX_PROVIDERS;
const CONSUMERS: usize = ReceiptsRequest::MAX;
/// Requests of each provider in each second that is asked for.
const REQUESTS: usize = 6;

pub(crate) async fn run(server: &Server, options: &Options) -> Result<Value> {
    let mut signer = Signer::go_live(server).await?;
    let handing_in = async {
        let mut providers = enrol(server, PROVIDERS + CONSUMERS, PROVIDERS).await?;
        join(&mut providers).await?;
        // The first of each share provides; all others receive.
        let consumers: Vec<Node> = providers.iter_mut().flat_map(|share| share.nodes.split_off(1)).collect();
        let rounds = REQUESTS * usize::try_from(options.seconds)?;
        let bodies: Vec<Vec<Vec<u8>>> = providers
            .iter()
            .map(|share| bodies(&share.nodes[0], &consumers, rounds))
            .collect::<Result<_>>()?;
        let begun = Instant::now();
        let each =
            providers.iter_mut().zip(&bodies).map(|(Share { connection, nodes }, bodies)| async move {
                let path = format!("/v1/nodes/{}/receipts", nodes[0].id());
                for body in bodies {
                    let answer = connection.ask("POST", &path, Some(&nodes[0].token), body).await?;
                    let answer: ReceiptsAnswer = serde_json::from_slice(answer)?;
                    anyhow::ensure!(answer.refused.is_empty(), "{:?}", answer.refused[0]);
                }
                anyhow::Ok(())
            });
        try_join_all(each).await?;
        let receipts_per_s = rate(PROVIDERS * rounds * CONSUMERS, begun.elapsed());
        Ok(object([("receipts_per_s", receipts_per_s)]))
    };
    signer.during(handing_in).await
}

/// The requests of `provider`, each with a later receipt of every consumer.
fn bodies(provider: &Node, consumers: &[Node], rounds: usize) -> Result<Vec<Vec<u8>>> {
    let window = Window::of(now());
    let request = |round: usize| {
        let sequence = u32::try_from(round)? + 1;
        let sign = |consumer: &Node| {
            let receipt = Receipt {
                stream: STREAM.parse()?,
                window,
                provider: provider.id(),
                consumer: consumer.id(),
                grant: None,
                session: 1,
                sequence,
                bytes: u64::from(sequence) * 32_768,
                blocks: sequence,
                on_time: sequence,
                bad: 0,
                missed: 0,
            };
            Ok(SignedByBoth::new(consumer.id(), Signed::new(&receipt, &consumer.key), &provider.key))
        };
        let receipts = consumers.iter().map(sign).collect::<Result<_>>()?;
        Ok(serde_json::to_vec(&ReceiptsRequest { receipts })?)
    };
    (0..rounds).map(request).collect()
}
