//! What is simulated. Everything that happens follows from these values alone.

use std::time::Duration;

use streamr_model::BitsPerSecond;

use crate::dice::hash;
use crate::event::Index;
use crate::outcome::Outcome;
use crate::world::World;

/// A share of the nodes and what they offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UplinkClass {
    /// Of a hundred nodes, so many.
    pub percent: u32,
    /// The uplink each of them offers, in thousandths of the stream's rate.
    pub rate_per_mille: u32,
}

/// DESIGN.md's population: 60 % give half the stream's rate, 30 % one and a half of it, 10 % five times it.
/// Together a quarter more than they need: a load of 0.8.
pub const MIXED_UPLINKS: [UplinkClass; 3] = [
    UplinkClass { percent: 60, rate_per_mille: 500 },
    UplinkClass { percent: 30, rate_per_mille: 1_500 },
    UplinkClass { percent: 10, rate_per_mille: 5_000 },
];

/// The HTTP server with the segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Whether it answers Range requests; else a request for a part is answered with the whole.
    pub has_range: bool,
    /// What it sends to all together.
    pub uplink: BitsPerSecond,
    /// What the seed sends to all together; it stands beside the origin.
    pub seed_uplink: BitsPerSecond,
}

/// Latency, jitter and loss between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paths {
    /// The least one-way latency of a pair.
    pub latency_min: Duration,
    /// The greatest; each pair has its own, for good.
    pub latency_max: Duration,
    /// Each message takes up to this much longer.
    pub jitter: Duration,
    /// Of a thousand messages, so many are lost once: they, and what follows them, come a round trip later.
    pub loss_per_mille: u32,
    /// Of a thousand pairs of supporters, so many cannot reach each other.
    pub unreachable_per_mille: u32,
    /// What each node receives at most, in hundredths of the stream's rate; `None`: its downlink is no limit.
    pub downlink_rate_percent: Option<u32>,
}

/// A share of the nodes, or a multiple of them, that goes or comes at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flash {
    /// When, since the world's beginning.
    pub at: Duration,
    /// How many.
    pub nodes: u32,
}

/// Who comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Churn {
    /// Sessions are exponential with this mean, and whoever leaves is replaced by somebody new. Half of them
    /// say good-bye.
    pub session_mean: Option<Duration>,
    /// So many of the first nodes vanish at one moment, without a word.
    pub flash_leave: Option<Flash>,
    /// So many more come within half a second.
    pub flash_join: Option<Flash>,
}

/// A time in which nodes give way to what else their households send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strain {
    /// When it begins, since the world's beginning.
    pub from: Duration,
    /// When it is over.
    pub until: Duration,
    /// What each supporter that is here sends meanwhile, in hundredths of what it offers.
    pub percent: u32,
}

/// A run of the swarm. `Scenario { nodes: 100, ..Scenario::new(seed) }.run()`.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Chance, all of it.
    pub seed: u64,
    /// Supporters from the beginning; the origin's seed comes on top.
    pub nodes: u32,
    /// Segments published of each rendition, at most 64 together.
    pub segments: u16,
    /// Renditions, 1 to 8, all of the same length. With one, everybody plays it.
    pub renditions: u16,
    /// Of several renditions: of a hundred nodes so many play one each, by turns; the others play none.
    pub watching_percent: u32,
    /// Blocks of a segment.
    pub blocks: u16,
    /// Length of a block in bytes, 16 to 32 KiB.
    pub block_len: u32,
    /// A segment's duration and the time between two.
    pub interval: Duration,
    /// How long after its manifest arrived a segment must be whole.
    pub live_delay: Duration,
    /// What nodes offer.
    pub uplinks: Vec<UplinkClass>,
    /// What an uplink can do, in hundredths of what its node offers: 125 where it offers 80 %.
    pub uplink_percent: u32,
    /// What every uplink can do beyond that: room for the acknowledgements of what comes down.
    pub line_extra: BitsPerSecond,
    /// The origin and the seed.
    pub origin: Origin,
    /// The network.
    pub paths: Paths,
    /// Comings and goings.
    pub churn: Churn,
    /// A time of less uplink.
    pub strain: Option<Strain>,
    /// How long a vanished peer's connection seems to live.
    pub vanish_noticed: Duration,
    /// How long the coordinator still shows a node that vanished.
    pub vanish_forgotten: Duration,
    /// So many of the first nodes, the last ones, send bad blocks.
    pub polluters: u32,
    /// So many before them promise and never send a block.
    pub silent: u32,
    /// So many before those say that they hold everything and refuse every request.
    pub liars: u32,
    /// So many before those pass over one request in five, and do everything else as they should.
    pub droppers: u32,
}

impl Scenario {
    /// The most neighbours of a node.
    pub const MAX_DEGREE: usize = 64;
    /// Up to so many nodes, everybody is everybody's neighbour.
    pub const FULL_MESH: u32 = 32;
    /// Up to so many nodes, everybody is connected to the seed; beyond it, only the electors.
    pub const SEED_REACH: u32 = 48;
    /// The most electors.
    pub const ELECTORS: usize = 32;
    /// Publication begins here, when the first nodes have met.
    pub const FIRST_PUBLICATION: Duration = Duration::from_secs(2);

