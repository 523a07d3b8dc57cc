//! A host's line to the backbone: how fast, how far, how good, and what went over it.

use std::time::Duration;

use streamr_testnet::{Namespace, TestnetError};

use crate::bounds::{float, whole};
use crate::error::{LabError, Result};
use crate::system::{ip, tc};
use crate::world::LabHost;

/// A host's interface to the world.
pub(crate) const UPLINK: &str = "eth0";
/// What an unshaped direction still is.
const UNSHAPED_BPS: u64 = 1_000_000_000;
/// What a home router holds back before it drops.
const BUFFER: Duration = Duration::from_millis(100);
/// A slow line's buffer still takes the packets of a handshake.
const LEAST_BUFFER_BYTES: u64 = 16 * 1024;
/// What passes at once after a silence: at least two packets, or nothing would ever pass.
const BURST: Duration = Duration::from_millis(5);
const LEAST_BURST_BYTES: u64 = 3_200;

/// What a line is like.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Line {
    /// What the host can send, in bits per second of Ethernet frames; `None`: as fast as the machine.
    pub up_bps: Option<u64>,
    /// A router behind the host holds so much of it back before it drops, as time. `None`: the host itself
    /// does, 100 ms; then its TCP sees the queue and keeps it short, as no home's computer can.
    pub router: Option<Duration>,
    /// What the host can receive, likewise.
    pub down_bps: Option<u64>,
    /// How long each frame is under way, in either direction.
    pub delay: Duration,
    /// The share of frames that is lost in either direction, 0 to 1.
    pub loss: f64,
}

/// Bounds speak of what lines carry of media; a line is faster by the heads of its packets: Ethernet, IP and TCP
/// 66 bytes, yamux, Noise and ours 35, for 1,400 bytes of media.
const HEADS: f64 = 1.072;
/// And it carries acknowledgements of what comes down: one for nearly every packet, because packets come one by one
/// from many.
const ACKNOWLEDGEMENTS: f64 = 0.045;

impl Line {
    /// A line that carries up `media_bps` of media beside the acknowledgements of `download_bps`.
    pub fn carrying(media_bps: u64, download_bps: u64) -> Self {
        let wire_bps = float(media_bps) * HEADS + float(download_bps) * ACKNOWLEDGEMENTS;
        Self { up_bps: Some(whole(wire_bps)), ..Self::default() }
    }
}

/// What an interface has carried, in bytes of Ethernet frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Sent: what passed the shaping, drops not counted.
    pub sent_bytes: u64,
    /// Received.
    pub received_bytes: u64,
}

impl Traffic {
    /// What was carried since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            sent_bytes: self.sent_bytes.saturating_sub(before.sent_bytes),
            received_bytes: self.received_bytes.saturating_sub(before.received_bytes),
        }
    }
}

impl LabHost {
    /// Makes the line as fast as `line` says. Its delay, its loss and whether it has a router were decided
    /// when the host was added.
    pub fn shape(&self, line: Line) -> Result<()> {
        match &self.router {
            Some(router) => {
                tc(&self.backbone, &[tbf(router, line.up_bps, line.router.unwrap_or(BUFFER))])?;
            }
            None => tc(&self.namespace, &[tbf(UPLINK, line.up_bps, BUFFER)])?,
        }
        tc(&self.backbone, &[tbf(&self.port, line.down_bps, BUFFER)])
    }

    /// Puts a router's queue between the line and the backbone: what comes in by the line's port goes through a
    /// device where it can be shaped.
    pub(crate) fn add_router(&self, router: &str) -> Result<()> {
        let lines = [format!("link add {router} type ifb"), format!("link set {router} up")];
        ip(Some(&self.backbone), &lines)?;
        let port = &self.port;
        let lines = [
            format!("qdisc add dev {port} ingress"),
            format!(
                "filter add dev {port} parent ffff: protocol all u32 match u32 0 0 \
                 action mirred egress redirect dev {router}"
            ),
        ];
        tc(&self.backbone, &lines)
    }

    /// Does `work` on this host: sockets that it makes belong there.
    pub fn run<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, TestnetError> + Send,
    ) -> Result<T, TestnetError> {
        self.namespace.run(work)
    }

    /// What its line has carried.
    pub fn traffic(&self) -> Result<Traffic> {
        let line = traffic(&self.namespace, UPLINK)?;
        // What the router has dropped was not carried.
        let Some(router) = &self.router else { return Ok(line) };
        Ok(Traffic { sent_bytes: traffic(&self.backbone, router)?.sent_bytes, ..line })
    }
}

fn traffic(namespace: &Namespace, interface: &str) -> Result<Traffic> {
    let path = "/proc/thread-self/net/dev";
    let text = namespace.run(|| {
        std::fs::read_to_string(path).map_err(|source| TestnetError::File { path: path.into(), source })
    })?;
    read_traffic(&text, interface).ok_or_else(|| LabError::NoInterface {
        namespace: namespace.name().into(),
        interface: interface.into(),
    })
}

fn tbf(interface: &str, rate_bps: Option<u64>, buffer: Duration) -> String {
    let rate_bps = rate_bps.unwrap_or(UNSHAPED_BPS);
    let in_time =
        |time: Duration| u64::try_from(u128::from(rate_bps) * time.as_millis() / 8_000).unwrap_or(u64::MAX);
    let burst = in_time(BURST).max(LEAST_BURST_BYTES);
    let limit = in_time(buffer).max(LEAST_BUFFER_BYTES) + burst;
    // A handle for each rate, so that another rate gets a bucket of its own: were the old one changed to a smaller
    // burst while a longer packet waits in it, that packet and all behind it would wait for ever.
    let handle = 1 + rate_bps % 0xfffe;
    format!(
        "qdisc replace dev {interface} root handle {handle:x}: tbf rate {rate_bps}bit burst {burst} limit {limit}"
    )
}

/// The kernel's table has eight numbers received, then eight sent; the first of each is bytes.
fn read_traffic(table: &str, interface: &str) -> Option<Traffic> {
    let line = table.lines().find_map(|line| line.trim().strip_prefix(interface)?.strip_prefix(':'))?;
    let numbers: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    Some(Traffic { sent_bytes: *numbers.get(8)?, received_bytes: *numbers.first()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_is_a_tenth_of_a_second_but_takes_a_handshake() {
        assert_eq!(
            tbf("eth0", Some(8_000_000), BUFFER),
            "qdisc replace dev eth0 root handle 12f5: tbf rate 8000000bit burst 5000 limit 105000"
        );
        assert_eq!(
            tbf("p", Some(500_000), BUFFER),
            "qdisc replace dev p root handle a12f: tbf rate 500000bit burst 3200 limit 19584"
        );
    }

    #[test]
    fn sent_and_received_are_not_confused() {
        let table = "Inter-| Receive\n face |bytes\n    lo: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n  eth0:     440       6 0 0 0 0 0 0 206 3 0 0 0 0 0 0\n";
        assert_eq!(read_traffic(table, UPLINK), Some(Traffic { sent_bytes: 206, received_bytes: 440 }));
        assert_eq!(read_traffic("lo: 1", UPLINK), None);
    }
}
