//! Nodes.

pub(crate) mod challenge;
pub(crate) mod enrol;
pub(crate) mod hand_in_receipts;
pub(crate) mod impact;
pub(crate) mod show_receipts;
