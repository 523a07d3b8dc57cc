//! A small HTTP/1.1 server for tests, with the manners of SRS: one request per connection, then
//! `Connection: Close`. It can be taken down so that connections are refused, and brought back on its port.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Connections served at once; more are closed unanswered.
const MAX_CONNECTIONS: usize = 128;
/// Bytes of a request's head that are read; a longer one is closed unanswered.
const MAX_HEAD_LEN: u64 = 16 * 1024;

/// A request's head. Bodies are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// Without the query.
    pub path: String,
    /// What follows `?`, or nothing.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The other end.
    pub from: SocketAddr,
}

impl Request {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Where the answer goes. Counts what was written.
#[derive(Debug)]
pub struct Reply {
    stream: TcpStream,
    shared: Arc<Shared>,
    generation: u64,
    head_only: bool,
    status: u16,
    body_bytes: u64,
}

impl Reply {
    /// The status sent; 0 before the head.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Body bytes written so far.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// A whole answer.
    pub fn whole(&mut self, status: u16, content_type: &str, body: &[u8]) -> io::Result<()> {
        self.head(status, content_type, Some(body.len()))?;
        self.body(body)
    }

    /// The part of `whole` from its `first` to its `last` byte.
    pub fn part(
        &mut self,
        content_type: &str,
        whole: &[u8],
        (first, last): (usize, usize),
    ) -> io::Result<()> {
        let body = whole.get(first..=last).ok_or(io::ErrorKind::InvalidInput)?;
        let range = format!("Content-Range: bytes {first}-{last}/{}\r\n", whole.len());
        self.headers(206, content_type, Some(body.len()), &range)?;
        self.body(body)
    }

    /// The head alone. Without a length the body ends with the connection.
    pub fn head(&mut self, status: u16, content_type: &str, len: Option<usize>) -> io::Result<()> {
        self.headers(status, content_type, len, "")
    }

    fn headers(&mut self, status: u16, content_type: &str, len: Option<usize>, more: &str) -> io::Result<()> {
        self.status = status;
        let len = len.map(|len| format!("Content-Length: {len}\r\n")).unwrap_or_default();
        let reason = reason(status);
        let head = format!(
            "HTTP/1.1 {status} {reason}\r\nConnection: Close\r\nContent-Type: {content_type}\r\n{len}{more}\r\n"
        );
        self.stream.write_all(head.as_bytes())
    }

    /// A part of the body. Fails once the server was taken down, so that no answer outlives it.
    pub fn body(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.head_only {
            return Ok(());
        }
        for chunk in bytes.chunks(16 * 1024) {
            if self.shared.generation.load(Ordering::Acquire) != self.generation {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            self.stream.write_all(chunk)?;
            self.body_bytes += chunk.len() as u64;
        }
        Ok(())
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}

type Handler = dyn Fn(&Request, &mut Reply) -> io::Result<()> + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    /// Grows each time the server goes down.
    generation: AtomicU64,
    connections: AtomicUsize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// The server. Dropping it closes everything.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

impl HttpServer {
    /// Listens on a free port of 127.0.0.1. `handler` runs on a thread for each request.
    pub fn start(
        handler: impl Fn(&Request, &mut Reply) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            generation: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
        });
        let acceptor = accept_on(listener, Arc::clone(&shared));
        Ok(Self { address, shared, acceptor: Mutex::new(Some(acceptor)) })
    }

    /// Where it listens, also while down.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on connections are refused, and answers under way are cut.
    pub fn go_down(&self) {
        let acceptor = self.acceptor.lock().unwrap_or_else(|dead| dead.into_inner()).take();
        if let Some(acceptor) = acceptor {
            self.shared.generation.fetch_add(1, Ordering::AcqRel);
            // Wakes the acceptor, which then sees that its time is over and drops the listener.
            drop(TcpStream::connect(self.address));
            drop(acceptor.join());
        }
    }

    /// Listens again on the same port. Nothing happens if it is up.
    pub fn come_up(&self) -> io::Result<()> {
        let mut acceptor = self.acceptor.lock().unwrap_or_else(|dead| dead.into_inner());
        if acceptor.is_none() {
            *acceptor = Some(accept_on(TcpListener::bind(self.address)?, Arc::clone(&self.shared)));
        }
        Ok(())
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.go_down();
    }
}

fn accept_on(listener: TcpListener, shared: Arc<Shared>) -> JoinHandle<()> {
    let generation = shared.generation.load(Ordering::Acquire);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if shared.generation.load(Ordering::Acquire) != generation {
                return;
            }
            let Ok(stream) = stream else { continue };
            if shared.connections.fetch_add(1, Ordering::AcqRel) >= MAX_CONNECTIONS {
                shared.connections.fetch_sub(1, Ordering::AcqRel);
                continue;
            }
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                // A client that goes away or breaks the protocol is its own business.
                drop(serve(stream, &shared, generation));
                shared.connections.fetch_sub(1, Ordering::AcqRel);
            });
        }
    })
}

fn serve(stream: TcpStream, shared: &Arc<Shared>, generation: u64) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    let request = read_head(&stream)?;
    let head_only = request.method == "HEAD";
    let mut reply =
        Reply { stream, shared: Arc::clone(shared), generation, head_only, status: 0, body_bytes: 0 };
    (shared.handler)(&request, &mut reply)
}

fn read_head(stream: &TcpStream) -> io::Result<Request> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let from = stream.peer_addr()?;
    let mut lines = BufReader::new(io::Read::take(stream, MAX_HEAD_LEN)).lines();
    let mut next_line = || lines.next().ok_or_else(malformed)?;
    let first = next_line()?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(malformed()) };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Vec::new();
    loop {
        let line = next_line()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(malformed)?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(Request { method: method.into(), path: path.into(), query: query.into(), headers, from })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_down_refuses_and_comes_back_on_its_port() {
        let server = HttpServer::start(|_, reply| reply.whole(200, "text/plain", b"here")).unwrap();
        let url = format!("http://{}/", server.address());
        let get = || ureq::get(&url).call().map(|mut answer| answer.body_mut().read_to_string().unwrap());
        assert_eq!(get().unwrap(), "here");
        server.go_down();
        assert!(get().is_err());
        server.come_up().unwrap();
        assert_eq!(get().unwrap(), "here");
    }
}
