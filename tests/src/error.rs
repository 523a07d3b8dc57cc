//! What can go wrong while a network is started or watched.

use std::path::PathBuf;
use std::time::Duration;

/// Result of everything in this crate.
pub type Result<T, E = TestnetError> = std::result::Result<T, E>;

/// Why a part of the network did not start or did not do what was waited for.
#[derive(Debug, thiserror::Error)]
pub enum TestnetError {
    /// A program of ours was not built.
    #[error("{name} is not built: not found in {}; run `cargo build --bins`, or set STREAMR_BIN_DIR", searched.display())]
    NotBuilt {
        /// The program.
        name: String,
        /// Where it was looked for.
        searched: PathBuf,
    },
    /// A program of the system is missing.
    #[error("{what} is missing; run `cargo xtask setup`")]
    Missing {
        /// The program or file.
        what: String,
    },
    /// A process could not be started.
    #[error("cannot start {name}: {source}")]
    Spawn {
        /// The process.
        name: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A process ended by itself.
    #[error("{name} ended early ({status}); the end of its log:\n{tail}")]
    Ended {
        /// The process.
        name: String,
        /// Its exit status.
        status: String,
        /// The last lines it wrote.
        tail: String,
    },
    /// A process is alive but did not print its ready line.
    #[error("{name} is not ready after {waited:?}; the end of its log:\n{tail}")]
    NotReady {
        /// The process.
        name: String,
        /// How long it was waited for.
        waited: Duration,
        /// The last lines it wrote.
        tail: String,
    },
    /// A process printed something else where its ready line was expected.
    #[error("{name} printed {line:?} where its ready line was expected: {why}")]
    ReadyLine {
        /// The process.
        name: String,
        /// What it printed.
        line: String,
        /// What is wrong with it.
        why: String,
    },
    /// A condition did not come true in time.
    #[error("waited {waited:?} for {what}; last seen: {last}")]
    Deadline {
        /// The condition.
        what: String,
        /// How long it was waited for.
        waited: Duration,
        /// What the last look showed.
        last: String,
    },
    /// [`crate::interrupt`] was called, by Ctrl-C as a rule.
    #[error("interrupted")]
    Interrupted,
    /// An HTTP request had no answer.
    #[error("{request}: {reason}")]
    Http {
        /// Method and URL.
        request: String,
        /// Why.
        reason: String,
    },
    /// An HTTP request was refused.
    #[error("{request}: status {status}: {body}")]
    Refused {
        /// Method and URL.
        request: String,
        /// The status code.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Puts the path into an I/O error.
pub(crate) trait WithPath<T> {
    /// The same result, its error naming `path`.
    fn at(self, path: impl Into<PathBuf>) -> Result<T>;
}

impl<T> WithPath<T> for std::io::Result<T> {
    fn at(self, path: impl Into<PathBuf>) -> Result<T> {
        self.map_err(|source| TestnetError::File { path: path.into(), source })
    }
}
