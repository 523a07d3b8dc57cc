//! The two tasks of a connected peer: one writes our messages, one reads the peer's.

use std::time::Duration;

use bytes::Bytes;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Stream;
use streamr_model::NodeId;
use streamr_relay_core::Message;
use streamr_relay_core::wire::{self, Header, WireError};
use tokio::sync::mpsc;

use super::NetEvent;

/// The most messages queued for a peer. Blocks are few, because the core counts bytes in flight; a peer
/// that lets so much control pile up does not read, and is disconnected.
pub(super) const QUEUE: usize = 1_024;

/// A write that takes longer than this means that the peer is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// Writes what is queued until the queue or the stream ends.
pub(super) async fn write(
    node: NodeId,
    mut stream: Stream,
    mut queue: mpsc::Receiver<Message>,
    events: mpsc::Sender<NetEvent>,
) {
    while let Some(message) = queue.recv().await {
        let (head, tail) = wire::encode(&message);
        let write = async {
            stream.write_all(&head).await?;
            if let Some(tail) = &tail {
                stream.write_all(tail).await?;
            }
            if queue.is_empty() { stream.flush().await } else { Ok(()) }
        };
        if !matches!(tokio::time::timeout(WRITE_PATIENCE, write).await, Ok(Ok(()))) {
            break;
        }
        if let Some(block) = tail
            && events.send(NetEvent::BlockWritten(node, block.len())).await.is_err()
        {
            break;
        }
    }
    let _ = stream.close().await;
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
pub(super) async fn read(node: NodeId, mut stream: Stream, events: mpsc::Sender<NetEvent>) {
    loop {
        let event = match read_message(&mut stream).await {
            Ok(message) => NetEvent::Message(node, message),
            Err(ReadEnd::Garbage) => NetEvent::Garbage(node),
            Err(ReadEnd::Closed) => return,
        };
        let ends = matches!(event, NetEvent::Garbage(_));
        if events.send(event).await.is_err() || ends {
            return;
        }
    }
}

async fn read_message(stream: &mut Stream) -> Result<Message, ReadEnd> {
    let mut head = [0; wire::HEADER_LEN];
    stream.read_exact(&mut head).await?;
    let header = Header::decode(head)?;
    // A buffer of its own for each body: a stored block then pins nothing else.
    let mut body = vec![0; header.body_len()];
    stream.read_exact(&mut body).await?;
    Ok(header.message(&Bytes::from(body))?)
}
