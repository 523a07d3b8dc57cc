//! What else goes over a home's line: a game's small packets, and somebody's upload.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use streamr_testnet::TestnetError;

use crate::error::Result;
use crate::world::LabHost;

/// Fifty packets a second, as a game sends.
const PING_EVERY: Duration = Duration::from_millis(20);
const PING_BYTES: usize = 64;
/// A packet that is not back by then is lost, and counts as so long: that is what it feels like.
const LOST_AFTER: Duration = Duration::from_secs(1);

/// Packets to another host and back, until dropped.
#[derive(Debug)]
pub struct Ping {
    over: Arc<AtomicBool>,
    round_trips: Arc<Mutex<Vec<Duration>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Ping {
    /// Starts.
    pub fn start(from: &LabHost, to: &LabHost) -> Result<Self> {
        let answering = socket(to)?;
        let asking = socket(from)?;
        let address = answering.local_addr().map_err(in_socket)?;
        asking.connect(address).map_err(in_socket)?;
        let over = Arc::new(AtomicBool::new(false));
        let round_trips = Arc::new(Mutex::new(Vec::new()));
        let (stop, stop_too, seen) = (over.clone(), over.clone(), round_trips.clone());
        let threads = vec![
            std::thread::spawn(move || answer(&answering, &stop)),
            std::thread::spawn(move || ask(&asking, &stop_too, &seen)),
        ];
        Ok(Self { over, round_trips, threads })
    }

    /// The round trips since the last call.
    pub fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.round_trips.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Ping {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A panic was told on standard error.
            thread.join().ok();
        }
    }
}

fn socket(host: &LabHost) -> Result<UdpSocket> {
    let address = SocketAddr::new(host.host.ip, 0);
    let bind = || {
        let socket = UdpSocket::bind(address).map_err(in_socket)?;
        socket.set_read_timeout(Some(PING_EVERY)).map_err(in_socket)?;
        Ok(socket)
    };
    Ok(host.run(bind)?)
}

fn in_socket(source: std::io::Error) -> TestnetError {
    TestnetError::File { path: PathBuf::from("a socket"), source }
}

fn answer(socket: &UdpSocket, over: &AtomicBool) {
    let mut packet = [0; PING_BYTES];
    while !over.load(Ordering::Relaxed) {
        if let Ok((len, from)) = socket.recv_from(&mut packet) {
            // What cannot be sent is lost, as packets are.
            socket.send_to(&packet[..len], from).ok();
        }
    }
}

fn ask(socket: &UdpSocket, over: &AtomicBool, seen: &Mutex<Vec<Duration>>) {
    let mut under_way: VecDeque<(u64, Instant)> = VecDeque::new();
    let mut next = Instant::now();
    let mut number = 0_u64;
    let note = |round_trip| seen.lock().unwrap_or_else(PoisonError::into_inner).push(round_trip);
    while !over.load(Ordering::Relaxed) {
        let now = Instant::now();
        if now >= next {
            next += PING_EVERY;
            number += 1;
            let mut packet = [0; PING_BYTES];
            packet[..8].copy_from_slice(&number.to_be_bytes());
            under_way.push_back((number, now));
            socket.send(&packet).ok();
        }
        while under_way.front().is_some_and(|(_, sent)| sent.elapsed() > LOST_AFTER) {
            under_way.pop_front();
            note(LOST_AFTER);
        }
        // Zero would mean for ever.
        let wait = next.saturating_duration_since(Instant::now()).max(Duration::from_micros(100));
        socket.set_read_timeout(Some(wait)).ok();
        let mut packet = [0; PING_BYTES];
        if let Ok(len) = socket.recv(&mut packet)
            && let Some(back) = packet[..len].first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
            && let Some(at) = under_way.iter().position(|(number, _)| *number == back)
            && let Some((_, sent)) = under_way.remove(at)
        {
            note(sent.elapsed());
        }
    }
}

/// A TCP upload that never ends, until dropped.
#[derive(Debug)]
pub struct BulkUpload {
    arrived: Arc<AtomicU64>,
    stream: TcpStream,
    threads: Vec<JoinHandle<()>>,
}

impl BulkUpload {
    /// Starts. Its congestion control is that of the host's route.
    pub fn start(from: &LabHost, to: &LabHost) -> Result<Self> {
        let address = SocketAddr::new(to.host.ip, 0);
        let listener = to.run(|| TcpListener::bind(address).map_err(in_socket))?;
        let address = listener.local_addr().map_err(in_socket)?;
        let stream = from.run(|| TcpStream::connect(address).map_err(in_socket))?;
        let (received, _) = listener.accept().map_err(in_socket)?;
        let arrived = Arc::new(AtomicU64::new(0));
        let (sending, counted) = (stream.try_clone().map_err(in_socket)?, arrived.clone());
        let threads = vec![
            std::thread::spawn(move || send(sending)),
            std::thread::spawn(move || receive(received, &counted)),
        ];
        Ok(Self { arrived, stream, threads })
    }

    /// Bytes that have arrived.
    pub fn arrived_bytes(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }
}

impl Drop for BulkUpload {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        self.stream.shutdown(Shutdown::Both).ok();
        for thread in self.threads.drain(..) {
            // A panic was told on standard error.
            thread.join().ok();
        }
    }
}

fn send(mut stream: TcpStream) {
    let piece = vec![0x5a; 64 * 1024];
    while stream.write_all(&piece).is_ok() {}
}

fn receive(mut stream: TcpStream, arrived: &AtomicU64) {
    let mut piece = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return,
            Ok(len) => {
                arrived.fetch_add(len as u64, Ordering::Relaxed);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
