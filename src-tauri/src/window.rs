//! The one window: built when somebody wants to see it, destroyed when it is closed.
//!
//! A destroyed window takes its web process with it, which is most of the app's memory.

use std::sync::{Arc, Mutex, PoisonError};

use streamr_node::view::Snapshot;
use tauri::async_runtime::{self, JoinHandle};
use tauri::ipc::Channel;
use tauri::webview::PageLoadEvent;
use tauri::{AppHandle, Manager, Url, WebviewWindow, WebviewWindowBuilder};
use tokio::sync::watch;

/// Its label in `tauri.conf.json` and in the capability that grants it the commands.
pub(crate) const MAIN: &str = "main";

/// Shows the window and gives it the keyboard; builds it first where there is none.
pub(crate) fn open(app: &AppHandle) {
    let app = app.clone();
    // Building inside a menu or tray event would deadlock on Windows.
    async_runtime::spawn(async move {
        let opened = match app.get_webview_window(MAIN) {
            Some(window) => present(&window),
            None => build(&app).map(drop),
        };
        if let Err(error) = opened {
            tracing::error!(%error, "cannot open the window");
        }
    });
}

fn build(app: &AppHandle) -> tauri::Result<WebviewWindow> {
    let config = app
        .config()
        .app
        .windows
        .iter()
        .find(|window| window.label == MAIN)
        .ok_or(tauri::Error::WindowNotFound)?;
    WebviewWindowBuilder::from_config(app, config)?
        .initialization_script(include_str!("language.js"))
        .on_navigation(is_own)
        // Shown once there is something to see, so that no empty window flashes up first.
        .visible(false)
        .on_page_load(|window, page| {
            if page.event() == PageLoadEvent::Finished
                && let Err(error) = present(&window)
            {
                tracing::error!(%error, "cannot show the window");
            }
        })
        .build()
}

fn present(window: &WebviewWindow) -> tauri::Result<()> {
    window.show()?;
    window.unminimize()?;
    window.set_focus()
}

/// Whether an address is of the UI that was built into the app. The window goes nowhere else.
fn is_own(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        // Windows has no custom schemes of its own; Tauri serves the same files under this name.
        "http" | "https" => cfg!(windows) && url.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}

/// The task that sends snapshots to the window. At most one runs.
#[derive(Debug, Default)]
pub(crate) struct Forwarder(Mutex<Option<JoinHandle<()>>>);

impl Forwarder {
    /// Forwards to `channel` from now on, and no longer to the one before.
    pub(crate) fn start(&self, snapshots: watch::Receiver<Arc<Snapshot>>, channel: Channel<Snapshot>) {
        self.replace(Some(async_runtime::spawn(forward(snapshots, channel))));
    }

    /// Forwards no longer.
    pub(crate) fn stop(&self) {
        self.replace(None);
    }

    fn replace(&self, task: Option<JoinHandle<()>>) {
        let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), task);
        if let Some(before) = before {
            before.abort();
        }
    }
}

async fn forward(mut snapshots: watch::Receiver<Arc<Snapshot>>, channel: Channel<Snapshot>) {
    loop {
        let snapshot = Snapshot::clone(&snapshots.borrow_and_update());
        if channel.send(snapshot).is_err() || snapshots.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(url: &str) -> bool {
        is_own(&url.parse().unwrap())
    }

    #[test]
    fn the_window_shows_only_what_was_built_into_the_app() {
        assert!(allowed("tauri://localhost/"));
        assert!(allowed("tauri://localhost/index.html#settings"));
        assert_eq!(allowed("http://tauri.localhost/"), cfg!(windows));
        for other in [
            "https://example.org/",
            "http://127.0.0.1:8080/",
            "http://localhost/",
            "tauri://example.org/",
            "file:///etc/passwd",
            "data:text/html,<p>hello",
            "about:blank",
        ] {
            assert!(!allowed(other), "{other}");
        }
    }
}
