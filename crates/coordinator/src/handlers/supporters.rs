//! Supporters as others see them, and what streamers say to them.

pub(crate) mod hide_name;
pub(crate) mod leaderboard;
pub(crate) mod list;
pub(crate) mod show_name;
pub(crate) mod thank;
