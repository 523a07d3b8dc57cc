//! How errors are worded for a person.

use std::fmt;

use crate::view::{UiError, UiErrorCode};

impl UiError {
    /// `message` says what is wrong and what to do, as one sentence; `detail` is for a bug report.
    pub fn new(code: UiErrorCode, message: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: detail.into() }
    }

    /// Not possible in the present state.
    pub(crate) fn not_now(message: &str) -> Self {
        Self::new(UiErrorCode::NotNow, message, "")
    }

    /// A fault of ours.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new(
            UiErrorCode::Internal,
            "Something went wrong inside the app; press Start to try again, and report it if it comes back.",
            detail,
        )
    }

    /// The data directory cannot be used as it should be.
    pub(crate) fn data_directory(what: &str, path: &std::path::Path, source: &std::io::Error) -> Self {
        Self::new(
            UiErrorCode::DataDirectory,
            format!(
                "{what} “{}” failed, so what happens now is forgotten when the app ends; \
                 free some space there or make the folder writable.",
                path.display()
            ),
            source.to_string(),
        )
    }
}

impl fmt::Display for UiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UiError {}
