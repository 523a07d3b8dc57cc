//! Probes: eight bytes there and sixteen back, on a stream of their own, so that they never wait behind
//! blocks. Their round trips show whether the router queues; the answer also says how much of what we sent
//! has arrived. Nothing else measures the uplink.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Stream;
use streamr_model::NodeId;
use streamr_relay_core::uplink::Echo;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::NetEvent;

/// The protocol's name for negotiation.
pub(super) const PROTOCOL: &str = "/streamrp2p/probe/1";

/// A peer that asks more often waits: answering must never be a load.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// Bytes exchanged with one peer since it was connected, frames included.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Traffic {
    pub(super) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes handed to the transport for the peer.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

/// Sends a probe at each order and reports what it brought back, until the stream or the peer ends.
pub(super) async fn ask(
    node: NodeId,
    mut stream: Stream,
    mut orders: mpsc::Receiver<()>,
    traffic: Arc<Traffic>,
    events: mpsc::Sender<NetEvent>,
) {
    while orders.recv().await.is_some() {
        // Nobody can answer before it has seen the question.
        let nonce: [u8; 8] = rand::random();
        let asked = Instant::now();
        let mut answer = [0; 16];
        let exchange = async {
            stream.write_all(&nonce).await?;
            stream.flush().await?;
            stream.read_exact(&mut answer).await
        };
        if exchange.await.is_err() {
            break;
        }
        let rtt = asked.elapsed();
        let (echoed, received) = answer.split_at(8);
        let (true, Ok(received)) = (echoed == nonce, received.try_into()) else { break };
        let echo = Echo { rtt, sent: traffic.sent(), received: u64::from_be_bytes(received) };
        if events.send(NetEvent::Echo(node, echo)).await.is_err() {
            break;
        }
    }
    let _ = stream.close().await;
}

/// Answers the peer's probes until the stream ends.
pub(super) async fn answer(mut stream: Stream, traffic: Arc<Traffic>) {
    let mut nonce = [0; 8];
    let mut not_before = Instant::now();
    while stream.read_exact(&mut nonce).await.is_ok() {
        tokio::time::sleep_until(not_before).await;
        not_before = Instant::now() + SHORTEST_INTERVAL;
        let mut answer = [0; 16];
        answer[..8].copy_from_slice(&nonce);
        answer[8..].copy_from_slice(&traffic.received.load(Ordering::Relaxed).to_be_bytes());
        if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
            break;
        }
    }
    let _ = stream.close().await;
}
