//! The tray icon and its menu: drawn from [`TrayView`], clicked into [`streamr_node::view::Command`]s.
//!
//! Not every desktop has a tray (stock GNOME has none), and at login ours may come up before it does.

use std::time::Duration;

use tauri::image::Image;
use tauri::menu::{Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, Wry, async_runtime, include_image};

use crate::supporter::Supporter;
use crate::tray_view::{Entry, TrayIconKind, TrayView};
use crate::window;

const ID: &str = "main";
/// What the menu's entries are called in events.
const HOLD: &str = "hold";
const RUN: &str = "run";
const OPEN: &str = "open";
const QUIT: &str = "quit";

/// How often a desktop without a tray is asked whether it has one by now.
const RETRY: Duration = Duration::from_secs(5);
/// After so many refusals an app that was started hidden shows its window instead.
const PATIENCE: u32 = 6;

/// Whether there is a tray icon to come back through.
pub(crate) fn is_shown(app: &AppHandle) -> bool {
    app.tray_by_id(ID).is_some()
}

/// Shows the icon as soon as the desktop can and keeps it true for as long as the app runs.
pub(crate) async fn keep(app: AppHandle, supporter: Supporter) {
    let mut snapshots = supporter.snapshots();
    let mut view = TrayView::of(&snapshots.borrow_and_update());
    let tray = show_when_possible(&app, &view).await;
    while snapshots.changed().await.is_ok() {
        let next = TrayView::of(&snapshots.borrow_and_update());
        if next == view {
            continue;
        }
        if let Err(error) = tray.change(&view, &next) {
            tracing::warn!(%error, "cannot change the tray icon");
        }
        view = next;
    }
}

async fn show_when_possible(app: &AppHandle, view: &TrayView) -> Tray {
    let mut refusals = 0;
    loop {
        match Tray::show(app, view) {
            Ok(tray) => return tray,
            Err(error) if refusals == 0 => tracing::warn!(%error, "no tray; closing the window will quit"),
            Err(_) if refusals == PATIENCE && app.webview_windows().is_empty() => window::open(app),
            Err(_) => {}
        }
        refusals += 1;
        tokio::time::sleep(RETRY).await;
    }
}

/// The icon and the entries that change.
struct Tray {
    icon: TrayIcon,
    line: MenuItem<Wry>,
    hold: MenuItem<Wry>,
    run: MenuItem<Wry>,
}

impl Tray {
    fn show(app: &AppHandle, view: &TrayView) -> tauri::Result<Self> {
        let line = MenuItem::new(app, literal(&view.line), false, None::<&str>)?;
        let hold = item(app, HOLD, &view.hold)?;
        let run = item(app, RUN, &view.run)?;
        let menu = Menu::with_items(
            app,
            &[
                &line,
                &PredefinedMenuItem::separator(app)?,
                &hold,
                &run,
                &PredefinedMenuItem::separator(app)?,
                &MenuItem::with_id(app, OPEN, "Open", true, None::<&str>)?,
                &MenuItem::with_id(app, QUIT, "Quit", true, None::<&str>)?,
            ],
        )?;
        let builder = TrayIconBuilder::with_id(ID)
            .icon(image(view.icon))
            .tooltip(&view.tooltip)
            .menu(&menu)
            .show_menu_on_left_click(false)
            .on_menu_event(|app, event| clicked(app, event.id().as_ref()))
            .on_tray_icon_event(|tray, event| {
                if let TrayIconEvent::Click {
                    button: MouseButton::Left,
                    button_state: MouseButtonState::Up,
                    ..
                } = event
                {
                    window::open(tray.app_handle());
                }
            });
        // On macOS a title would stand in the menu bar; elsewhere it is the icon's name.
        #[cfg(not(target_os = "macos"))]
        let builder = builder.title("StreamrP2P Supporter");
        Ok(Self { icon: builder.build(app)?, line, hold, run })
    }

    /// Touches only what differs: each change is a message to the desktop.
    fn change(&self, from: &TrayView, to: &TrayView) -> tauri::Result<()> {
        if from.icon != to.icon {
            self.icon.set_icon(Some(image(to.icon)))?;
        }
        if from.tooltip != to.tooltip {
            self.icon.set_tooltip(Some(&to.tooltip))?;
        }
        if from.line != to.line {
            self.line.set_text(literal(&to.line))?;
        }
        for (item, from, to) in [(&self.hold, &from.hold, &to.hold), (&self.run, &from.run, &to.run)] {
            if from != to {
                item.set_text(to.text)?;
                item.set_enabled(to.command.is_some())?;
            }
        }
        Ok(())
    }
}

fn item(app: &AppHandle, id: &str, entry: &Entry) -> tauri::Result<MenuItem<Wry>> {
    MenuItem::with_id(app, id, entry.text, entry.command.is_some(), None::<&str>)
}

/// In a menu `&` marks the next letter as a shortcut; in a streamer's name it is an `&`.
fn literal(text: &str) -> String {
    text.replace('&', "&&")
}

fn image(kind: TrayIconKind) -> Image<'static> {
    match kind {
        TrayIconKind::Stopped => include_image!("../icons/tray/stopped.png"),
        TrayIconKind::Starting => include_image!("../icons/tray/starting.png"),
        TrayIconKind::Supporting => include_image!("../icons/tray/supporting.png"),
        TrayIconKind::Paused => include_image!("../icons/tray/paused.png"),
        TrayIconKind::Faulted => include_image!("../icons/tray/faulted.png"),
    }
}

fn clicked(app: &AppHandle, entry: &str) {
    match entry {
        OPEN => window::open(app),
        QUIT => app.exit(0),
        HOLD => send(app, |view| view.hold),
        RUN => send(app, |view| view.run),
        _ => {}
    }
}

/// Does what the entry stands for now, which is what it said when it was clicked or kinder.
fn send(app: &AppHandle, entry: fn(TrayView) -> Entry) {
    let supporter = app.state::<Supporter>().inner().clone();
    let Some(command) = entry(TrayView::of(&supporter.latest())).command else { return };
    async_runtime::spawn(async move {
        if let Err(error) = supporter.command(command).await {
            tracing::warn!(error.code = ?error.code, error.detail, "{}", error.message);
        }
    });
}
