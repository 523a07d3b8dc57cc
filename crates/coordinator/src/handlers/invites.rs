//! Invites.

pub(crate) mod create;
pub(crate) mod preview;
