//! Disputes about closed hours.

pub(crate) mod answer;
pub(crate) mod list;
pub(crate) mod make;
