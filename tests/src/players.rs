//! Players as judges of what a node serves: real programs, and one that reads every byte.
//!
//! Each finds what the others miss. [`ffmpeg`] complains about damage but not about a segment swapped for
//! another; [`watch`] compares every segment's SHA-256 and every number in the playlists but decodes
//! nothing; [`vlc`] and [`browser`] are what viewers have.

pub mod browser;
pub mod ffmpeg;
pub mod vlc;
pub mod watch;

pub use browser::{Browser, HlsJsReport};
pub use vlc::{Vlc, VlcStats};
pub use watch::{Watch, Watched, sha256};
