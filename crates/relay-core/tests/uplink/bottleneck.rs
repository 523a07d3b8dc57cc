//! A home router in small: one queue, first in first out, that our uplink, its probes and a TCP upload share.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use streamr_model::{BitsPerSecond, NodeId};
use streamr_relay_core::Instant;
use streamr_relay_core::uplink::{Echo, Uplink};

const PACKET: u64 = 1_400;
const PROBE: u64 = 100;

/// What a peer makes of an echo before it comes back: honest peers nothing.
pub(crate) type Lie = fn(Instant, Echo) -> Echo;

#[derive(Debug, Clone, Copy)]
enum Whose {
    Ours(usize),
    Probe(usize, Instant),
    Others,
}

/// A TCP upload: doubles until the first loss, then grows by a few packets per round trip and falls by 30 %.
#[derive(Debug)]
struct Bulk {
    window: f64,
    has_lost: bool,
    lost_at: Instant,
    credit: f64,
}

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) rtt: Duration,
    pub(crate) lie: Lie,
    /// Never answers.
    pub(crate) is_mute: bool,
    sent: u64,
    received: u64,
}

pub(crate) fn honest(_: Instant, echo: Echo) -> Echo {
    echo
}

/// How much we could send if we might.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    None,
    Endless,
    /// The first so many milliseconds of each second.
    PartOfEachSecond(u64),
}

/// What happened in a stretch of time.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    pub(crate) ours: u64,
    pub(crate) others: u64,
    pub(crate) top_rate: u64,
    delays: Vec<Duration>,
}

impl Stretch {
    pub(crate) fn p95(&mut self) -> Duration {
        self.delays.sort_unstable();
        self.delays[self.delays.len() * 95 / 100]
    }
}

/// See the module. Steps are one millisecond.
#[derive(Debug)]
pub(crate) struct Bottleneck {
    pub(crate) uplink: Uplink,
    pub(crate) capacity: BitsPerSecond,
    pub(crate) demand: Demand,
    pub(crate) peers: Vec<Peer>,
    /// Added to each echo, anew each time, up to this.
    pub(crate) jitter: Duration,
    /// Added to every way from now on.
    pub(crate) detour: Duration,
    buffer: Duration,
    queue: VecDeque<(Whose, u64)>,
    queued: u64,
    served_credit: f64,
    our_credit: f64,
    bulk: Option<Bulk>,
    echoes: BTreeMap<(Instant, usize), Echo>,
    turn: usize,
    noise: u64,
    now: Instant,
}

impl Bottleneck {
    pub(crate) fn new(cap: BitsPerSecond, capacity: BitsPerSecond, buffer: Duration, rtts: &[u64]) -> Self {
        let now = Instant(Duration::from_secs(1));
        let mut uplink = Uplink::new(cap, now);
        let peer = |rtt: &u64| Peer {
            rtt: Duration::from_millis(*rtt),
            lie: honest,
            is_mute: false,
            sent: 0,
            received: 0,
        };
        let peers: Vec<Peer> = rtts.iter().map(peer).collect();
        (0..peers.len()).for_each(|index| uplink.handle_connected(node(index)));
        Self {
            uplink,
            capacity,
            demand: Demand::Endless,
            peers,
            jitter: Duration::ZERO,
            detour: Duration::ZERO,
            buffer,
            queue: VecDeque::new(),
            queued: 0,
            served_credit: 0.0,
            our_credit: 0.0,
            bulk: None,
            echoes: BTreeMap::new(),
            turn: 0,
            noise: 0x9e37_79b9,
            now,
        }
    }

    pub(crate) fn set_bulk(&mut self, on: bool) {
        self.bulk = on.then_some(Bulk {
            window: 10.0 * PACKET as f64,
            has_lost: false,
            lost_at: self.now,
            credit: 0.0,
        });
    }

    /// How long a packet that comes now waits.
    pub(crate) fn delay(&self) -> Duration {
        self.capacity.time_for(self.queued)
    }

    pub(crate) fn run(&mut self, span: Duration) -> Stretch {
        let mut stretch = Stretch::default();
        for step in 0..span.as_millis() {
            self.step(&mut stretch);
            if step % 10 == 0 {
                stretch.delays.push(self.delay());
            }
        }
        stretch
    }

