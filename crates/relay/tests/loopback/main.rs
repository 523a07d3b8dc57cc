//! Relays and seeds with real sockets on loopback.

#![expect(clippy::unwrap_used, reason = "test support outside #[test] functions")]

mod carries;
mod media;
mod renditions;
mod streams;
