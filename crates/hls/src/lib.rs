//! Playlists and values: guarded reading, following an origin, and the live window a node serves.
//!
//! - [`playlist`]: what a playlist says, as values. [`Playlist::read`] takes any bytes at all, in bounded
//!   time and memory, and never panics.
//! - [`guard`]: the only road to the `hls_m3u8` parser.
//! - [`origin_tracker`]: successive reads of an origin in, each new segment exactly once out.
//! - [`multivariant`]: which variants can be carried, and the choice that local players are given.
//! - [`live_playlist`]: complete segments in, the media playlist for local players out.
//!
//! The crate is pure: no I/O, no clock, no randomness. Words are those of RFC 8216.

pub mod attributes;
pub mod guard;
pub mod live_playlist;
pub mod multivariant;
pub mod origin_tracker;
pub mod playlist;
mod read;
mod time;

pub use guard::{BadLine, ReadError};
pub use live_playlist::{LivePlaylist, LiveSegment, LiveWindow, PushError, SegmentId};
pub use multivariant::{Renditions, Variant};
pub use origin_tracker::{
    Cadence, EpochReason, OriginState, OriginTracker, ReadFailure, TrackedSegment, TrackerConfig, Update,
    VariantChoice,
};
pub use playlist::{ByteRange, Key, Map, MediaPlaylist, MediaSegment, Playlist};
