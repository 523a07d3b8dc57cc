//! The endpoints of June 2025, one per file. See [`crate::old_surface`] for what they promise.

pub(crate) mod body;
pub(crate) mod dashboard;
pub(crate) mod document;
pub(crate) mod earnings;
pub(crate) mod end_stream;
pub(crate) mod forget_node;
pub(crate) mod health;
pub(crate) mod heartbeat;
pub(crate) mod leaderboard;
pub(crate) mod list_streams;
pub(crate) mod payouts;
pub(crate) mod refused;
pub(crate) mod register_stream;
pub(crate) mod root;

#[cfg(test)]
mod a_day;
#[cfg(test)]
mod testing;
