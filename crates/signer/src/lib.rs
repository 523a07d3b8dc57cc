//! The signer: a small process beside a live HLS origin that signs what the origin publishes.
//!
//! It reads each new segment once, hashes its blocks, signs a manifest with the stream's key, hands both
//! to the swarm as its first peer, and tells the coordinator that the stream is live. It never changes the
//! origin, and whatever the origin or the coordinator does, it goes on and says in one sentence what is
//! wrong.
//!
//! - [`config`]: flags and what they must be.
//! - [`keys`]: the stream's key in its file.
//! - [`epochs`]: epoch numbers that are never used twice.
//! - [`manifests`]: a segment and its bytes to a signed manifest.
//! - [`follow`]: the loops from the origin to the [`publish::Publisher`], one for each rendition.
//! - [`announce`]: the loop to the coordinator.
//! - [`event`]: what happens, as sentences.

pub mod announce;
pub mod config;
pub mod epochs;
pub mod event;
pub mod follow;
pub mod keys;
pub mod manifests;
pub mod publish;
pub mod run;
