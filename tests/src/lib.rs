//! Complete real networks on the loopback interface: for `cargo xtask run`, the benches and the tests.
//!
//! Everything started here is the real thing (nginx with its RTMP module, ffmpeg, our own binaries), lives
//! under one temporary directory, and is gone when its handle is dropped, also after a panic, after
//! [`interrupt`], and when this process is killed. Nothing here waits by sleeping for a guessed time:
//! every wait polls a condition and has a deadline, and says what it waited for when that passes.

pub mod binaries;
pub mod coordinator;
pub mod error;
pub mod fault_network;
pub mod fault_origin;
pub mod http;
pub mod http_server;
pub mod namespace;
pub mod network;
pub mod node;
pub mod origin_nginx;
pub mod playback;
pub mod player;
pub mod players;
pub mod poll;
pub mod ports;
pub mod process;
pub mod publisher;
pub mod signed_network;
pub mod signer;
pub mod summary;
mod supervisor;
pub mod variant_network;
pub mod variant_origin;

pub use coordinator::{Coordinator, Registration};
pub use error::{Result, TestnetError};
pub use namespace::{Host, Namespace};
pub use network::{Network, NetworkBuilder};
pub use node::{NodeOptions, NodeSnapshot, SupporterNode};
pub use origin_nginx::{OriginNginx, OriginOptions};
pub use playback::{PlaybackReport, check_playback};
pub use player::VirtualPlayer;
pub use poll::{interrupt, until};
pub use process::Managed;
pub use publisher::{Publisher, PublisherOptions};
pub use signer::Signer;
pub use summary::{Summary, SummaryCollector};
