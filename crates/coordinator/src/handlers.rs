//! One endpoint per file: its document, its handler, its tests.

pub(crate) mod accounts;
pub(crate) mod costs;
pub(crate) mod disputes;
pub(crate) mod downtimes;
pub(crate) mod earnings;
pub(crate) mod health;
pub(crate) mod heartbeats;
pub(crate) mod invites;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod measurers;
pub(crate) mod nodes;
pub(crate) mod old;
pub(crate) mod openapi;
pub(crate) mod pages;
pub(crate) mod passkeys;
pub(crate) mod payouts;
pub(crate) mod reviews;
pub(crate) mod sessions;
pub(crate) mod streams;
pub(crate) mod supporters;
