//! Comings and goings: every node leaves after a session of exponential length, and a fresh one takes its
//! place. Half of them say good-bye, the others vanish.

use std::ops::Range;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use streamr_testnet::node::now_ms;
use streamr_testnet::{NodeSnapshot, SupporterNode};

use crate::error::Result;
use crate::judge::Judge;
use crate::swarm::Swarm;

/// How often somebody's time is looked for.
const TICK: Duration = Duration::from_millis(50);
/// A node that holds no segment this long after its page was ready answers for what it lacks.
const PATIENCE_WITH_NEWCOMERS_MS: u64 = 6_000;

/// Nodes that come and go at some of a swarm's places.
#[derive(Debug)]
pub struct Churn {
    places: Range<usize>,
    mean_session: Duration,
    dice: SmallRng,
    leaves_at: Vec<Instant>,
    ready_ms: Vec<u64>,
    heard: Vec<Session>,
    leaving: Vec<SupporterNode>,
}

/// What a node showed when it left.
#[derive(Debug)]
struct Session {
    place: usize,
    ready_ms: u64,
    left_ms: u64,
    snapshot: NodeSnapshot,
}

impl Churn {
    /// Sessions of `mean_session` at `places`; whoever is there now may be the first to go.
    pub fn new(places: Range<usize>, mean_session: Duration, seed: u64) -> Self {
        let mut churn = Self {
            leaves_at: Vec::new(),
            // They have been here for long enough to answer for everything.
            ready_ms: vec![0; places.len()],
            places,
            mean_session,
            dice: SmallRng::seed_from_u64(seed),
            heard: Vec::new(),
            leaving: Vec::new(),
        };
        churn.leaves_at = churn.places.clone().map(|_| churn.next_leave()).collect();
        churn
    }

    fn next_leave(&mut self) -> Instant {
        // The inverse of the exponential distribution; 1 − x keeps the logarithm finite.
        let sessions = -(1.0 - self.dice.random::<f64>()).ln();
        Instant::now() + self.mean_session.mul_f64(sessions)
    }

    /// Runs the swarm until `is_over`, with comings and goings. Returns how many left.
    pub fn run(&mut self, swarm: &mut Swarm, is_over: impl Fn(&Swarm) -> bool) -> Result<usize> {
        let mut left = 0;
        while !is_over(swarm) {
            swarm.let_run(TICK)?;
            let now = Instant::now();
            for at in 0..self.places.len() {
                if self.leaves_at[at] <= now {
                    self.replace(swarm, at)?;
                    left += 1;
                }
            }
            self.leaving.retain_mut(|node| node.process().exit_status().is_ok_and(|status| status.is_none()));
        }
        Ok(left)
    }

    fn replace(&mut self, swarm: &mut Swarm, at: usize) -> Result<()> {
        let place = self.places.start + at;
        if let Some(mut node) = swarm.places[place].node.take() {
            let snapshot = node.snapshot()?;
            let session = Session { place, ready_ms: self.ready_ms[at], left_ms: now_ms(), snapshot };
            self.heard.push(session);
            if self.dice.random() {
                node.process().begin_stop();
                self.leaving.push(node);
            } else {
                node.process().kill()?;
            }
        }
        swarm.fill()?;
        self.ready_ms[at] = now_ms();
        self.leaves_at[at] = self.next_leave();
        Ok(())
    }

    /// Lets `judge` hear everybody who was at `places`, each for the time it was there.
    pub fn testify(&self, swarm: &Swarm, places: Range<usize>, judge: &mut Judge) -> Result<()> {
        let live_delay_ms = u64::try_from(swarm.options().live_delay.as_millis()).unwrap_or(u64::MAX);
        for session in self.heard.iter().filter(|session| places.contains(&session.place)) {
            let answers_for = answers_for(session.ready_ms, &session.snapshot);
            // What was due after it left is not its affair.
            let until = session.left_ms.saturating_sub(live_delay_ms);
            judge.hear(session.place, &session.snapshot, answers_for..until.max(answers_for))?;
        }
        for (place, snapshot) in swarm.snapshots()?.iter().enumerate() {
            let Some(snapshot) = snapshot.as_ref().filter(|_| places.contains(&place)) else { continue };
            let ready_ms = place.checked_sub(self.places.start).and_then(|at| self.ready_ms.get(at));
            judge.hear(place, snapshot, answers_for(ready_ms.copied().unwrap_or(0), snapshot)..u64::MAX)?;
        }
        Ok(())
    }
}

/// From when on a node that was ready at `ready_ms` answers for segments: its first one, but it may not take
/// for ever to get it.
fn answers_for(ready_ms: u64, snapshot: &NodeSnapshot) -> u64 {
    let first = snapshot.live.recent.first().map(|timing| timing.published_ms);
    let latest = ready_ms + PATIENCE_WITH_NEWCOMERS_MS;
    if ready_ms == 0 { 0 } else { first.map_or(latest, |first| first.min(latest)) }
}
