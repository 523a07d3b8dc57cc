//! Free loopback ports for programs that cannot pick their own.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::{Result, TestnetError};

/// `N` different free TCP ports of 127.0.0.1.
///
/// Another program may take one before it is used, so whoever starts a program on them tries again.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        // All are held until the last is found, so that they differ.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(no_port)?;
        *port = listener.local_addr().map_err(no_port)?.port();
        held.push(listener);
    }
    Ok(ports)
}

fn no_port(source: std::io::Error) -> TestnetError {
    TestnetError::Spawn { name: "a loopback listener".into(), source }
}
