//! One node per data directory: a lock that the system gives back when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};

use crate::data_dir::DataDir;
use crate::view::{UiError, UiErrorCode};

const FILE: &str = "lock";

/// Held as long as this lives.
#[derive(Debug)]
pub(crate) struct InstanceLock {
    /// `None` where the directory cannot hold a lock, which is told by a notice.
    _file: Option<File>,
}

/// Takes the lock, or says who has it. A directory that cannot be written gives a notice instead.
pub(crate) fn lock(dir: &DataDir) -> Result<(InstanceLock, Option<UiError>), UiError> {
    let path = dir.file(FILE);
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(error) => {
            let notice = UiError::data_directory("Writing in", dir.path(), &error);
            return Ok((InstanceLock { _file: None }, Some(notice)));
        }
    };
    match file.try_lock() {
        Ok(()) => Ok((InstanceLock { _file: Some(file) }, None)),
        Err(TryLockError::WouldBlock) => Err(UiError::new(
            UiErrorCode::AlreadyRunning,
            format!(
                "StreamrP2P Supporter is running already with “{}”; use that one, end it first, \
                 or give this one another data directory.",
                dir.path().display()
            ),
            path.display().to_string(),
        )),
        // Some network file systems know no locks.
        Err(TryLockError::Error(error)) => {
            let notice = UiError::data_directory("Locking", &path, &error);
            Ok((InstanceLock { _file: None }, Some(notice)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_node_with_the_same_directory_is_refused_until_the_first_ends() {
        let home = tempfile::tempdir().unwrap();
        let (dir, _) = DataDir::create(home.path().to_owned());
        let (first, notice) = lock(&dir).unwrap();
        assert!(notice.is_none());
        assert_eq!(lock(&dir).unwrap_err().code, UiErrorCode::AlreadyRunning);
        drop(first);
        assert!(lock(&dir).is_ok());
    }
}
