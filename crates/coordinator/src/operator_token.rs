//! The operator token's file: made on the first start, readable by its owner only.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::secret::draw_token;

/// A shorter token could be guessed.
const MIN_LEN: usize = 32;

/// Why there is no operator token.
#[derive(Debug, thiserror::Error)]
pub enum OperatorTokenError {
    /// The file exists and cannot be read.
    #[error("the operator token file {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not exist and cannot be made.
    #[error("the operator token file {} cannot be created: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "the operator token file {} must hold one line of at least {MIN_LEN} characters; \
         remove the file and a new token is made", path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner may read the file.
    #[error("the operator token file {0} can be read by others than its owner; run: chmod 600 {0}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
}

/// The token in the file; `None` if there is no file yet.
pub fn check_operator_token(path: &Path) -> Result<Option<String>, OperatorTokenError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(OperatorTokenError::Read { path: path.to_owned(), source }),
    };
    let token = text.trim();
    if token.len() < MIN_LEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(OperatorTokenError::Unusable { path: path.to_owned() });
    }
    if is_exposed(path) {
        return Err(OperatorTokenError::Exposed { path: path.to_owned() });
    }
    Ok(Some(token.to_owned()))
}

/// The token in the file, which is made if missing.
pub fn load_or_create_operator_token(path: &Path) -> Result<String, OperatorTokenError> {
    if let Some(token) = check_operator_token(path)? {
        return Ok(token);
    }
    let token = draw_token();
    create(path, &token).map_err(|source| OperatorTokenError::Create { path: path.to_owned(), source })?;
    Ok(token)
}

/// Writes a file beside it first and renames: at no moment is there half a token.
fn create(path: &Path, token: &str) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| {
        writeln!(file, "{token}")?;
        file.sync_all()
    });
    let placed = written.and_then(|()| fs::rename(&beside, path));
    if placed.is_err() {
        // Best effort: the first error is the one worth telling.
        let _ = fs::remove_file(&beside);
    }
    placed
}

#[cfg(unix)]
fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_token_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.token");
        assert!(check_operator_token(&path).unwrap().is_none());
        let token = load_or_create_operator_token(&path).unwrap();
        assert_eq!(token.len(), 64);
        assert_eq!(load_or_create_operator_token(&path).unwrap(), token);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.token");
        load_or_create_operator_token(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = load_or_create_operator_token(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn an_empty_or_short_token_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.token");
        for bad in ["", "\n", "short", "with a space in the middle of the token"] {
            fs::write(&path, bad).unwrap();
            assert!(
                matches!(check_operator_token(&path), Err(OperatorTokenError::Unusable { .. })),
                "{bad:?}"
            );
        }
    }
}