    fn step(&mut self, stretch: &mut Stretch) {
        self.now = self.now + Duration::from_millis(1);
        while let Some(((at, index), echo)) = self.echoes.pop_first() {
            if at > self.now {
                self.echoes.insert((at, index), echo);
                break;
            }
            let echo = Echo { sent: self.peers[index].sent, ..echo };
            self.uplink.handle_echo(self.now, node(index), (self.peers[index].lie)(self.now, echo));
        }
        self.uplink.handle_timeout(self.now);
        stretch.top_rate = stretch.top_rate.max(self.uplink.rate().0);
        while let Some(asked) = self.uplink.poll_probe(self.now) {
            let index = usize::from(asked.0[0]);
            // A probe that is lost comes back when its stream sends it again; here it is never lost.
            self.queue.push_back((Whose::Probe(index, self.now), PROBE));
            self.queued += PROBE;
        }
        self.send_ours();
        self.send_bulk();
        self.serve(stretch);
    }

    fn send_ours(&mut self) {
        let in_second = u64::try_from(self.now.0.as_millis() % 1_000).unwrap();
        let wanted = match self.demand {
            Demand::None => false,
            Demand::Endless => true,
            Demand::PartOfEachSecond(ms) => in_second < ms,
        };
        if !wanted {
            self.our_credit = 0.0;
            return;
        }
        self.our_credit += self.uplink.rate().0 as f64 / 8_000.0;
        while self.our_credit >= PACKET as f64 {
            self.our_credit -= PACKET as f64;
            self.turn = (self.turn + 1) % self.peers.len();
            self.uplink.handle_sent(self.now, node(self.turn), PACKET);
            self.peers[self.turn].sent += PACKET;
            // What is dropped here is sent again by the transport: it costs us, but nobody else.
            self.enter(Whose::Ours(self.turn));
        }
    }

    fn send_bulk(&mut self) {
        let round_trip = Duration::from_millis(20) + self.delay();
        let Some(mut bulk) = self.bulk.take() else { return };
        let share = 0.001 / round_trip.as_secs_f64();
        bulk.credit += bulk.window * share;
        bulk.window += if bulk.has_lost { 3.0 * PACKET as f64 } else { bulk.window } * share;
        while bulk.credit >= PACKET as f64 {
            bulk.credit -= PACKET as f64;
            if !self.enter(Whose::Others) && self.now - bulk.lost_at > round_trip {
                bulk.window *= 0.7;
                bulk.has_lost = true;
                bulk.lost_at = self.now;
            }
        }
        self.bulk = Some(bulk);
    }

    fn enter(&mut self, whose: Whose) -> bool {
        let fits = self.queued + PACKET <= self.capacity.bytes_in(self.buffer);
        if fits {
            self.queue.push_back((whose, PACKET));
            self.queued += PACKET;
        }
        fits
    }

    fn serve(&mut self, stretch: &mut Stretch) {
        self.served_credit += self.capacity.0 as f64 / 8_000.0;
        while let Some((whose, bytes)) = self.queue.front().copied() {
            if self.served_credit < bytes as f64 {
                return;
            }
            self.served_credit -= bytes as f64;
            self.queue.pop_front();
            self.queued -= bytes;
            match whose {
                Whose::Others => stretch.others += bytes,
                Whose::Ours(index) => {
                    stretch.ours += bytes;
                    self.peers[index].received += bytes;
                }
                Whose::Probe(index, asked) => self.echo(index, asked),
            }
        }
        self.served_credit = 0.0;
    }

    fn echo(&mut self, index: usize, asked: Instant) {
        self.noise =
            self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let jitter = self.jitter.mul_f64((self.noise >> 40) as f64 / (1_u64 << 24) as f64);
        let peer = &self.peers[index];
        let at = self.now + peer.rtt + self.detour + jitter;
        let echo = Echo { rtt: at - asked, sent: peer.sent, received: peer.received };
        if !peer.is_mute {
            self.echoes.insert((at, index), echo);
        }
    }
}

pub(crate) fn node(index: usize) -> NodeId {
    let mut id = [0; 32];
    id[0] = u8::try_from(index).unwrap();
    NodeId(id)
}
