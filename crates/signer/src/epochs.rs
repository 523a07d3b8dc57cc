//! Epoch numbers that are never used twice, not even after `kill -9` or a clock that went back.
//!
//! An epoch is the Unix time of its start in milliseconds, or one more than the last one where the clock
//! does not say more. The last one stands in a file beside the key and is replaced by renaming, so it is
//! always whole. Every start of the signer begins a new epoch; so the numbers within an epoch need no file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use streamr_model::{StreamEpoch, UnixMs};

/// Why epochs cannot be counted.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// A file cannot be read or written.
    #[error("the file {} cannot be used: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the file {} should hold the last epoch's number and does not; put it right or, if the clock is right, delete it", path.display())]
    NotANumber {
        /// Which file.
        path: PathBuf,
    },
    /// Another signer uses the same key.
    #[error("another signer is running with this key (its lock is {})", path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
}

/// Gives out epochs, to one signer at a time.
#[derive(Debug)]
pub struct Epochs {
    path: PathBuf,
    last: u64,
    /// Held, and so locked, as long as this lives.
    _lock: File,
}

impl Epochs {
    /// Opens the file that belongs to the key at `key_file`, and locks it.
    pub fn open(key_file: &Path) -> Result<Self, EpochError> {
        let lock_path = beside(key_file, "lock");
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| EpochError::File { path, source }
        };
        let lock =
            OpenOptions::new().create(true).append(true).open(&lock_path).map_err(failed(&lock_path))?;
        lock.try_lock().map_err(|_| EpochError::InUse { path: lock_path })?;
        let path = beside(key_file, "epoch");
        let last = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|_| EpochError::NotANumber { path: path.clone() })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(failed(&path)(error)),
        };
        Ok(Self { path, last, _lock: lock })
    }

    /// A new epoch that begins `now`, larger than all before, and whether it could be written down.
    pub fn begin(&mut self, now: UnixMs) -> (StreamEpoch, Result<(), EpochError>) {
        self.last = now.0.max(self.last.saturating_add(1));
        let kept = self.keep().map_err(|source| EpochError::File { path: self.path.clone(), source });
        (StreamEpoch(self.last), kept)
    }

    fn keep(&self) -> io::Result<()> {
        let new = self.path.with_extension("epoch-new");
        let mut file = File::create(&new)?;
        writeln!(file, "{}", self.last)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        // So that the rename lasts, too. Not possible everywhere, and then the system orders it itself.
        if let Some(directory) = self.path.parent().and_then(|parent| File::open(parent).ok()) {
            let _ = directory.sync_all();
        }
        Ok(())
    }
}

/// `key_file` with `.extension` after its whole name.
fn beside(key_file: &Path, extension: &str) -> PathBuf {
    let mut name = key_file.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_never_used_twice_though_the_clock_goes_back() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        let mut epochs = Epochs::open(&key).unwrap();
        assert_eq!(epochs.begin(UnixMs(1000)).0, StreamEpoch(1000));
        assert_eq!(epochs.begin(UnixMs(1000)).0, StreamEpoch(1001));
        drop(epochs);
        let mut restarted = Epochs::open(&key).unwrap();
        assert_eq!(restarted.begin(UnixMs(5)).0, StreamEpoch(1002));
        assert_eq!(restarted.begin(UnixMs(9000)).0, StreamEpoch(9000));
    }

    #[test]
    fn a_half_written_successor_does_no_harm() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        Epochs::open(&key).unwrap().begin(UnixMs(77)).1.unwrap();
        fs::write(directory.path().join("key.epoch-new"), "9").unwrap();
        assert_eq!(Epochs::open(&key).unwrap().begin(UnixMs(0)).0, StreamEpoch(78));
    }

    #[test]
    fn two_signers_do_not_share_a_key() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        let first = Epochs::open(&key).unwrap();
        assert!(matches!(Epochs::open(&key), Err(EpochError::InUse { .. })));
        drop(first);
        assert!(Epochs::open(&key).is_ok());
    }

    #[test]
    fn a_file_that_holds_no_number_is_not_guessed_at() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("key.epoch"), "soon").unwrap();
        assert!(matches!(Epochs::open(&directory.path().join("key")), Err(EpochError::NotANumber { .. })));
    }
}
