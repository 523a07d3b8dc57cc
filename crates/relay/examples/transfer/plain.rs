//! The plain transports: the same bytes over quinn or TCP with TLS, and nothing else: no hashing, no storing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::options::Options;
use crate::peers::media;

const NAME: &str = "bench.invalid";
/// What a receiver reads at a time.
const READ_LEN: usize = 64 * 1024;
/// What a sender writes at a time: the length of our blocks.
const BLOCK_LEN: usize = 32 * 1024;
/// Orders that wait for a connection.
const ORDERS: usize = 64;

/// A certificate and its key, the same in every process: the receiver trusts just it.
fn certificate() -> anyhow::Result<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()])?;
    Ok((made.cert.der().clone(), PrivatePkcs8KeyDer::from(made.key_pair.serialize_der()).into()))
}

fn server() -> anyhow::Result<(rustls::ServerConfig, String)> {
    let (certificate, key) = certificate()?;
    let hex = certificate.iter().map(|byte| format!("{byte:02x}")).collect();
    let config = rustls::ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok((config, hex))
}

fn client(options: &Options) -> anyhow::Result<rustls::ClientConfig> {
    let hex: String = options.get("certificate")?;
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap_or_default(), 16);
    let certificate = (0..hex.len()).step_by(2).map(byte).collect::<Result<Vec<u8>, _>>()?;
    let mut trusted = rustls::RootCertStore::empty();
    trusted.add(certificate.into())?;
    Ok(rustls::ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_root_certificates(trusted)
        .with_no_client_auth())
}

/// Hands each `publish` on standard input to every connection, once there are as many as shall be.
async fn conduct(mut connections: mpsc::Receiver<mpsc::Sender<()>>, receivers: usize) -> anyhow::Result<()> {
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    let mut senders: Vec<mpsc::Sender<()>> = Vec::new();
    while orders.next_line().await?.is_some() {
        // A receiver may take the handshake for done before we do.
        while senders.len() < receivers {
            senders.push(connections.recv().await.context("no more receivers come")?);
        }
        for sender in &senders {
            if sender.send(()).await.is_err() {
                bail!("a receiver is gone");
            }
        }
    }
    Ok(())
}

/// Holds a sender to a rate. As our own pacer it sends what has become due whenever it wakes, and wakes no
/// more often than every millisecond.
struct Pace {
    begun: Instant,
    sent_bytes: u64,
    bits_per_s: u64,
}

impl Pace {
    /// What is late by no more than this is made up for.
    const MOST_LATE: Duration = Duration::from_millis(4);

    /// `bits_per_s` of this connection; 0 for as fast as it goes.
    fn new(bits_per_s: u64) -> Self {
        Self { begun: Instant::now(), sent_bytes: 0, bits_per_s }
    }

    /// Waits until `bytes` more may be sent.
    async fn wait(&mut self, bytes: usize) {
        if self.bits_per_s == 0 {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a pace needs no 52 bits")]
        let due = Duration::from_secs_f64(self.sent_bytes as f64 * 8.0 / self.bits_per_s as f64);
        let now = Instant::now();
        if self.begun + due + Self::MOST_LATE < now {
            // Time that was not used is lost, as it is for an uplink.
            self.begun = now;
            self.sent_bytes = 0;
        } else if self.begun + due > now {
            tokio::time::sleep_until((self.begun + due).max(now + Duration::from_millis(1))).await;
        }
        self.sent_bytes += bytes as u64;
    }
}

/// Writes the segment once for each order, a block's length at a time.
async fn send(
    mut stream: impl AsyncWrite + Unpin,
    segment: Bytes,
    mut orders: mpsc::Receiver<()>,
    mut pace: Pace,
) {
    while orders.recv().await.is_some() {
        for block in segment.chunks(BLOCK_LEN) {
            pace.wait(block.len()).await;
            if stream.write_all(block).await.is_err() {
                return;
            }
        }
        if stream.flush().await.is_err() {
            return;
        }
    }
}

/// Tells of each segment's worth of bytes.
struct Count {
    segment_len: usize,
    received: usize,
    segments: u64,
}

impl Count {
    fn new(segment_len: usize) -> Self {
        Self { segment_len, received: 0, segments: 0 }
    }

