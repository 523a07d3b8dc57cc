//! The data directory: files that are written whole or not at all, and that only their owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where a node keeps what must last.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Names the directory and creates it, for its owner only, where it is missing. An error leaves the node
    /// without a place to write to; it can go on all the same.
    pub(crate) fn create(path: PathBuf) -> (Self, io::Result<()>) {
        let created = create_private_dir(&path);
        (Self(path), created)
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

#[cfg(unix)]
fn create_private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Replaces `path` by `bytes`, readable by its owner only. After a power cut or `kill -9` at any moment the
/// file holds either what it held before or `bytes`, never a part; a temporary file left behind is ignored
/// and overwritten the next time.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary_of(path);
    let mut file = open_private(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    sync_parent(path)
}

/// What the file holds; `None` where there is none.
pub(crate) fn read_if_present(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Moves a file that cannot be read out of the way, so that it is not overwritten. Gives its new place.
pub(crate) fn keep_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = (1..100)
        .map(|n| path.with_added_extension(format!("unreadable-{n}")))
        .find(|aside| !aside.exists())
        .ok_or_else(|| io::Error::other("there are a hundred unreadable ones already"))?;
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn temporary_of(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

#[cfg(unix)]
fn open_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // A file left behind keeps the mode it had.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

#[cfg(not(unix))]
fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}

#[cfg(unix)]
fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(not(unix))]
fn sync_parent(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Takes every right of others away from a secret file. True if there was any.
#[cfg(unix)]
pub(crate) fn make_private(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let open_to_others = fs::metadata(path)?.permissions().mode() & 0o077 != 0;
    if open_to_others {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(open_to_others)
}

/// Elsewhere the user's profile is private already.
#[cfg(not(unix))]
pub(crate) fn make_private(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_temporary_file_is_ignored_and_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        write_whole(&path, b"whole").unwrap();
        fs::write(temporary_of(&path), b"tru").unwrap();
        assert_eq!(read_if_present(&path).unwrap().as_deref(), Some("whole"));
        write_whole(&path, b"newer").unwrap();
        assert_eq!(read_if_present(&path).unwrap().as_deref(), Some("newer"));
        assert!(!temporary_of(&path).exists());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_written_only_its_owner_can_read() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let (dir, created) = DataDir::create(home.path().join("a/b"));
        created.unwrap();
        let path = dir.file("secret");
        fs::write(temporary_of(&path), b"").unwrap();
        fs::set_permissions(temporary_of(&path), fs::Permissions::from_mode(0o644)).unwrap();
        write_whole(&path, b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(dir.path())), (0o600, 0o700));
    }

    #[test]
    fn an_unreadable_file_is_kept_aside_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.toml");
        for n in ["one", "two"] {
            fs::write(&path, n).unwrap();
            let aside = keep_aside(&path).unwrap();
            assert_eq!(fs::read_to_string(aside).unwrap(), n);
            assert!(!path.exists());
        }
    }
}
