//! What can go wrong in a lab.

use std::path::PathBuf;

use streamr_testnet::TestnetError;

/// Result of everything in this crate.
pub type Result<T, E = LabError> = std::result::Result<T, E>;

/// Why a lab could not be made or did not do what was waited for.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A part of the network inside.
    #[error(transparent)]
    Testnet(#[from] TestnetError),
    /// `ip` or `tc` refused.
    #[error("{command}: {reason}")]
    Command {
        /// What was asked of it.
        command: String,
        /// What it said.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// An interface does not appear in its namespace's list.
    #[error("{namespace} has no interface {interface}")]
    NoInterface {
        /// Where.
        namespace: String,
        /// Which.
        interface: String,
    },
    /// A link with delay could not be made.
    #[error("a delaying link cannot be made: {0}")]
    Delay(std::io::Error),
    /// More hosts than addresses.
    #[error("a world holds at most {most} hosts")]
    Full {
        /// How many.
        most: u32,
    },
    /// The signer published other segments than the origin did.
    #[error("the nodes speak of a segment published at {published_ms} ms, when the origin published none")]
    StrangeSegment {
        /// When, in Unix milliseconds.
        published_ms: u64,
    },
}
