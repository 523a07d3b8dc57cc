//! Where the programs are.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::{Result, TestnetError};

static CHOSEN: OnceLock<PathBuf> = OnceLock::new();

/// Makes this process start our own programs from `directory`. The first choice holds.
pub fn choose_directory(directory: PathBuf) {
    CHOSEN.get_or_init(|| directory);
}

/// The directory of our own programs: the one chosen, else `STREAMR_BIN_DIR`, else the Cargo profile
/// directory this very program was built into.
pub fn directory() -> PathBuf {
    if let Some(chosen) = CHOSEN.get() {
        return chosen.clone();
    }
    if let Some(given) = std::env::var_os("STREAMR_BIN_DIR") {
        return given.into();
    }
    let exe = std::env::current_exe().unwrap_or_default();
    let parent = exe.parent().unwrap_or(Path::new("."));
    // Test programs live one level down, in `deps`.
    if parent.ends_with("deps") { parent.parent().unwrap_or(parent).into() } else { parent.into() }
}

/// One of our own programs, such as `streamr-node`.
pub fn ours(name: &str) -> Result<PathBuf> {
    let searched = directory();
    let path = searched.join(name);
    if path.is_file() { Ok(path) } else { Err(TestnetError::NotBuilt { name: name.into(), searched }) }
}

/// The desktop app: `STREAMR_APP`, else beside our other programs.
pub fn desktop_app() -> Result<PathBuf> {
    std::env::var_os("STREAMR_APP").map_or_else(|| ours("streamr-app"), |given| Ok(given.into()))
}

/// A program of the system, in `PATH` or where Debian keeps programs for root.
pub fn of_system(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|directory: PathBuf| directory.join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| TestnetError::Missing { what: name.into() })
}
