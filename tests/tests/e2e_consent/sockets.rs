//! The sockets of a process, as the kernel lists them.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The kind of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
    /// Not bound to any protocol of ours: raw.
    Raw,
}

/// A socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SocketSeen {
    pub(crate) protocol: Protocol,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    state: u8,
}

impl SocketSeen {
    pub(crate) fn listens(&self) -> bool {
        const LISTEN: u8 = 0x0a;
        self.state == LISTEN
    }
}

/// Every network socket that process `pid` holds.
pub(crate) fn sockets_of(pid: u32) -> Vec<SocketSeen> {
    let inodes = inodes_of(pid);
    let tables = [
        ("tcp", Protocol::Tcp),
        ("tcp6", Protocol::Tcp),
        ("udp", Protocol::Udp),
        ("udp6", Protocol::Udp),
        ("raw", Protocol::Raw),
        ("raw6", Protocol::Raw),
    ];
    let mut sockets = Vec::new();
    for (table, protocol) in tables {
        // A kernel without IPv6 has no such table.
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        let rows = text.lines().skip(1).filter_map(|row| read_row(row, protocol));
        sockets.extend(rows.filter(|(inode, _)| inodes.contains(inode)).map(|(_, socket)| socket));
    }
    sockets
}

fn inodes_of(pid: u32) -> BTreeSet<u64> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets
        .filter_map(|target| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

/// `sl local remote state tx:rx tr:when retransmits uid timeout inode …`
fn read_row(row: &str, protocol: Protocol) -> Option<(u64, SocketSeen)> {
    let fields: Vec<&str> = row.split_whitespace().collect();
    let (local, remote) = (read_address(fields.get(1)?)?, read_address(fields.get(2)?)?);
    let state = u8::from_str_radix(fields.get(3)?, 16).ok()?;
    Some((fields.get(9)?.parse().ok()?, SocketSeen { protocol, local, remote, state }))
}

/// Hex digits of the address in words of the machine's byte order, a colon, the port.
fn read_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let words: Vec<u8> = (0..address.len() / 8)
        .filter_map(|word| u32::from_str_radix(address.get(word * 8..word * 8 + 8)?, 16).ok())
        .flat_map(u32::to_ne_bytes)
        .collect();
    let ip: IpAddr = match words.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(words).ok()?).into(),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip.to_canonical(), u16::from_str_radix(port, 16).ok()?))
}

#[test]
fn the_kernels_table_is_read_as_it_is_written() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("[::1]:0").unwrap();
    let sockets = sockets_of(std::process::id());
    let listening = sockets.iter().find(|socket| socket.local == listener.local_addr().unwrap()).unwrap();
    assert!(listening.listens() && listening.protocol == Protocol::Tcp);
    let bound = sockets.iter().find(|socket| socket.local == udp.local_addr().unwrap()).unwrap();
    assert_eq!(bound.protocol, Protocol::Udp);
}
