//! The app's life: what is started in which order, what closing the window means, and the end.

use anyhow::Context;
use tauri::{App, AppHandle, Manager, RunEvent, WindowEvent, async_runtime};
use tauri_plugin_window_state::StateFlags;

use crate::options::Options;
use crate::supporter::Supporter;
use crate::window::Forwarder;
use crate::{commands, link, tray, window};

/// Runs the app until it is quit. A second app of the same person hands its link to the first and ends.
pub(crate) fn run(options: Options) -> anyhow::Result<()> {
    let remembered = StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED;
    tauri::Builder::default()
        // First, so that a second instance ends before it has touched anything.
        .plugin(tauri_plugin_single_instance::init(|app, _arguments, _directory| window::open(app)))
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_window_state::Builder::default().with_state_flags(remembered).build())
        .manage(Forwarder::default())
        .invoke_handler(tauri::generate_handler![
            commands::snapshot,
            commands::command,
            commands::subscribe,
            commands::open_external,
            commands::export,
        ])
        .on_window_event(|window, event| {
            if matches!(event, WindowEvent::Destroyed) {
                window.state::<Forwarder>().stop();
            }
        })
        .setup(move |app| Ok(start(app, options)?))
        .build(tauri::generate_context!())
        .context("building the app")?
        .run(on_event);
    Ok(())
}

fn start(app: &mut App, options: Options) -> anyhow::Result<()> {
    let (node, overrides) = options.node();
    let supporter = async_runtime::block_on(Supporter::open(node, overrides));
    app.manage(supporter.clone());

    async_runtime::spawn(quit_on_signal(app.handle().clone()));
    async_runtime::spawn(tray::keep(app.handle().clone(), supporter));
    if !options.hidden {
        window::open(app.handle());
    }
    link::follow(app)?;
    if let Some(text) = options.join {
        link::join_at_first_run(app.handle(), text);
    }
    Ok(())
}

fn on_event(app: &AppHandle, event: RunEvent) {
    match event {
        // The last window was closed. With a tray icon the app lives on in it; without one nobody could
        // ever reach it again, so it ends.
        RunEvent::ExitRequested { code: None, api, .. } if tray::is_shown(app) => api.prevent_exit(),
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::open(app),
        RunEvent::Exit => async_runtime::block_on(app.state::<Supporter>().shutdown()),
        _ => {}
    }
}

/// Ends the app, cleanly, as the system or a terminal asks for it.
async fn quit_on_signal(app: AppHandle) {
    #[cfg(unix)]
    let asked = async {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::io::Result::Ok(())
    };
    #[cfg(not(unix))]
    let asked = tokio::signal::ctrl_c();

    match asked.await {
        Ok(()) => app.exit(0),
        Err(error) => tracing::warn!(%error, "cannot listen for signals"),
    }
}
