//! The two tasks of a connected peer: one writes our messages, one reads the peer's.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::Stream;
use streamr_model::{BlockIndex, NodeId, SegmentRef};
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
const REPORT: usize = 32 * 1024;

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
    let pieces = Pieces::new(stream, Arc::clone(&ends.traffic));
    let mut outbox = Outbox { ends, pieces, blocks: VecDeque::new(), written: 0 };
    while let Ok(Goes::On) = outbox.step(&mut queue, &throttle).await {}
    let _ = outbox.pieces.stream.close().await;
}

/// Whether there is more to write, now or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    On,
    Over,
}

/// What is to be written to one peer: whatever is no block goes ahead of the blocks, even of the rest of one
/// that has been begun.
struct Outbox<S> {
    ends: Ends,
    pieces: Pieces<S>,
    /// The first may have been begun. Few, because the core counts bytes in flight.
    blocks: VecDeque<Outgoing>,
    /// Bytes of blocks that the driver has not heard of yet.
    written: usize,
}

/// A block and what of it is still to be written.
struct Outgoing {
    segment: SegmentRef,
    index: BlockIndex,
    rest: Bytes,
    is_begun: bool,
}

impl<S: AsyncWrite + Unpin> Outbox<S> {
    async fn step(
        &mut self,
        queue: &mut mpsc::Receiver<Message>,
        throttle: &Throttle,
    ) -> std::io::Result<Goes> {
        while let Ok(message) = queue.try_recv() {
            self.accept(message).await?;
        }
        let Some(block) = self.blocks.front() else {
            self.pieces.flush().await?;
            self.report().await?;
            return match queue.recv().await {
                Some(message) => self.accept(message).await.map(|()| Goes::On),
                None => Ok(Goes::Over),
            };
        };
        let slice = tokio::select! {
            biased;
            message = queue.recv() => {
                // Whoever waits for its turn must not be held up by this peer's socket, so the turn is given up.
                let Some(message) = message else { return Ok(Goes::Over) };
                self.accept(message).await?;
                self.pieces.flush().await?;
                return Ok(Goes::On);
            }
            slice = throttle.take(block.rest.len()) => slice,
        };
        self.write_slice(slice).await?;
        Ok(Goes::On)
    }

    async fn accept(&mut self, message: Message) -> std::io::Result<()> {
        match message {
            Message::Block(segment, index, rest) => {
                self.blocks.push_back(Outgoing { segment, index, rest, is_begun: false });
                Ok(())
            }
            message => self.pieces.put(&wire::encode(&message).0).await,
        }
    }

    async fn write_slice(&mut self, slice: usize) -> std::io::Result<()> {
        let Some(block) = self.blocks.front_mut() else { return Ok(()) };
        if !std::mem::replace(&mut block.is_begun, true) {
            self.pieces.put(&wire::announce(&block.segment, block.index, block.rest.len())).await?;
        }
        let is_paced = slice < block.rest.len();
        let slice = block.rest.split_to(slice);
        let is_done = block.rest.is_empty();
        self.pieces.put(&wire::part(slice.len())).await?;
        self.pieces.put(&slice).await?;
        self.written += slice.len();
        // What is paced is not held back: each slice leaves at once.
        if is_paced {
            self.pieces.flush().await?;
        }
        if is_done {
            self.blocks.pop_front();
        }
        if self.written >= REPORT { self.report().await } else { Ok(()) }
    }

    async fn report(&mut self) -> std::io::Result<()> {
        let written = std::mem::take(&mut self.written);
        if written == 0 {
            return Ok(());
        }
        let report = NetEvent::BlocksWritten(self.ends.node, written);
        self.ends.events.send(report).await.map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
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
    let mut frames = wire::Reader::default();
    loop {
        let event = match read_message(&mut stream, &mut frames).await {
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

async fn read_message(stream: &mut Counted, frames: &mut wire::Reader) -> Result<Message, ReadEnd> {
    loop {
        let mut head = [0; wire::HEADER_LEN];
        stream.read_exact(&mut head).await?;
        let header = Header::decode(head)?;
        // A buffer of its own for each body: a stored block then pins nothing else.
        let mut body = vec![0; header.body_len()];
        stream.read_exact(&mut body).await?;
        if let Some(message) = frames.read(header, Bytes::from(body))? {
            return Ok(message);
        }
    }
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
