//! A home router in small: one queue, first in first out, that our uplink, its probes and a TCP upload share.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use streamr_model::{BitsPerSecond, NodeId};
use streamr_relay_core::Instant;
use streamr_relay_core::uplink::{Echo, Uplink};

const PACKET: u64 = 1_400;
/// Of a packet of media: Ethernet, IP, TCP, encryption, frames.
const HEADERS: u64 = 90;
const PROBE: u64 = 100;
/// What else leaves any home: acknowledgements of what it receives, a game's packets.
const SMALL: u64 = 80;
const SMALL_PER_SECOND: u64 = 150;

/// What a peer makes of an echo before it comes back: honest peers nothing.
pub(crate) type Lie = fn(Instant, Echo) -> Echo;

#[derive(Debug, Clone, Copy)]
enum Whose {
    /// To whom, and how much of it is media.
    Ours(usize, u64),
    Probe(usize, Instant),
    Small,
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
    /// A segment every two seconds that peers want so many bytes of, most of it at once and the rest in
    /// drops. What could not be sent within four seconds they take from elsewhere.
    Segments(u64),
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
    /// Every tenth echo is late by up to this: machines are busy with other things.
    pub(crate) lateness: Duration,
    /// Added to every way from now on.
    pub(crate) detour: Duration,
    buffer: Duration,
    queue: VecDeque<(Whose, u64)>,
    queued: u64,
    served_credit: f64,
    our_credit: f64,
    /// Bytes that peers have asked for and not been sent.
    wanted: u64,
    asked_at: Instant,
    bulk: Option<Bulk>,
    echoes: BTreeMap<(Instant, usize), Echo>,
    turn: usize,
    pub(crate) noise: u64,
    now: Instant,
}

impl Bottleneck {
    const SEGMENT_MS: u64 = 2_000;
    const DROP_MS: u64 = 100;
    const LATENESS_MS: u64 = 4;
    /// In each millisecond that all that was asked for has been sent and the next has not been asked for yet.
    const PAUSE_CHANCE: f64 = 0.004;
    const PAUSE: Duration = Duration::from_millis(15);

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
            lateness: Duration::ZERO,
            detour: Duration::ZERO,
            buffer,
            queue: VecDeque::new(),
            queued: 0,
            served_credit: 0.0,
            our_credit: 0.0,
            wanted: 0,
            asked_at: now,
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

    /// What is left for media, without headers and without what else leaves any home.
    pub(crate) fn media_capacity(&self) -> u64 {
        (self.capacity.0 - SMALL * SMALL_PER_SECOND * 8) * PACKET / (PACKET + HEADERS)
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
        self.send_small();
        self.send_ours();
        self.send_bulk();
        self.serve(stretch);
    }

    /// What peers ask for from now on.
    fn ask(&mut self) {
        let ms = self.ms();
        let Demand::Segments(bytes) = self.demand else {
            let wanted = match self.demand {
                Demand::PartOfEachSecond(part) => ms % 1_000 < part,
                demand => demand == Demand::Endless,
            };
            self.wanted = if wanted { u64::MAX } else { 0 };
            return;
        };
        if ms.is_multiple_of(Self::SEGMENT_MS) {
            self.wanted = self.wanted.min(bytes) + bytes / 4 * 3;
        } else if ms.is_multiple_of(Self::DROP_MS) {
            self.wanted = self.wanted.min(bytes * 2) + bytes / 4 * Self::DROP_MS / Self::SEGMENT_MS;
        }
    }

    /// As the throttle does it: slices of two milliseconds, on credit, and not much is made up for.
    fn send_ours(&mut self) {
        self.ask();
        let rate = self.uplink.rate();
        let in_ms = |ms: u64| rate.bytes_in(Duration::from_millis(ms)) as f64;
        self.our_credit = (self.our_credit + in_ms(1)).min(in_ms(Self::LATENESS_MS));
        if matches!(self.demand, Demand::Segments(_)) {
            if self.chance() < Self::PAUSE_CHANCE {
                self.asked_at = self.now + Self::PAUSE;
            }
            if self.now < self.asked_at {
                return;
            }
        }
        while self.our_credit > 0.0 && self.wanted > 0 {
            let slice = rate.bytes_in(Duration::from_millis(2)).max(1_200).min(self.wanted);
            self.wanted -= slice;
            self.our_credit -= slice as f64;
            self.turn = (self.turn + 1) % self.peers.len();
            self.uplink.handle_sent(self.now, node(self.turn), slice);
            self.peers[self.turn].sent += slice;
            let mut left = slice;
            while left > 0 {
                let packet = left.min(PACKET);
                left -= packet;
                // What is dropped here is sent again by the transport: it costs us, but nobody else.
                self.enter(Whose::Ours(self.turn, packet), packet + HEADERS);
            }
        }
    }

    /// Small packets go out whatever happens.
    fn send_small(&mut self) {
        if self.ms().is_multiple_of(1_000 / SMALL_PER_SECOND) {
            self.enter(Whose::Small, SMALL);
        }
    }

    fn ms(&self) -> u64 {
        u64::try_from(self.now.0.as_millis()).unwrap()
    }

    fn send_bulk(&mut self) {
        let round_trip = Duration::from_millis(20) + self.delay();
        let Some(mut bulk) = self.bulk.take() else { return };
        let share = 0.001 / round_trip.as_secs_f64();
        bulk.credit += bulk.window * share;
        bulk.window += if bulk.has_lost { 3.0 * PACKET as f64 } else { bulk.window } * share;
        while bulk.credit >= PACKET as f64 {
            bulk.credit -= PACKET as f64;
            if !self.enter(Whose::Others, PACKET) && self.now - bulk.lost_at > round_trip {
                bulk.window *= 0.7;
                bulk.has_lost = true;
                bulk.lost_at = self.now;
            }
        }
        self.bulk = Some(bulk);
    }

    fn chance(&mut self) -> f64 {
        self.noise =
            self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.noise >> 40) as f64 / (1_u64 << 24) as f64
    }

    fn enter(&mut self, whose: Whose, bytes: u64) -> bool {
        let fits = self.queued + bytes <= self.capacity.bytes_in(self.buffer);
        if fits {
            self.queue.push_back((whose, bytes));
            self.queued += bytes;
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
                Whose::Ours(index, media) => {
                    stretch.ours += bytes;
                    self.peers[index].received += media;
                }
                Whose::Small => {}
                Whose::Probe(index, asked) => self.echo(index, asked),
            }
        }
        self.served_credit = 0.0;
    }

    fn echo(&mut self, index: usize, asked: Instant) {
        let mut late = self.jitter.mul_f64(self.chance());
        if self.chance() < 0.1 {
            late += self.lateness.mul_f64(self.chance());
        }
        let peer = &self.peers[index];
        let at = self.now + peer.rtt + self.detour + late;
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
