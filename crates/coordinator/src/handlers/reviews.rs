//! What is held for review.

pub(crate) mod decide;
pub(crate) mod list;
