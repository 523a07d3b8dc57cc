//! `streamrp2p://` links: an invite that was clicked in a browser or a chat.

use streamr_node::view::{Command, Setup};
use tauri::{App, AppHandle, Manager, Url, async_runtime};
use tauri_plugin_deep_link::DeepLinkExt;

use crate::supporter::Supporter;
use crate::window;

/// Follows the link the app was started with, and every link opened while it runs.
pub(crate) fn follow(app: &App) -> anyhow::Result<()> {
    for link in app.deep_link().get_current()?.unwrap_or_default() {
        arrived(app.handle(), &link);
    }
    let handle = app.handle().clone();
    app.deep_link().on_open_url(move |event| {
        for link in event.urls() {
            arrived(&handle, &link);
        }
    });
    Ok(())
}

/// Joins as the person who started the app wrote it, unless a coordinator is known already.
pub(crate) fn join_at_first_run(app: &AppHandle, text: String) {
    if matches!(app.state::<Supporter>().latest().setup, Setup::NeedsCoordinator) {
        join(app, text);
    }
}

fn arrived(app: &AppHandle, link: &Url) {
    window::open(app);
    join(app, link.to_string());
}

fn join(app: &AppHandle, text: String) {
    let supporter = app.state::<Supporter>().inner().clone();
    async_runtime::spawn(async move {
        if let Err(error) = supporter.command(Command::Join { text }).await {
            tracing::warn!(error.code = ?error.code, error.detail, "{}", error.message);
        }
    });
}
