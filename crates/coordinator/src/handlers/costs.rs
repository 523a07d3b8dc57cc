//! What running the network costs.

pub(crate) mod set;
pub(crate) mod show;
