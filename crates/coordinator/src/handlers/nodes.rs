//! Nodes.

pub(crate) mod challenge;
pub(crate) mod enrol;
pub(crate) mod impact;
