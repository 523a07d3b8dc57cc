//! Nodes.

pub(crate) mod challenge;
pub(crate) mod claim;
pub(crate) mod enrol;
pub(crate) mod events;
pub(crate) mod hand_in_receipts;
pub(crate) mod hand_in_samples;
pub(crate) mod impact;
pub(crate) mod release;
pub(crate) mod show_checks;
pub(crate) mod show_receipts;
pub(crate) mod summary;