    fn add(&mut self, bytes: usize) {
        self.received += bytes;
        while self.received >= self.segment_len {
            self.received -= self.segment_len;
            println!("{}", json!({ "segment": self.segments }));
            self.segments += 1;
        }
    }
}

/// `len=BYTES receivers=COUNT [pace=BITS_PER_SECOND]`, the pace of each connection. Accepts connections and writes a segment to each of them on every line `publish`.
pub(crate) async fn quic_send(options: &Options) -> anyhow::Result<()> {
    let segment = media(options.get("len")?);
    let (tls, certificate) = server()?;
    let config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    let endpoint = quinn::Endpoint::server(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    println!("{}", json!({ "address": endpoint.local_addr()?, "certificate": certificate }));
    let pace: u64 = options.get_or("pace", 0)?;
    let (connections, connected) = mpsc::channel(ORDERS);
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let (orders, waiting) = mpsc::channel(ORDERS);
            let connection = incoming.await?;
            let stream = connection.open_uni().await?;
            tokio::spawn(quic_write(stream, segment.clone(), waiting, Pace::new(pace)));
            connections.send(orders).await?;
        }
        anyhow::Ok(())
    });
    conduct(connected, options.get("receivers")?).await
}

/// As quinn wants it: the buffer is handed over, not copied.
async fn quic_write(
    mut stream: quinn::SendStream,
    segment: Bytes,
    mut orders: mpsc::Receiver<()>,
    mut pace: Pace,
) {
    while orders.recv().await.is_some() {
        let mut left = segment.clone();
        while !left.is_empty() {
            let block = left.split_to(BLOCK_LEN.min(left.len()));
            pace.wait(block.len()).await;
            if stream.write_chunk(block).await.is_err() {
                return;
            }
        }
    }
}

/// `len=BYTES address=IP:PORT certificate=HEX`
pub(crate) async fn quic_receive(options: &Options) -> anyhow::Result<()> {
    let tls = client(options)?;
    let mut endpoint = quinn::Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?)));
    let connection = endpoint.connect(options.get("address")?, NAME)?.await?;
    println!("{}", json!({}));
    let mut stream = connection.accept_uni().await?;
    let mut count = Count::new(options.get("len")?);
    while let Ok(Some(chunk)) = stream.read_chunk(READ_LEN, true).await {
        count.add(chunk.bytes.len());
    }
    Ok(())
}

/// `len=BYTES receivers=COUNT`. As [`quic_send`], over TCP.
pub(crate) async fn tls_send(options: &Options) -> anyhow::Result<()> {
    let segment = media(options.get("len")?);
    let (tls, certificate) = server()?;
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", json!({ "address": listener.local_addr()?, "certificate": certificate }));
    let pace: u64 = options.get_or("pace", 0)?;
    let (connections, connected) = mpsc::channel(ORDERS);
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            let stream = acceptor.accept(socket).await?;
            let (orders, waiting) = mpsc::channel(ORDERS);
            tokio::spawn(send(stream, segment.clone(), waiting, Pace::new(pace)));
            if connections.send(orders).await.is_err() {
                return anyhow::Ok(());
            }
        }
    });
    conduct(connected, options.get("receivers")?).await
}

/// `len=BYTES address=IP:PORT certificate=HEX`
pub(crate) async fn tls_receive(options: &Options) -> anyhow::Result<()> {
    let connector = TlsConnector::from(Arc::new(client(options)?));
    let socket = TcpStream::connect(options.get::<SocketAddr>("address")?).await?;
    socket.set_nodelay(true)?;
    let mut stream = connector.connect(ServerName::try_from(NAME)?, socket).await.context("TLS")?;
    println!("{}", json!({}));
    let mut count = Count::new(options.get("len")?);
    let mut buffer = vec![0; READ_LEN];
    // A sender that has sent everything is ended, and says no good-bye.
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        count.add(read);
    }
    Ok(())
}
