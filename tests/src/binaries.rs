//! Where the programs are.

use std::path::{Path, PathBuf};

use crate::error::{Result, TestnetError};

/// The directory of our own programs: `STREAMR_BIN_DIR`, else the Cargo profile directory this very
/// program was built into.
pub fn directory() -> PathBuf {
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

/// The desktop app as Tauri built it: `STREAMR_APP`, else `app/streamr-app` beside the profile directories.
///
/// It is kept apart because Cargo, building the workspace, puts there a variant that looks for the UI's
/// development server.
pub fn desktop_app() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("STREAMR_APP") {
        return Ok(given.into());
    }
    let searched = directory().parent().unwrap_or(Path::new(".")).join("app");
    let path = searched.join("streamr-app");
    if path.is_file() {
        Ok(path)
    } else {
        Err(TestnetError::NotBuilt { name: "streamr-app".into(), searched })
    }
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
