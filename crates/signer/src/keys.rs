//! The stream's key: 64 hex digits in a file that only its owner can read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use streamr_model::SecretKey;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("the key file {} cannot be used: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the key file {} does not hold a key: 64 lower-case hex digits", path.display())]
    NotAKey {
        /// Which file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("the key file {} can be read by others; make it readable by its owner only (chmod 600)", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness for a new key")]
    NoRandomness,
}

/// Reads the key at `path`; makes one, readable by its owner only, where there is none.
pub fn load_or_create(path: &Path) -> Result<SecretKey, KeyError> {
    match File::open(path) {
        Ok(file) => load(path, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(source) => Err(KeyError::File { path: path.into(), source }),
    }
}

/// The seed's libp2p identity, which is not the stream's key but follows from it: nothing more to keep.
pub fn seed_identity(stream_key: &SecretKey) -> SecretKey {
    SecretKey::from_seed(blake3::derive_key("streamrp2p 2026 signer identity 1", &stream_key.to_seed()))
}

fn load(path: &Path, file: File) -> Result<SecretKey, KeyError> {
    let failed = |source| KeyError::File { path: path.into(), source };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.into() });
        }
    }
    let mut text = String::new();
    // One byte more than any key, so that a longer file is noticed and not read.
    file.take(128).read_to_string(&mut text).map_err(failed)?;
    let seed = HEXLOWER.decode(text.trim().as_bytes()).ok().and_then(|seed| seed.try_into().ok());
    seed.map(SecretKey::from_seed).ok_or_else(|| KeyError::NotAKey { path: path.into() })
}

fn create(path: &Path) -> Result<SecretKey, KeyError> {
    let failed = |source| KeyError::File { path: path.into(), source };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| KeyError::NoRandomness)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    // A crash between the two leaves an empty file, which is told as such and never taken for a key.
    let mut file = options.open(path).map_err(failed)?;
    writeln!(file, "{}", HEXLOWER.encode(&seed)).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(SecretKey::from_seed(seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_from_others() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let made = load_or_create(&path).unwrap();
        assert_eq!(load_or_create(&path).unwrap().stream_key(), made.stream_key());
        assert_ne!(seed_identity(&made).stream_key(), made.stream_key());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(load_or_create(&path), Err(KeyError::Exposed { .. })));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_not_a_key_is_neither_used_nor_replaced() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(&path, "not a key").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(load_or_create(&path), Err(KeyError::NotAKey { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a key");
    }
}
