//! A node of the world: a production swarm, its lines, and what is noted about it.

use streamr_relay_core::Swarm;

use crate::links::{Line, Links};
use crate::queue::Micros;

/// How a node behaves towards others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    Honest,
    /// Promises and never sends a block.
    Silent,
    /// Sends bad blocks.
    Polluter,
    /// Says that it holds everything and refuses every request.
    Liar,
    /// Passes over one request in five.
    Dropper,
}

/// Comes, stays, goes.
#[derive(Debug)]
pub(crate) struct Node {
    /// Here from `joins` to `leaves`.
    pub(crate) swarm: Option<Box<Swarm>>,
    pub(crate) links: Links,
    pub(crate) uplink: Line,
    pub(crate) downlink: Option<Line>,
    pub(crate) offered_bps: u64,
    pub(crate) joins: Micros,
    /// As planned; `Micros::MAX`: never.
    pub(crate) leaves: Micros,
    /// When its process ended; `Micros::MAX`: it has not.
    pub(crate) gone: Micros,
    pub(crate) says_bye: bool,
    pub(crate) conduct: Conduct,
    pub(crate) wake: Wake,
    /// One bit per segment that became whole.
    pub(crate) complete: u64,
    /// The rendition that is played here.
    pub(crate) plays: Option<u16>,
    /// The number after the last segment played.
    pub(crate) plays_next: u16,
    /// Which census its view is of.
    pub(crate) view: u32,
    /// Its place among those present.
    pub(crate) place: u32,
    /// What it fetches from the origin.
    pub(crate) fetches: Vec<Fetching>,
}

/// A fetch from the origin under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fetching {
    pub(crate) fetch: u32,
    /// The block after its last one.
    pub(crate) end: u16,
}

/// One planned event per node that wants to be woken, however often it changes its mind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wake {
    /// When the event is planned.
    planned: Micros,
    /// When the swarm wants it; never before `planned`.
    wanted: Micros,
}

/// What to do about a wish to be woken.
impl Wake {
    const NEVER: Micros = Micros::MAX;

    pub(crate) fn none() -> Self {
        Self { planned: Self::NEVER, wanted: Self::NEVER }
    }

    /// The swarm wants to be woken then. Returns when to plan an event, if one is needed.
    pub(crate) fn want(&mut self, at: Option<Micros>) -> Option<Micros> {
        self.wanted = at.unwrap_or(Self::NEVER);
        if self.wanted >= self.planned {
            return None;
        }
        self.planned = self.wanted;
        Some(self.wanted)
    }

    /// A planned event happens. `Ok` if the swarm wants it now, else when to plan the next, if at all.
    pub(crate) fn ring(&mut self, now: Micros) -> Result<(), Option<Micros>> {
        if now != self.planned {
            return Err(None);
        }
        self.planned = Self::NEVER;
        if self.wanted <= now {
            return Ok(());
        }
        Err(self.want(Some(self.wanted).filter(|at| *at != Self::NEVER)))
    }
}

impl Node {
    pub(crate) fn is_here(&self) -> bool {
        self.swarm.is_some()
    }

    pub(crate) fn is_honest(&self) -> bool {
        self.conduct == Conduct::Honest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_woken_when_it_last_wanted_and_not_before() {
        let mut wake = Wake::none();
        assert_eq!(wake.want(Some(50)), Some(50));
        assert_eq!(wake.want(Some(80)), None, "the event at 50 will look again");
        assert_eq!(wake.ring(50), Err(Some(80)));
        assert_eq!(wake.want(Some(60)), Some(60));
        assert_eq!(wake.ring(60), Ok(()));
        assert_eq!(wake.want(None), None);
        assert_eq!(wake.ring(80), Err(None), "what was planned before is void");
    }
}
