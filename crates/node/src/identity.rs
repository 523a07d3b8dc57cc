//! The node's Ed25519 key: 64 hex digits in `identity.key`, which only its owner can read.
//!
//! Keeping it in the operating system's keyring where there is one comes later; until then the file's mode
//! (0600 in a 0700 directory) is its protection. Whoever has the file can act as this node.

use data_encoding::HEXLOWER_PERMISSIVE;
use streamr_model::SecretKey;

use crate::data_dir::{self, DataDir};
use crate::view::{UiError, UiErrorCode};

const FILE: &str = "identity.key";

/// The key, and what a person should know about how it is kept.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) key: SecretKey,
    pub(crate) notice: Option<UiError>,
}

/// Reads the key, or makes one where there is none. A key that cannot be kept lasts until the app ends.
/// A file that holds something else is an error: a new key would be a new node, and the old one's earnings
/// would be out of reach.
pub(crate) fn load_or_create(dir: &DataDir) -> Result<Identity, UiError> {
    let path = dir.file(FILE);
    let read = data_dir::read_if_present(&path).map_err(|e| damaged(&path, &e.to_string()))?;
    let Some(text) = read else {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| UiError::internal(format!("no randomness: {e}")))?;
        let kept =
            data_dir::write_whole(&path, format!("{}\n", data_encoding::HEXLOWER.encode(&seed)).as_bytes());
        let notice = kept.err().map(|e| UiError::data_directory("Keeping this node's key in", &path, &e));
        return Ok(Identity { key: SecretKey::from_seed(seed), notice });
    };
    let seed =
        HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let seed = seed.ok_or_else(|| damaged(&path, "expected 64 hex digits"))?;
    Ok(Identity { key: SecretKey::from_seed(seed), notice: privacy_notice(&path) })
}

fn privacy_notice(path: &std::path::Path) -> Option<UiError> {
    match data_dir::make_private(path) {
        Ok(false) => None,
        Ok(true) => Some(UiError::new(
            UiErrorCode::DataDirectory,
            format!(
                "Other users of this machine could read this node's key in “{}”; that was put right. \
                 If you do not trust them, stop the app, delete the file and enrol again.",
                path.display()
            ),
            "mode was wider than 0600",
        )),
        Err(error) => Some(UiError::data_directory("Making private", path, &error)),
    }
}

fn damaged(path: &std::path::Path, detail: &str) -> UiError {
    UiError::new(
        UiErrorCode::DataDirectory,
        format!(
            "“{}” does not hold this node's key; restore it from a backup, or move it away to start as a new node.",
            path.display()
        ),
        detail,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir() -> (tempfile::TempDir, DataDir) {
        let home = tempfile::tempdir().unwrap();
        let (dir, created) = DataDir::create(home.path().join("node"));
        created.unwrap();
        (home, dir)
    }

    #[test]
    fn a_node_is_the_same_node_after_a_restart() {
        let (_home, dir) = dir();
        let first = load_or_create(&dir).unwrap();
        let second = load_or_create(&dir).unwrap();
        assert_eq!(first.key.node_id(), second.key.node_id());
        assert!(first.notice.is_none() && second.notice.is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_others_could_read_is_made_private_and_told() {
        use std::os::unix::fs::PermissionsExt;
        let (_home, dir) = dir();
        let id = load_or_create(&dir).unwrap().key.node_id();
        std::fs::set_permissions(dir.file(FILE), std::fs::Permissions::from_mode(0o644)).unwrap();
        let again = load_or_create(&dir).unwrap();
        assert_eq!(again.key.node_id(), id);
        assert_eq!(again.notice.unwrap().code, UiErrorCode::DataDirectory);
        let mode = std::fs::metadata(dir.file(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let (_home, dir) = dir();
        std::fs::write(dir.file(FILE), "not hex").unwrap();
        assert_eq!(load_or_create(&dir).unwrap_err().code, UiErrorCode::DataDirectory);
        assert_eq!(std::fs::read_to_string(dir.file(FILE)).unwrap(), "not hex");
    }

    #[test]
    fn a_key_that_cannot_be_kept_serves_until_the_app_ends() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        let (dir, created) = DataDir::create(file.join("node"));
        assert!(created.is_err());
        assert_eq!(load_or_create(&dir).unwrap().notice.unwrap().code, UiErrorCode::DataDirectory);
    }
}
