//! The old surface: what the coordinator of June 2025 answered, so that its nodes go on working.
//!
//! Nobody signed anything there, so nothing said here is proof of anything. What holds all the same:
//! - A node's first `stats_url` is kept; heartbeats that name another are answered and count for nothing.
//! - What is earned is *unverified* and comes from the balance the operator set aside for a stream, never from
//!   the pools of [`crate::rewards`]. Without polling ([`crate::polling`]) nothing is earned at all.
//! - Only the coordinator's clock counts. Only polls raise or clear a flag, never a heartbeat.
//!
//! What decides is pure and stands here; [`hearing`] and [`closing`] are what a heartbeat and the end of an
//! hour do in one transaction. The endpoints are in `handlers/old`.

pub(crate) mod closing;
mod config;
pub mod fields;
pub(crate) mod hearing;
pub mod heartbeat;
pub mod names;
pub mod pay;
pub mod query;
pub(crate) mod registering;
pub mod registration;
pub mod standing;
pub mod stats_url;

use streamr_model::UnixMs;

pub use config::{OldSurface, Registration};

/// A node is active for a stream for so long after a heartbeat. How long it was in June 2025 is not known;
/// this is four of its heartbeats.
pub const ACTIVE_MS: u64 = 4 * streamr_coordinator_api::old::HEARTBEAT_INTERVAL_S * 1000;

/// A node must have been heard of after this to be active at `now`.
pub(crate) fn active_after(now: UnixMs) -> UnixMs {
    UnixMs(now.0.saturating_sub(ACTIVE_MS))
}
