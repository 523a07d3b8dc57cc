//! Polling: a look at what nodes of the old house say they do, at random times.
//!
//! The addresses come from strangers, so the poller keeps to rules that make it useless as a way into the
//! operator's network: [`address`] says what may be asked, `client` asks nothing else. It asks with one GET,
//! follows no redirect, uses no proxy, reads little and waits briefly.
//!
//! What a poll proves: that somebody, at the address a node named first, served these statistics at a moment
//! nobody could foresee. It does not prove that any video flowed.

pub mod address;
mod client;
mod job;
pub mod schedule;

use std::time::Duration;

use address::AddressRules;

pub(crate) use job::Polling;

/// What the poller may do, and how often it looks whose turn it is.
#[derive(Debug, Clone)]
pub struct PollRules {
    /// Which addresses may be asked.
    pub addresses: AddressRules,
    /// Which ports may be asked.
    pub ports: Vec<u16>,
    /// Time between two polls of a node, in the mean.
    pub mean: Duration,
    /// How often it looks whose turn it is.
    pub tick: Duration,
}

impl PollRules {
    /// The ports of web servers, and those of the servers of June 2025.
    pub const PORTS: [u16; 4] = [80, 443, 8080, 8085];
    /// Twelve polls an hour.
    pub const MEAN: Duration = Duration::from_secs(300);
}

impl Default for PollRules {
    fn default() -> Self {
        Self {
            addresses: AddressRules::default(),
            ports: Self::PORTS.to_vec(),
            mean: Self::MEAN,
            tick: Duration::from_secs(1),
        }
    }
}
