//! Swarms of real nodes in network namespaces with shaped uplinks, and what they are measured by.
//!
//! A [`World`] is a backbone and hosts behind [`Line`]s whose speed, delay and loss are chosen. A
//! [`swarm::Swarm`] puts an origin with its signer, a coordinator and nodes there. A [`span::Span`] measures
//! what leaves the origin's interface, and a [`judge::Judge`] what was there in time. [`bound`] and
//! [`offload`] are scenarios made of these, [`bounds`] is what theory says of them. [`yielding`] is
//! a home whose line the people of a [`household`] share.

pub mod bound;
pub mod bounds;
pub mod churn;
pub mod delay;
pub mod error;
pub mod household;
pub mod judge;
pub mod line;
pub mod offload;
pub mod origin;
pub mod span;
pub mod swarm;
mod system;
pub mod world;
pub mod yielding;

pub use error::{LabError, Result};
pub use line::{Line, Traffic};
pub use world::{LabHost, World, why_not};
