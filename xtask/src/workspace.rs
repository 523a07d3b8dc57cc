//! Where things are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The checkout and its target directory.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The workspace this program was built from.
    pub(crate) fn locate() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().unwrap_or(manifest).to_path_buf();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        Self { target: root.join(target), root }
    }

    /// The checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target directory; everything we make or install ourselves lies in it too.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The UI's sources.
    pub(crate) fn ui(&self) -> PathBuf {
        self.root.join("ui")
    }

    /// Tools we installed, in its `bin`.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// Node.js, where the system's is missing or too old.
    pub(crate) fn node(&self) -> PathBuf {
        self.target.join("node")
    }

    /// `PATH` with our own tools in front.
    pub(crate) fn path(&self) -> OsString {
        let system = std::env::var_os("PATH").unwrap_or_default();
        let own = [self.tools().join("bin"), self.node().join("bin")];
        let all: Vec<PathBuf> = own.into_iter().chain(std::env::split_paths(&system)).collect();
        // Only a directory with a colon in its name cannot be joined.
        std::env::join_paths(all).unwrap_or(system)
    }

    /// A program in [`Self::path`].
    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.path()).map(|dir| dir.join(program)).find(|path| path.is_file())
    }
}
