//! The network: an uplink sends one thing after the other, a pair has its latency, a stream keeps its order.

use std::time::Duration;

use streamr_model::BitsPerSecond;

use crate::dice::{Dice, hash};
use crate::event::Index;
use crate::queue::Micros;
use crate::scenario::Paths;

/// Purposes of [`hash`].
const LATENCY: u64 = 1;
const REACH: u64 = 2;

/// Ethernet, IP and TCP heads of a packet.
const PACKET_HEAD: u64 = 66;
/// What a packet carries.
const PACKET_LEN: u64 = 1_448;
/// Heads of yamux and Noise, for each piece that is written.
const PIECE_HEAD: u64 = 30;
const PIECE_LEN: u64 = 16 * 1024;

/// What `bytes` written at once take on a line.
pub(crate) fn on_wire(bytes: u64) -> u64 {
    let written = bytes + bytes.div_ceil(PIECE_LEN) * PIECE_HEAD;
    written + written.div_ceil(PACKET_LEN) * PACKET_HEAD
}

/// What the receiver of so many bytes sends back: an acknowledgement for every second packet.
pub(crate) fn acknowledgements(bytes: u64) -> u64 {
    bytes.div_ceil(PACKET_LEN).div_ceil(2) * PACKET_HEAD
}

/// A line that carries one thing after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    rate: BitsPerSecond,
    free_ns: u64,
}

impl Line {
    pub(crate) fn new(rate: BitsPerSecond) -> Self {
        Self { rate, free_ns: 0 }
    }

    /// When the last bit of `bytes`, which are there from `from` on, has passed.
    pub(crate) fn pass(&mut self, from: Micros, bytes: u64) -> Micros {
        let nanos = bytes.saturating_mul(8_000_000_000) / self.rate.0.max(1);
        self.free_ns = self.free_ns.max(u64::from(from) * 1_000).saturating_add(nanos);
        Micros::try_from(self.free_ns.div_ceil(1_000)).unwrap_or(Micros::MAX)
    }
}

/// One end's view of a connection, or of one that was: the pair is not connected again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) peer: Index,
    /// When the last thing sent on it arrives.
    last_arrival: Micros,
    /// When something was last written to it.
    last_write: Micros,
    pub(crate) is_open: bool,
}

/// All of one node's links, by peer.
#[derive(Debug, Default)]
pub(crate) struct Links(Vec<Link>);

impl Links {
    fn at(&self, peer: Index) -> Result<usize, usize> {
        self.0.binary_search_by_key(&peer, |link| link.peer)
    }

    pub(crate) fn is_open(&self, peer: Index) -> bool {
        self.at(peer).is_ok_and(|at| self.0[at].is_open)
    }

    pub(crate) fn knows(&self, peer: Index) -> bool {
        self.at(peer).is_ok()
    }

    /// Connects; false if the pair is or was connected.
    pub(crate) fn open(&mut self, peer: Index) -> bool {
        let Err(at) = self.at(peer) else { return false };
        self.0.insert(at, Link { peer, last_arrival: 0, last_write: 0, is_open: true });
        true
    }

    /// Ends a connection; false if there is none.
    pub(crate) fn close(&mut self, peer: Index) -> bool {
        let Ok(at) = self.at(peer) else { return false };
        std::mem::replace(&mut self.0[at].is_open, false)
    }

    /// Those connected.
    pub(crate) fn peers(&self) -> impl Iterator<Item = Index> + '_ {
        self.0.iter().filter(|link| link.is_open).map(|link| link.peer)
    }

    pub(crate) fn count(&self) -> usize {
        self.peers().count()
    }

    /// What `bytes` take on the line that are written now: what is written in one moment shares its packets.
    pub(crate) fn write(&mut self, peer: Index, now: Micros, bytes: u64) -> u64 {
        let shares = self.at(peer).is_ok_and(|at| std::mem::replace(&mut self.0[at].last_write, now) == now);
        if shares { bytes } else { on_wire(bytes) }
    }

    /// When what would arrive at `arrival` does, behind everything sent before; `None` if not connected.
    pub(crate) fn deliver(&mut self, peer: Index, arrival: Micros) -> Option<Micros> {
        let at = self.at(peer).ok().filter(|at| self.0[*at].is_open)?;
        let last = &mut self.0[at].last_arrival;
        *last = (*last).max(arrival);
        Some(*last)
    }
}

