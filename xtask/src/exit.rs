//! How commands end: errors that have an exit code of their own.

use std::process::ExitCode;

use streamr_testnet::TestnetError;

/// A failure that is more than a failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// Something is missing and this user may not install it (`EX_UNAVAILABLE`).
    #[error("{0}")]
    Unavailable(String),
    /// Not now; later perhaps (`EX_TEMPFAIL`).
    #[error("{0}")]
    TryLater(String),
    /// Steps failed and have already said so.
    #[error("{0}")]
    Told(String),
}

/// Wrong arguments (`EX_USAGE`).
pub(crate) fn usage() -> ExitCode {
    ExitCode::from(64)
}

/// Prints an error and says with which code to end.
pub(crate) fn code(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if matches!(error.downcast_ref(), Some(TestnetError::Interrupted)) {
        eprintln!("interrupted");
        return ExitCode::from(130);
    }
    eprintln!("error: {error:#}");
    match error.downcast_ref() {
        Some(Stop::Unavailable(_)) => ExitCode::from(69),
        Some(Stop::TryLater(_)) => ExitCode::from(75),
        Some(Stop::Told(_)) | None => ExitCode::FAILURE,
    }
}
