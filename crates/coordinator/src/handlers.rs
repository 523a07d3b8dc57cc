//! One endpoint per file: its document, its handler, its tests.

pub(crate) mod health;
pub(crate) mod heartbeats;
pub(crate) mod invites;
pub(crate) mod nodes;
pub(crate) mod old;
pub(crate) mod openapi;
pub(crate) mod streams;
