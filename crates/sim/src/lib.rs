//! A world for the swarm: simulated time, links, origin, people who come and go, and adversaries.
//!
//! The nodes run the production [`streamr_relay_core::Swarm`], not a model of it. A run is decided by its
//! [`Scenario`], whose only chance is one number: the same scenario gives the same [`Outcome`].

mod dice;
mod event;
mod histogram;
mod ids;
mod links;
mod media;
mod membership;
mod node;
mod outcome;
mod queue;
mod scenario;
mod world;

pub use outcome::{Delays, Outcome, Service};
pub use scenario::{Churn, Flash, MIXED_UPLINKS, Origin, Paths, Scenario, Strain, UplinkClass};
