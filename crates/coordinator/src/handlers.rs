//! One endpoint per file: its document, its handler, its tests.

pub(crate) mod accounts;
pub(crate) mod health;
pub(crate) mod heartbeats;
pub(crate) mod invites;
pub(crate) mod nodes;
pub(crate) mod openapi;
pub(crate) mod passkeys;
pub(crate) mod sessions;
pub(crate) mod streams;