/// Latencies of a world.
#[derive(Debug)]
pub(crate) struct Network {
    paths: Paths,
    seed: u64,
}

impl Network {
    pub(crate) fn new(paths: Paths, seed: u64) -> Self {
        Self { paths, seed }
    }

    /// One way between two nodes, the same both ways and for good.
    pub(crate) fn latency(&self, a: Index, b: Index) -> Micros {
        let least = micros(self.paths.latency_min);
        let room = micros(self.paths.latency_max).saturating_sub(least);
        let draw = hash(self.seed ^ LATENCY, a.min(b), a.max(b)) % (u64::from(room) + 1);
        least + u32::try_from(draw).unwrap_or(0)
    }

    /// What one message needs from `a` to `b`.
    pub(crate) fn travel(&self, a: Index, b: Index, dice: &mut Dice) -> Micros {
        let latency = self.latency(a, b);
        let jitter = u32::try_from(dice.roll(u64::from(micros(self.paths.jitter)) + 1)).unwrap_or(0);
        let lost = dice.chance(self.paths.loss_per_mille);
        latency + jitter + if lost { 2 * latency } else { 0 }
    }

    /// Whether two supporters can connect.
    pub(crate) fn reach(&self, a: Index, b: Index) -> bool {
        hash(self.seed ^ REACH, a.min(b), a.max(b)) % 1_000 >= u64::from(self.paths.unreachable_per_mille)
    }
}

/// As the world counts time.
pub(crate) fn micros(span: Duration) -> Micros {
    Micros::try_from(span.as_micros()).unwrap_or(Micros::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn a_line_carries_no_more_than_its_rate_and_nothing_before_it_is_there() {
        let mut line = Line::new(BitsPerSecond(8_000_000));
        assert_eq!(line.pass(1_000, 500), 1_500);
        assert_eq!(line.pass(1_000, 500), 2_000);
        assert_eq!(line.pass(9_000, 1), 9_001);
        let mut fast = Line::new(BitsPerSecond(8_000_000_000));
        let last = (0..1_000).map(|_| fast.pass(0, 1)).last();
        assert_eq!(last, Some(1), "fractions of a microsecond are not lost");
    }

    #[test]
    fn a_stream_keeps_its_order_and_a_closed_link_carries_nothing() {
        let mut links = Links::default();
        assert!(links.open(7) && links.open(3) && !links.open(7));
        assert_eq!(links.deliver(7, 50), Some(50));
        assert_eq!(links.deliver(7, 40), Some(50));
        assert_eq!(links.deliver(3, 40), Some(40));
        assert!(links.close(7) && !links.close(7) && links.knows(7));
        assert_eq!(links.deliver(7, 60), None);
        assert_eq!(links.peers().collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn latencies_fill_their_range_and_pairs_are_unreachable_as_often_as_asked() {
        let paths = Paths { unreachable_per_mille: 100, ..Scenario::new(1).paths };
        let network = Network::new(paths, 9);
        let latencies = (0..2_000).map(|n| network.latency(n, n + 1));
        let (least, most) = latencies.fold((u32::MAX, 0), |(l, m), x| (l.min(x), m.max(x)));
        assert!((10_000..10_500).contains(&least) && (49_500..=50_000).contains(&most), "{least} {most}");
        assert_eq!(network.latency(3, 4), network.latency(4, 3));
        let cut = (0..10_000).filter(|n| !network.reach(*n, n + 1)).count();
        assert!((900..1_100).contains(&cut), "{cut}");
    }
}
