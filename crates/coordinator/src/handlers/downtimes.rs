//! Downtime that nodes declare.

pub(crate) mod declare;
pub(crate) mod withdraw;
