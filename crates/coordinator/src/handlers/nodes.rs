//! Nodes.

pub(crate) mod challenge;
pub(crate) mod claim;
pub(crate) mod enrol;
pub(crate) mod impact;
pub(crate) mod release;
