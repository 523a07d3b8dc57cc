//! How much of the uplink may be used now, so that nobody at home feels that we are here.
//!
//! Nothing is sent for the sake of measuring but small probes: what the uplink can carry is learnt from the
//! media that peers asked for. While the rate climbs, the probes' round trips show when the router begins
//! to queue; what was sent until then, less what waits in the queue, is what it carries. From then on the
//! rate stays a little below it, where the queue is empty, and looks a little above it for half a second
//! now and then. Demand comes in bursts, so only what was sent without a pause teaches anything. When round
//! trips grow all the same, somebody else wants the uplink, and we give way at once (the idea of LEDBAT,
//! RFC 6817). docs/adr/0005 has the reasons and the numbers.
//!
//! [`Uplink`] is a machine without I/O: the driver tells it what was sent and what probes brought back, sends
//! the probes it asks for, and paces to [`Uplink::rate`]. `path` judges one peer's round trips, `meter`
//! turns counts into rates, `control` holds the rules of the rate.

mod control;
mod meter;
mod path;

use std::collections::BTreeMap;
use std::time::Duration;

use streamr_model::{BitsPerSecond, NodeId};

use crate::time::Instant;

use control::{Control, Observation};
use meter::{ArrivalMeter, Stretch};
use path::Path;

/// How sure a measurement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// So much got through; the limit was not met yet.
    AtLeast,
    /// More was tried, and queued.
    About,
}

/// What the uplink carries, in media bytes: headers are about four per cent more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The rate.
    pub capacity: BitsPerSecond,
    /// How sure that is.
    pub certainty: Certainty,
    /// When it was last confirmed.
    pub at: Instant,
}

/// What a probe brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    /// From the probe's sending to its answer's arrival.
    pub rtt: Duration,
    /// Bytes we had sent to the peer when the answer arrived, since it was connected.
    pub sent: u64,
    /// Bytes it says to have received from us by then. Believed only as far as they were sent.
    pub received: u64,
}

/// See the module. `L` names a line to a peer: a node, or, where one node is connected for several streams, node
/// and stream. Such a node has two voices in the median; it could as well have come as two nodes.
#[derive(Debug)]
pub struct Uplink<L = NodeId> {
    control: Control,
    paths: BTreeMap<L, Path>,
    sent: Stretch,
    delivered: ArrivalMeter,
    jitter: Duration,
    probe_at: Instant,
    tick_at: Instant,
    sent_at: Option<Instant>,
}

impl Uplink {
    /// What is promised to others, of what was measured.
    pub const SHARE_PERCENT: u64 = 80;
    /// Without media for so long, the uplink is not busy with us.
    const BUSY_AFTER_SEND: Duration = Duration::from_secs(2);
}

impl<L: Copy + Ord> Uplink<L> {
    /// The rate is set anew this often.
    const TICK: Duration = Duration::from_millis(100);
    /// Time between probes while media goes out: over all peers, or shorter where there are many.
    const PROBE_BUSY: Duration = Duration::from_millis(100);
    /// While we try what the limit is: a queue of our making must be seen before it is felt.
    const PROBE_TRYING: Duration = Duration::from_millis(40);
    const PROBE_BUSIEST: Duration = Duration::from_millis(25);
    /// Time between probes otherwise: the undisturbed round trip must be known before it matters.
    const PROBE_IDLE: Duration = Duration::from_secs(1);
    /// Peers that are probed though they are sent nothing: those nearby, for a second opinion.
    const WITNESSES: usize = 4;
    /// Growth of the round trip that is still calm where the path never jitters.
    const STEADY_TARGET: Duration = Duration::from_millis(5);
    const JITTERY_TARGET: Duration = Duration::from_millis(20);
    /// More than this is somebody's queue and no jitter.
    const MOST_JITTER: Duration = Duration::from_millis(15);
    /// Peers whose newest answers are the newest news.
    const NEWEST: usize = 5;
    /// The most lines watched, as many as eight streams have connections; beyond it newcomers are not.
    const MAX_PATHS: usize = 768;

    /// Knows nothing yet, and begins with half of the person's cap, which is never exceeded.
    pub fn new(cap: BitsPerSecond, now: Instant) -> Self {
        Self {
            control: Control::new(cap, now),
            paths: BTreeMap::new(),
            sent: Stretch::default(),
            delivered: ArrivalMeter::default(),
            jitter: Duration::ZERO,
            probe_at: now,
            tick_at: now,
            sent_at: None,
        }
    }

    /// What may be sent now, over all peers.
    pub fn rate(&self) -> BitsPerSecond {
        if self.paths.is_empty() {
            // Nobody is reached over the uplink.
            return self.control.cap();
        }
        self.control.rate()
    }

    /// What the uplink was found to carry.
    pub fn measured(&self) -> Option<Measured> {
        self.control.measured()
    }

    /// Whether we give way to somebody now.
    pub fn is_giving_way(&self) -> bool {
        !self.paths.is_empty() && self.control.is_giving_way()
    }

    /// What others may count on: 80 % of what was measured, and never more than the cap.
    pub fn share(&self) -> BitsPerSecond {
        let cap = self.control.cap();
        match self.measured() {
            Some(Measured { capacity, certainty: Certainty::About, .. }) => {
                BitsPerSecond(capacity.0 / 100 * Uplink::SHARE_PERCENT).min(cap)
            }
            _ => cap,
        }
    }

