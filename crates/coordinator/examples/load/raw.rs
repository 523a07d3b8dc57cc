//! How many Ed25519 signatures this machine verifies with all its cores: with the usual library's batches of
//! 128, and as receipts are verified here, 64 with two signatures each.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde_json::Value;
use streamr_coordinator_api::ReceiptsRequest;
use streamr_model::{Receipt, SecretKey, Signed, SignedByBoth, Window};

use super::Options;
use super::nodes::{object, rate};

const RECEIPTS: usize = ReceiptsRequest::MAX;
/// What the usual library is given: as many signatures, of a key each, over as many bytes as a receipt has.
const MESSAGE_LEN: usize = 200;

pub(crate) fn run(options: &Options) -> Result<Value> {
    let span = options.span();
    let keys: Vec<SigningKey> = (0..2 * RECEIPTS)
        .map(|n| SigningKey::from_bytes(blake3::hash(&n.to_be_bytes()).as_bytes()))
        .collect();
    let messages: Vec<Vec<u8>> = (0..2 * RECEIPTS).map(|n| vec![n.to_le_bytes()[0]; MESSAGE_LEN]).collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let signatures: Vec<Signature> =
        keys.iter().zip(&messages).map(|(key, message)| key.sign(message)).collect();
    let publics: Vec<VerifyingKey> = keys.iter().map(SigningKey::verifying_key).collect();
    let batch_per_s =
        on_all_cores(span, || ed25519_dalek::verify_batch(&messages, &signatures, &publics).is_ok())?;
    let strict_per_s = on_all_cores(span, || {
        let all = messages.iter().zip(&signatures).zip(&publics);
        all.into_iter().all(|((message, signature), public)| public.verify_strict(message, signature).is_ok())
    })?;
    let receipts = receipts()?;
    let ours_per_s = on_all_cores(span, || SignedByBoth::verify_all(&receipts).iter().all(Result::is_ok))?;
    let ours_alone_per_s = on_all_cores(span, || receipts.iter().all(|both| both.verify().is_ok()))?;
    Ok(object([
        ("batch_per_s", batch_per_s),
        ("strict_per_s", strict_per_s),
        ("ours_per_s", ours_per_s),
        ("ours_alone_per_s", ours_alone_per_s),
    ]))
}

/// What a provider hands in: of a consumer each.
fn receipts() -> Result<Vec<SignedByBoth>> {
    let provider = SecretKey::from_seed([1; 32]);
    let receipt = |n: usize| {
        let consumer = SecretKey::from_seed(*blake3::hash(&n.to_le_bytes()).as_bytes());
        let receipt = Receipt {
            stream: super::nodes::STREAM.parse()?,
            window: Window(7),
            provider: provider.node_id(),
            consumer: consumer.node_id(),
            grant: None,
            session: 1,
            sequence: 1,
            bytes: 32_768,
            blocks: 1,
            on_time: 1,
            bad: 0,
            missed: 0,
        };
        Ok(SignedByBoth::new(consumer.node_id(), Signed::new(&receipt, &consumer), &provider))
    };
    (0..RECEIPTS).map(receipt).collect()
}

/// Signatures a second, where `verify` verifies 128 of them.
fn on_all_cores(span: Duration, verify: impl Fn() -> bool + Sync) -> Result<f64> {
    let cores = thread::available_parallelism()?.get();
    let begun = Instant::now();
    let one = || {
        let mut count = 0;
        while begun.elapsed() < span {
            anyhow::ensure!(verify(), "a good signature is refused");
            count += 2 * RECEIPTS;
        }
        Ok(count)
    };
    let counts = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(one)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().ok().context("a thread panicked")?)
            .collect::<Result<Vec<usize>>>()
    })?;
    Ok(rate(counts.iter().sum(), begun.elapsed()))
}
