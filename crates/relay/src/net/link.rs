//! The two tasks of a connected peer: one writes our messages, one reads the peer's.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWriteExt};
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
    mut stream: Stream,
    mut queue: mpsc::Receiver<Message>,
    throttle: Arc<Throttle>,
) {
    while let Some(message) = queue.recv().await {
        let (head, tail) = wire::encode(&message);
        if write_piece(&ends.traffic, &mut stream, &head).await.is_err() {
            break;
        }
        let Some(block) = tail else {
            if queue.is_empty() && flush(&mut stream).await.is_err() {
                break;
            }
            continue;
        };
        let mut rest = &block[..];
        while !rest.is_empty() {
            let (slice, later) = rest.split_at(throttle.take(rest.len()).await);
            // What is paced is not held back: each slice leaves at once.
            if write_piece(&ends.traffic, &mut stream, slice).await.is_err()
                || flush(&mut stream).await.is_err()
            {
                break;
            }
            rest = later;
        }
        let written = NetEvent::BlockWritten(ends.node, block.len());
        if !rest.is_empty() || ends.events.send(written).await.is_err() {
            break;
        }
    }
    let _ = stream.close().await;
}

async fn write_piece(traffic: &Traffic, stream: &mut Stream, piece: &[u8]) -> std::io::Result<()> {
    tokio::time::timeout(WRITE_PATIENCE, stream.write_all(piece)).await??;
    traffic.add_sent(piece.len());
    Ok(())
}

async fn flush(stream: &mut Stream) -> std::io::Result<()> {
    tokio::time::timeout(WRITE_PATIENCE, stream.flush()).await?
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