    /// Growth of the round trip up to which nobody is disturbed.
    fn target(&self) -> Duration {
        (Self::STEADY_TARGET + self.jitter * 2).min(Self::JITTERY_TARGET)
    }

    /// What the peers that answered last say: a few, because an answer of half a second ago is late news.
    fn latest(&self, now: Instant) -> Option<Duration> {
        let mut paths: Vec<(Instant, Duration)> =
            self.paths.values().filter_map(|path| Some((path.heard_at(now)?, path.latest(now)?))).collect();
        paths.sort_unstable();
        middle(paths.into_iter().rev().take(Self::NEWEST).map(|(_, grown)| grown))
    }

    fn is_busy(&self, now: Instant) -> bool {
        self.sent_at.is_some_and(|at| now - at < Uplink::BUSY_AFTER_SEND)
    }

    /// A peer that is reached over the uplink can be probed from now on.
    pub fn handle_connected(&mut self, line: L) {
        if self.paths.len() < Self::MAX_PATHS {
            self.paths.insert(line, Path::default());
        }
    }

    /// A peer is gone.
    pub fn handle_disconnected(&mut self, line: L) {
        self.paths.remove(&line);
    }

    /// So many bytes went out over `line` since the last time.
    pub fn handle_sent(&mut self, now: Instant, line: L, bytes: u64) {
        if bytes == 0 {
            return;
        }
        if !self.is_busy(now) {
            (self.probe_at, self.tick_at) = (self.probe_at.min(now), self.tick_at.min(now));
        }
        self.sent.add(bytes);
        self.sent_at = Some(now);
        if let Some(path) = self.paths.get_mut(&line) {
            path.note_sent(now);
        }
    }

    /// A probe was answered.
    pub fn handle_echo(&mut self, now: Instant, line: L, echo: Echo) {
        let Some(path) = self.paths.get_mut(&line) else { return };
        self.delivered.add(now, path.note_echo(now, echo));
        let is_quiet = self.sent.is_quiet(now);
        if is_quiet && let Some(grown) = path.latest(now).filter(|grown| *grown < Self::MOST_JITTER) {
            self.jitter = (self.jitter * 15 + grown) / 16;
        }
    }

    /// The time that [`Uplink::poll_timeout`] asked for has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now < self.tick_at {
            return;
        }
        self.tick_at = now + Self::TICK;
        self.sent.tick(now, self.control.rate());
        let observation = Observation {
            now,
            settled: middle(self.paths.values().filter_map(|path| path.settled(now))),
            latest: self.latest(now),
            target: self.target(),
            flow: self.sent.flow(),
            delivered: self.delivered.rate(now),
        };
        if self.control.tick(&observation) == control::PathsChanged::Yes {
            self.paths.values_mut().for_each(Path::forget_base);
        }
    }

    /// The person has chosen another cap.
    pub fn set_cap(&mut self, cap: BitsPerSecond) {
        self.control.set_cap(cap);
    }

    /// Whom to probe now. The driver reports the answer with [`Uplink::handle_echo`]; a peer is not asked
    /// again before it has answered.
    pub fn poll_probe(&mut self, now: Instant) -> Option<L> {
        if now < self.probe_at {
            return None;
        }
        let busy = self.is_busy(now);
        let (count, next) = self.next_to_probe(now, busy);
        let longest = if self.control.is_trying() { Self::PROBE_TRYING } else { Self::PROBE_BUSY };
        let interval = match (busy, u32::try_from(count)) {
            (true, Ok(count @ 1..)) => (Duration::from_secs(1) / count).clamp(Self::PROBE_BUSIEST, longest),
            _ => Self::PROBE_IDLE,
        };
        self.probe_at = now + interval;
        let line = next?;
        self.paths.get_mut(&line)?.note_asked(now);
        Some(line)
    }

    /// Of those that media goes to, and of a few nearby, whoever was asked longest ago; and how many they are.
    fn next_to_probe(&self, now: Instant, busy: bool) -> (usize, Option<L>) {
        let mut near: Vec<(Duration, L)> = self
            .paths
            .iter()
            .filter(|(_, path)| !path.is_silent(now))
            .map(|(line, path)| (path.base().unwrap_or_default(), *line))
            .collect();
        near.sort_unstable();
        near.truncate(Self::WITNESSES);
        let watched = |line: &L, path: &Path| {
            !busy || path.is_sent_to(now) || near.iter().any(|(_, near)| near == line)
        };
        let watched = self.paths.iter().filter(|(line, path)| watched(line, path));
        let count = watched.clone().count();
        let next = watched.filter(|(_, path)| path.may_be_asked()).min_by_key(|(_, path)| path.asked_at());
        (count, next.map(|(line, _)| *line))
    }

    /// When to call [`Uplink::handle_timeout`] and [`Uplink::poll_probe`] at the latest; `None` while
    /// nobody is connected.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        if self.paths.is_empty() {
            return None;
        }
        let tick = if self.is_busy(now) { self.tick_at } else { self.tick_at.max(self.probe_at) };
        Some(tick.min(self.probe_at))
    }
}

/// The median over peers, the lower one of two: neither one peer's own trouble nor one liar decides.
fn middle(delays: impl Iterator<Item = Duration>) -> Option<Duration> {
    let mut delays: Vec<Duration> = delays.collect();
    delays.sort_unstable();
    delays.get(delays.len().checked_sub(1)? / 2).copied()
}
