//! The world before its beginning: who will come and go, what they offer, how they behave.

use std::time::Duration;

use streamr_model::BitsPerSecond;

use super::{SEED, World};
use crate::dice::Dice;
use crate::event::{Event, Index, Parking};
use crate::ids::Names;
use crate::links::{Line, Links, Network, micros};
use crate::media::Media;
use crate::membership::{Rings, first_pairs};
use crate::node::{Conduct, Node, Wake};
use crate::outcome::Tally;
use crate::queue::{Micros, Queue};
use crate::scenario::{Churn, Flash, Scenario, Strain};

/// Nodes of one moment come within this long.
const RUSH: Duration = Duration::from_millis(500);
/// How often the coordinator looks at who is there, where that changes.
pub(super) const CENSUS_INTERVAL: Duration = Duration::from_secs(5);
/// How often a node asks it.
pub(super) const REFRESH_INTERVAL: Duration = Duration::from_secs(10);

/// When somebody comes and goes.
#[derive(Debug, Clone, Copy)]
struct Stay {
    joins: Micros,
    leaves: Micros,
    says_bye: bool,
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Self {
        assert!((1..=8).contains(&scenario.renditions), "a stream has 1 to 8 renditions");
        assert!((1..=64).contains(&scenario.all_segments()), "a run has 1 to 64 segments");
        let mut dice = Dice::new(scenario.seed);
        let names = Names::new(scenario.seed);
        let stays = stays(&scenario, &mut dice);
        let mut nodes = Vec::with_capacity(stays.len() + 1);
        nodes.push(seed_node(&scenario));
        nodes.extend(stays.iter().zip(1..).map(|(stay, index)| supporter(&scenario, index, *stay)));
        let mut world = Self {
            now: 0,
            queue: Queue::new(micros(scenario.end())),
            nodes,
            shown: Vec::new(),
            rings: Rings::new(scenario.seed),
            electors: Vec::new(),
            census: 0,
            names,
            media: Media::new(&scenario, names),
            parking: Parking::default(),
            network: Network::new(scenario.paths, scenario.seed),
            origin: Line::new(scenario.origin.uplink),
            dice,
            tally: Tally::new(&scenario),
            scenario,
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        // The coordinator knows the first nodes before they meet.
        self.electors = self.best((1..=self.scenario.nodes).collect());
        self.electors.sort_unstable();
        self.join(SEED);
        for node in 1..self.nodes.len() {
            let index = Index::try_from(node).unwrap_or(Index::MAX);
            let Node { joins, leaves, .. } = self.nodes[node];
            self.queue.push(joins, Event::Join(index));
            self.queue.push(leaves, Event::Leave(index));
        }
        self.plan_first_neighbours();
        if self.scenario.churn != Churn::default() {
            self.queue.push(micros(CENSUS_INTERVAL), Event::Census);
        }
        if let Some(Strain { from, until, percent }) = self.scenario.strain {
            self.queue.push(micros(from), Event::Uplinks(percent));
            self.queue.push(micros(until), Event::Uplinks(100));
        }
        for sequence in 0..self.scenario.all_segments() {
            self.queue.push(micros(self.scenario.published_at(sequence)), Event::Publish(sequence));
        }
    }

    /// The first nodes are shown to each other; whoever comes later asks when it comes.
    fn plan_first_neighbours(&mut self) {
        let nodes: Vec<Index> = (1..=self.scenario.nodes).collect();
        let pairs: Vec<(Index, Index)> = if self.scenario.nodes <= Scenario::FULL_MESH {
            nodes.iter().flat_map(|a| (a + 1..=self.scenario.nodes).map(|b| (*a, b))).collect()
        } else {
            let fast: Vec<Index> =
                nodes.iter().copied().filter(|index| self.scenario.is_fast(*index)).collect();
            first_pairs(self.scenario.seed, &nodes, &self.electors, &fast)
        };
        for (a, b) in pairs {
            let met = self.nodes[a as usize].joins.max(self.nodes[b as usize].joins);
            self.plan_meeting(a, b, met);
        }
    }
}

fn seed_node(scenario: &Scenario) -> Node {
    let forever = Stay { joins: 0, leaves: Micros::MAX, says_bye: false };
    node(scenario.origin.seed_uplink, scenario.origin.seed_uplink, None, forever)
}

fn supporter(scenario: &Scenario, index: Index, stay: Stay) -> Node {
    let offered = scenario.offered(index);
    let line = offered.0 * u64::from(scenario.uplink_percent) / 100;
    let line = BitsPerSecond(line + scenario.line_extra.0);
    let downlink = scenario.paths.downlink_rate_percent.map(|percent| scenario.share_of_rate(percent * 10));
    let (conduct, plays) = (conduct(scenario, index), scenario.plays(index));
    Node { conduct, plays, ..node(offered, line, downlink, stay) }
}

fn node(offered: BitsPerSecond, line: BitsPerSecond, downlink: Option<BitsPerSecond>, stay: Stay) -> Node {
    Node {
        swarm: None,
        links: Links::default(),
        uplink: Line::new(line),
        downlink: downlink.map(Line::new),
        offered_bps: offered.0,
        joins: stay.joins,
        leaves: stay.leaves,
        gone: Micros::MAX,
        says_bye: stay.says_bye,
        conduct: Conduct::Honest,
        wake: Wake::none(),
        complete: 0,
        plays: Some(0),
        plays_next: 0,
        view: 0,
        place: 0,
        fetches: Vec::new(),
    }
}

fn conduct(scenario: &Scenario, index: Index) -> Conduct {
    let Some(from_last) = scenario.nodes.checked_sub(index) else { return Conduct::Honest };
    let polluters = scenario.polluters;
    let silent = polluters + scenario.silent;
    match from_last {
        n if n < polluters => Conduct::Polluter,
        n if n < silent => Conduct::Silent,
        n if n < silent + scenario.liars => Conduct::Liar,
        n if n < silent + scenario.liars + scenario.droppers => Conduct::Dropper,
        _ => Conduct::Honest,
    }
}

/// Everybody's coming and going, the first nodes first.
fn stays(scenario: &Scenario, dice: &mut Dice) -> Vec<Stay> {
    let Churn { session_mean, flash_leave, flash_join } = scenario.churn;
    let rush = |dice: &mut Dice| u32::try_from(dice.roll(u64::from(micros(RUSH)))).unwrap_or(0);
    let mut joins: Vec<Micros> = (0..scenario.nodes).map(|_| rush(dice)).collect();
    if let Some(Flash { at, nodes }) = flash_join {
        joins.extend((0..nodes).map(|_| micros(at).saturating_add(rush(dice))));
    }
    let end = micros(scenario.end());
    let mut stays: Vec<Stay> = Vec::with_capacity(joins.len());
    for joins in joins {
        stays.push(stay(joins, session_mean, dice));
    }
    if session_mean.is_some() {
        // Whoever leaves is replaced, and so is whoever replaced it.
        let mut at = 0;
        while let Some(before) = stays.get(at).copied() {
            if before.leaves < end {
                stays.push(stay(before.leaves.saturating_add(rush(dice)), session_mean, dice));
            }
            at += 1;
        }
    }
    if let Some(Flash { at, nodes }) = flash_leave {
        for stay in stays.iter_mut().take(nodes as usize) {
            if stay.leaves > micros(at) {
                (stay.leaves, stay.says_bye) = (micros(at), false);
            }
        }
    }
    stays
}

fn stay(joins: Micros, session_mean: Option<Duration>, dice: &mut Dice) -> Stay {
    let Some(mean) = session_mean else { return Stay { joins, leaves: Micros::MAX, says_bye: false } };
    // Whoever has just come stays a little: a session of no length would be no session.
    let session = micros(dice.exponential(mean).max(RUSH));
    Stay { joins, leaves: joins.saturating_add(session), says_bye: dice.chance(500) }
}
