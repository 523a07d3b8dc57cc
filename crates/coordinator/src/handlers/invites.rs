//! Invites.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod preview;
pub(crate) mod revoke;
