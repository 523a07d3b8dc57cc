//! The two tasks of a connected peer: one writes our messages, one reads the peer's.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::Stream;
use streamr_model::NodeId;
use streamr_relay_core::Message;
use streamr_relay_core::wire::{self, Header, WireError};
use tokio::sync::mpsc;

use super::NetEvent;
use super::probe::Traffic;
use super::throttle::Throttle;

/// The most messages queued for a peer. Blocks are few, because the core counts bytes in flight; a peer
/// that lets so much control pile up does not read, and is disconnected.
pub(super) const QUEUE: usize = 1_024;

/// A write that takes longer than this means that the peer is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// What is handed to a stream at a time while there is more: a yamux frame, so that the few bytes before each
/// block never become a frame, an encryption and a packet of their own.
const PIECE: usize = 16 * 1024;

/// Bytes of blocks after which the driver hears that they are written; at the latest when nothing is queued.
const REPORT: usize = 64 * 1024;

/// What both tasks of a peer have.
#[derive(Debug, Clone)]
pub(super) struct Ends {
    pub(super) node: NodeId,
    pub(super) events: mpsc::Sender<NetEvent>,
    pub(super) traffic: Arc<Traffic>,
}

/// Writes what is queued until the queue or the stream ends.
pub(super) async fn write(
    ends: Ends,
    stream: Stream,
    mut queue: mpsc::Receiver<Message>,
    throttle: Arc<Throttle>,
) {
    let mut pieces = Pieces::new(stream, Arc::clone(&ends.traffic));
    let mut written = 0;
    while let Some(message) = queue.recv().await {
        let (head, block) = wire::encode(&message);
        let block = block.unwrap_or_default();
        let put = pieces.put_message(&head, &block, &throttle).await;
        let is_last = queue.is_empty();
        if put.is_err() || (is_last && pieces.flush().await.is_err()) {
            break;
        }
        written += block.len();
        if written < REPORT && !(is_last && written > 0) {
            continue;
        }
        let report = NetEvent::BlocksWritten(ends.node, std::mem::take(&mut written));
        if ends.events.send(report).await.is_err() {
            break;
        }
    }
    let _ = pieces.stream.close().await;
}

/// A stream that is written [`PIECE`] by piece. What fills whole pieces by itself is not copied.
struct Pieces<S> {
    stream: S,
    traffic: Arc<Traffic>,
    /// The beginning of the next piece.
    begun: Vec<u8>,
}

impl<S: AsyncWrite + Unpin> Pieces<S> {
    fn new(stream: S, traffic: Arc<Traffic>) -> Self {
        Self { stream, traffic, begun: Vec::with_capacity(PIECE) }
    }

    async fn put_message(&mut self, head: &[u8], block: &[u8], throttle: &Throttle) -> std::io::Result<()> {
        self.put(head).await?;
        let (mut rest, mut is_paced) = (block, false);
        while !rest.is_empty() {
            let (slice, later) = rest.split_at(throttle.take(rest.len()).await);
            self.put(slice).await?;
            // What is paced is not held back: each slice leaves at once.
            is_paced |= !later.is_empty();
            if is_paced {
                self.flush().await?;
            }
            rest = later;
        }
        Ok(())
    }

    async fn put(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        if !self.begun.is_empty() {
            let (fill, rest) = bytes.split_at(bytes.len().min(PIECE - self.begun.len()));
            self.begun.extend_from_slice(fill);
            bytes = rest;
            if self.begun.len() < PIECE {
                return Ok(());
            }
            self.write_begun().await?;
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % PIECE);
        for piece in whole.chunks(PIECE) {
            patiently(self.stream.write_all(piece)).await?;
            self.traffic.add_sent(piece.len());
        }
        self.begun.extend_from_slice(rest);
        Ok(())
    }

    /// Sends what is left, less than a piece.
    async fn flush(&mut self) -> std::io::Result<()> {
        self.write_begun().await?;
        patiently(self.stream.flush()).await
    }

    async fn write_begun(&mut self) -> std::io::Result<()> {
        patiently(self.stream.write_all(&self.begun)).await?;
        self.traffic.add_sent(self.begun.len());
        self.begun.clear();
        Ok(())
    }
}

async fn patiently(write: impl Future<Output = std::io::Result<()>>) -> std::io::Result<()> {
    tokio::time::timeout(WRITE_PATIENCE, write).await?
}

/// How reading ended.
#[derive(Debug)]
enum ReadEnd {
    /// The stream ended or broke.
    Closed,
    /// The peer broke the protocol.
    Garbage,
}

impl From<WireError> for ReadEnd {
    fn from(_: WireError) -> Self {
        Self::Garbage
    }
}

impl From<std::io::Error> for ReadEnd {
    fn from(_: std::io::Error) -> Self {
        Self::Closed
    }
}

/// Reads messages and hands them on until the stream ends or the peer breaks the protocol.
pub(super) async fn read(ends: Ends, stream: Stream) {
    let mut stream = Counted { stream, traffic: ends.traffic };
    loop {
        let event = match read_message(&mut stream).await {
            Ok(message) => NetEvent::Message(ends.node, message),
            Err(ReadEnd::Garbage) => NetEvent::Garbage(ends.node),
            Err(ReadEnd::Closed) => return,
        };
        let is_last = matches!(event, NetEvent::Garbage(_));
        if ends.events.send(event).await.is_err() || is_last {
            return;
        }
    }
}

async fn read_message(stream: &mut Counted) -> Result<Message, ReadEnd> {
    let mut head = [0; wire::HEADER_LEN];
    stream.read_exact(&mut head).await?;
    let header = Header::decode(head)?;
    // A buffer of its own for each body: a stored block then pins nothing else.
    let mut body = vec![0; header.body_len()];
    stream.read_exact(&mut body).await?;
    Ok(header.message(&Bytes::from(body))?)
}

/// Counts what arrives as it arrives: whole messages would be too coarse to measure by.
struct Counted {
    stream: Stream,
    traffic: Arc<Traffic>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(bytes)) = read {
            self.traffic.add_received(bytes);
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_comes_out_in_order_and_whole(lens in proptest::collection::vec(0_usize..40_000, 1..12)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let messages: Vec<Vec<u8>> =
                lens.iter().enumerate().map(|(n, len)| vec![n.to_le_bytes()[0]; *len]).collect();
            let mut pieces = Pieces::new(Vec::new(), Arc::default());
            for message in &messages {
                runtime.block_on(pieces.put(message)).unwrap();
                prop_assert!(pieces.begun.len() < PIECE);
                prop_assert_eq!(pieces.stream.len() % PIECE, 0);
            }
            runtime.block_on(pieces.flush()).unwrap();
            prop_assert_eq!(pieces.traffic.sent(), messages.concat().len() as u64);
            prop_assert_eq!(pieces.stream, messages.concat());
        }
    }
}
