//! The swarm without I/O: who fetches which blocks from whom by when, pacing, accounting.
//!
//! [`Swarm`] is one state machine per stream. A driver tells it what happened and when (`handle_*`), then
//! takes [`Action`]s until there are none, and calls it again no later than [`Swarm::poll_timeout`] says.
//! The core never sees a media byte: the driver verifies blocks against the manifest and keeps them.
//! Time is an argument and there is no randomness, so a run can be repeated exactly.

pub mod message;
pub mod pacer;
pub mod rendezvous;
pub mod shares;
pub mod swarm;
pub mod time;
pub mod uplink;
pub mod wire;

pub use message::{Freshness, Hello, Interest, Message, QueueTime, Role};
pub use swarm::{
    Action, Config, Counters, DropReason, FetchEnd, FetchId, Keep, Member, PeerCounters, Supplier, Swarm,
    Verdict,
};
pub use time::Instant;
