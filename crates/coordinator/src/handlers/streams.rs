//! Streams.

pub(crate) mod end_live;
pub(crate) mod go_live;
pub(crate) mod impact;
pub(crate) mod list;
pub(crate) mod members;
pub(crate) mod pool;
pub(crate) mod register;
pub(crate) mod rotate_secret;
