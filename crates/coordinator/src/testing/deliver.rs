//! Receipts without anybody who signed them, for what is beneath signatures. An example uses this file, too.

use streamr_coordinator::credit::Counts;
use streamr_coordinator::hour::Hour;
use streamr_coordinator::storage::{Assigned, StorageError, Tx};
use streamr_model::{GrantId, NodeId, Receipt, SecretKey, Signed, SignedByBoth, StreamId, Window};

/// Windows in an hour.
const WINDOWS: u64 = Hour::MS / Window::MS;

/// Keeps receipts for an hour in which `consumer` was given `counts` by `provider`, as much in every window. Nobody
/// has signed them: that is not what is looked at.
pub(crate) async fn deliver(
    tx: &mut Tx,
    stream: &StreamId,
    hour: Hour,
    provider: NodeId,
    consumer: NodeId,
    counts: Counts,
) -> Result<(), StorageError> {
    let key = SecretKey::from_seed([7; 32]);
    let first = hour.0 * WINDOWS;
    for window in (first..first + WINDOWS).map(Window) {
        let is_last = window.0 + 1 == first + WINDOWS;
        let rest = if is_last { counts.bytes % WINDOWS } else { 0 };
        let blocks = |of: u64| if is_last { u32::try_from(of).unwrap_or(u32::MAX) } else { 0 };
        let receipt = Receipt {
            stream: stream.clone(),
            window,
            provider,
            consumer,
            grant: None,
            session: 1,
            sequence: 1,
            bytes: counts.bytes / WINDOWS + rest,
            blocks: blocks(counts.blocks),
            on_time: blocks(counts.on_time),
            bad: blocks(counts.bad),
            missed: blocks(counts.missed),
        };
        let cap_bytes = 1 << 50;
        let grant = GrantId(provider.0);
        let assigned = Assigned { provider, cap_bytes, expires_at: window.ends_at(), grant };
        tx.assign(stream, window, &consumer, &assigned).await?;
        let signed = SignedByBoth::new(consumer, Signed::new(&receipt, &key), &key);
        tx.keep_receipt(&receipt, Some(cap_bytes), &signed).await?;
    }
    Ok(())
}
