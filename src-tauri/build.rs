//! Tauri's build step, and the list of commands a window may be granted.

use std::fs;

fn main() {
    // `generate_context!` embeds the UI and refuses a folder that is not there; an empty one lets
    // everything but the window itself be checked and tested before the UI was built.
    let ui = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/dist");
    if let Err(error) = fs::create_dir_all(ui) {
        println!("cargo::warning=cannot create {ui}: {error}");
    }
    println!("cargo::rerun-if-changed={ui}");

    let names = &["snapshot", "command", "subscribe", "open_external", "export"];
    let commands = tauri_build::AppManifest::new().commands(names);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands)) {
        println!("cargo::error={error:#}");
    }
}
