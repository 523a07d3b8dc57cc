//! Accepting connections: a bounded number of them, none of them silent for long.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Connections at once. At the bound, newcomers wait in the system's backlog until one ends. A coordinator
/// for thousands of nodes needs a limit of open files over this.
const MAX_CONNECTIONS: usize = 8192;
/// A connection that sends nothing for this long is closed, and so is one whose request is not whole and answered
/// in so long: who sends a byte now and then holds a place no longer than who sends none. Longer than any request
/// may take, and apart from the periods in which nodes and signers come back, so that no request meets a
/// connection being closed.
const IDLE: Duration = Duration::from_secs(17);

/// A TCP listener with a bound.
pub(super) struct BoundedListener {
    inner: TcpListener,
    slots: Arc<Semaphore>,
    idle: Duration,
}

impl BoundedListener {
    pub(super) fn new(inner: TcpListener) -> Self {
        Self { inner, slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)), idle: IDLE }
    }
}

impl Listener for BoundedListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let slot = self.slots.clone().acquire_owned().await.expect("the semaphore is never closed");
        // Axum's listener waits and tries again where the system refuses, for instance for want of files.
        let (stream, peer) = Listener::accept(&mut self.inner).await;
        let deadline = Box::pin(sleep(self.idle));
        (Connection { stream, deadline, idle: self.idle, turn: Turn::Ours, _slot: slot }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// Who is at the other end of a request's connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, BoundedListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, BoundedListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A connection that holds one of the slots.
pub(super) struct Connection {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    idle: Duration,
    turn: Turn,
    _slot: OwnedSemaphorePermit,
}

/// Who spoke last: only a change of turn begins the time anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Nothing has come since we wrote, or since the beginning.
    Ours,
    /// Something has come that we have not written anything after.
    Theirs,
}

impl Connection {
    fn began(&mut self, turn: Turn) {
        self.turn = turn;
        let next = Instant::now() + self.idle;
        self.deadline.as_mut().reset(next);
    }

    /// Whatever is written begins the time anew: a long answer is read as fast as the client can.
    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.began(Turn::Ours);
        }
        written
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() && self.turn == Turn::Ours {
            self.began(Turn::Theirs);
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn listener(connections: usize, idle: Duration) -> (BoundedListener, SocketAddr) {
        let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = inner.local_addr().unwrap();
        (BoundedListener { inner, slots: Arc::new(Semaphore::new(connections)), idle }, address)
    }

    #[tokio::test]
    async fn a_silent_connection_is_given_up_and_a_speaking_one_is_not() {
        let (mut listener, address) = listener(2, Duration::from_millis(50)).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        client.write_all(b"x").await.unwrap();
        assert_eq!(connection.read_u8().await.unwrap(), b'x');
        let error = connection.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_connection_that_sends_on_and_on_without_an_answer_is_given_up() {
        let (mut listener, address) = listener(2, Duration::from_millis(50)).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        let sending = tokio::spawn(async move { while client.write_all(b"x").await.is_ok() {} });
        let error = loop {
            if let Err(error) = connection.read_u8().await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(connection);
        sending.await.unwrap();
    }

    #[tokio::test]
    async fn only_a_change_of_turn_begins_the_time_anew() {
        let (mut listener, address) = listener(2, IDLE).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        let accepted = connection.deadline.deadline();
        client.write_all(b"xx").await.unwrap();
        connection.read_u8().await.unwrap();
        let heard = connection.deadline.deadline();
        connection.read_u8().await.unwrap();
        assert_eq!(connection.deadline.deadline(), heard, "more of the same request");
        connection.write_all(b"y").await.unwrap();
        let answered = connection.deadline.deadline();
        assert!(accepted < heard && heard < answered);
    }

    #[tokio::test]
    async fn at_the_bound_a_newcomer_waits_until_one_ends() {
        let (mut listener, address) = listener(1, IDLE).await;
        let _clients =
            (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        let (first, _) = listener.accept().await;
        let waiting = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(waiting.is_err());
        drop(first);
        listener.accept().await;
    }
}
