//! Players as judges of what a node serves: real programs, and one that reads every byte.
//!
//! Each finds what the others miss. [`ffmpeg`] complains about damage but not about a segment swapped for
//! another; [`watch`] compares every segment's SHA-256 and every number in the playlists but decodes
//! nothing; [`vlc`] and [`browser`] are what viewers have, and [`p2p_media_loader`] what viewers who help each
//! other have today.

pub mod browser;
pub mod chromium;
pub mod ffmpeg;
pub mod p2p_media_loader;
pub mod vlc;
pub mod watch;

pub use browser::{Browser, HlsJsReport};
pub use p2p_media_loader::{PmlOptions, PmlPackage, PmlReport, PmlViewers};
pub use vlc::{Vlc, VlcStats};
pub use watch::{Watch, Watched, sha256};