    /// Ten nodes of DESIGN.md's population, twelve segments of 1 MiB and 2 s, nothing bad happens.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            nodes: 10,
            segments: 12,
            renditions: 1,
            watching_percent: 100,
            blocks: 32,
            block_len: 32 * 1024,
            interval: Duration::from_secs(2),
            live_delay: Duration::from_secs(6),
            uplinks: MIXED_UPLINKS.into(),
            uplink_percent: 125,
            line_extra: BitsPerSecond(0),
            origin: Origin {
                has_range: true,
                uplink: BitsPerSecond(200_000_000),
                seed_uplink: BitsPerSecond(1_000_000_000),
            },
            paths: Paths {
                latency_min: Duration::from_millis(10),
                latency_max: Duration::from_millis(50),
                jitter: Duration::from_millis(5),
                loss_per_mille: 0,
                unreachable_per_mille: 0,
                downlink_rate_percent: None,
            },
            churn: Churn::default(),
            strain: None,
            vanish_noticed: Duration::from_secs(3),
            vanish_forgotten: Duration::from_secs(75),
            polluters: 0,
            silent: 0,
            liars: 0,
            droppers: 0,
        }
    }

    /// `nodes` nodes as in the lab of the bench `bound`: half a mebibyte every two seconds, an origin that sends two
    /// copies, and uplinks of DESIGN.md's population scaled such that N·r ÷ (u_s + Σu) is `load_per_mille`
    /// thousandths. Lines carry the heads of packets beside media, and acknowledgements.
    pub fn in_lab(seed: u64, nodes: u32, load_per_mille: u32) -> Self {
        let mut scenario = Self { nodes, block_len: 16 * 1024, uplink_percent: 107, ..Self::new(seed) };
        let rate = scenario.rate();
        let origin = rate.0 * 2;
        let offered: u64 = (1..=nodes).map(|index| scenario.offered(index).0).sum();
        let needed =
            (rate.0 * u64::from(nodes) * 1_000 / u64::from(load_per_mille.max(1))).saturating_sub(origin);
        for class in &mut scenario.uplinks {
            let scaled = u64::from(class.rate_per_mille) * needed / offered.max(1);
            class.rate_per_mille = u32::try_from(scaled).unwrap_or(u32::MAX);
        }
        scenario.line_extra = BitsPerSecond(rate.0 * 45 / 1_000);
        scenario.origin.uplink = BitsPerSecond(origin * 107 / 100);
        scenario.origin.seed_uplink = scenario.origin.uplink;
        scenario.paths.latency_min = Duration::from_micros(200);
        scenario.paths.latency_max = Duration::from_micros(300);
        scenario
    }

    /// Everybody offers the same multiple of the stream's rate, in hundredths.
    #[must_use]
    pub fn with_equal_uplinks(mut self, rate_percent: u32) -> Self {
        self.uplinks = vec![UplinkClass { percent: 100, rate_per_mille: rate_percent * 10 }];
        self
    }

    /// Plays it.
    pub fn run(&self) -> Outcome {
        World::new(self.clone()).run()
    }

    /// The length of a segment in bytes.
    pub fn segment_len(&self) -> u32 {
        u32::from(self.blocks) * self.block_len
    }

    /// The stream's rate.
    pub fn rate(&self) -> BitsPerSecond {
        let nanos = self.interval.as_nanos().max(1);
        let rate = u128::from(self.segment_len()) * 8_000_000_000 / nanos;
        BitsPerSecond(u64::try_from(rate).unwrap_or(u64::MAX))
    }

    /// Thousandths of the stream's rate as a rate.
    pub(crate) fn share_of_rate(&self, per_mille: u32) -> BitsPerSecond {
        BitsPerSecond(self.rate().0 * u64::from(per_mille) / 1_000)
    }

    /// What a node offers. Consecutive numbers fall into the classes as evenly as the golden ratio spreads them,
    /// so that ten nodes already have the shares asked for.
    pub(crate) fn offered(&self, index: Index) -> BitsPerSecond {
        let turn = index.wrapping_mul(2_654_435_769).wrapping_add(hash(3, 0, 0).to_le_bytes()[0].into());
        let mut percent = u32::try_from((u64::from(turn) * 100) >> 32).unwrap_or(0);
        let class = self.uplinks.iter().find(|class| {
            let is_in = percent < class.percent;
            percent = percent.saturating_sub(class.percent);
            is_in
        });
        self.share_of_rate(class.or(self.uplinks.last()).map_or(0, |class| class.rate_per_mille))
    }

    /// Which rendition a node plays.
    pub(crate) fn plays(&self, index: Index) -> Option<u16> {
        let turn = (u64::from(index.wrapping_mul(2_654_435_769)) * 100) >> 32;
        let is_watching = self.renditions == 1 || turn < u64::from(self.watching_percent);
        let rendition = index % u32::from(self.renditions);
        is_watching.then(|| u16::try_from(rendition).unwrap_or(0))
    }

    /// Segments of all renditions. They are numbered through: those of one moment follow each other.
    pub(crate) fn all_segments(&self) -> u16 {
        self.segments * self.renditions
    }

    /// Whether a node is on the rings of the fast: it offers twice the mean.
    pub(crate) fn is_fast(&self, index: Index) -> bool {
        self.offered(index).0 >= self.mean_uplink().0 * 2
    }

    /// The mean of what nodes offer.
    pub fn mean_uplink(&self) -> BitsPerSecond {
        let sum: u64 = self.uplinks.iter().map(|c| u64::from(c.percent) * u64::from(c.rate_per_mille)).sum();
        BitsPerSecond(self.rate().0 * sum / 100_000)
    }

    /// The time a block takes on the mean uplink: the unit in which delays are compared.
    pub fn block_time(&self) -> Duration {
        self.mean_uplink().time_for(u64::from(self.block_len))
    }

    /// When segment `number` is published.
    pub(crate) fn published_at(&self, number: u16) -> Duration {
        Self::FIRST_PUBLICATION + self.interval * u32::from(number / self.renditions)
    }

    /// When nothing is left to wait for.
    pub(crate) fn end(&self) -> Duration {
        self.published_at(self.all_segments().saturating_sub(1)) + self.live_delay + Duration::from_secs(1)
    }
}
