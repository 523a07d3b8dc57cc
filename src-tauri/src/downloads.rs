//! Files that a person saves, among their downloads.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use streamr_node::ExportedFile;
use streamr_node::view::{UiError, UiErrorCode};
use tauri::{AppHandle, Manager, async_runtime};

/// Names that are tried before giving up.
const MOST_TRIES: u32 = 100;

/// Saves `file`; where it is.
pub(crate) async fn save(app: &AppHandle, file: ExportedFile) -> Result<String, UiError> {
    let directory = app.path().download_dir().or_else(|_| app.path().home_dir());
    let directory = directory.map_err(|error| failed(Path::new("Downloads"), &error.to_string()))?;
    let written = async_runtime::spawn_blocking(move || {
        write_new(&directory, &file.name, file.content.as_bytes())
            .map_err(|error| failed(&directory, &error.to_string()))
    });
    let path = written.await.map_err(|error| failed(Path::new("Downloads"), &error.to_string()))??;
    Ok(path.display().to_string())
}

fn failed(directory: &Path, detail: &str) -> UiError {
    let message = format!(
        "The file cannot be saved in “{}”; free some space there or make the folder writable.",
        directory.display()
    );
    UiError { code: UiErrorCode::DataDirectory, message, detail: detail.to_owned() }
}

/// Writes a file under `name`, or where there is one already, under the name with a number. Nothing is overwritten.
fn write_new(directory: &Path, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "txt"));
    for attempt in 1..=MOST_TRIES {
        let name = if attempt == 1 { name.to_owned() } else { format!("{stem} ({attempt}).{extension}") };
        let path = directory.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(content)?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_there_is_overwritten() {
        let directory = std::env::temp_dir().join(format!("streamr-downloads-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let first = write_new(&directory, "hours.csv", b"one").unwrap();
        let second = write_new(&directory, "hours.csv", b"two").unwrap();
        assert_eq!(first, directory.join("hours.csv"));
        assert_eq!(second, directory.join("hours (2).csv"));
        assert_eq!(std::fs::read(first).unwrap(), b"one");
        assert_eq!(std::fs::read(second).unwrap(), b"two");
        std::fs::remove_dir_all(directory).unwrap();
    }
}
