//! The desktop app on a test's desktop.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use streamr_testnet::poll::Look;
use streamr_testnet::process::{Managed, Stdout};
use streamr_testnet::{binaries, until};

use crate::desktop::Desktop;

pub(crate) const TITLE: &str = "StreamrP2P Supporter";
const DEADLINE: Duration = Duration::from_secs(20);

/// The program under test.
pub(crate) fn program() -> PathBuf {
    binaries::desktop_app().or_else(|_| binaries::ours("streamr-app")).unwrap()
}

/// The app, started as a desktop starts it, without WebDriver.
pub(crate) fn start(desktop: &Desktop, arguments: &[&str]) -> Managed {
    let mut command = desktop.command(&program());
    command.args(arguments);
    Managed::start("streamr-app", command, &desktop.directory().join("app.log"), Stdout::Log).unwrap()
}

/// Waits until the app shows a window.
pub(crate) fn wait_window(desktop: &Desktop) {
    until("the window", DEADLINE, || {
        let windows = desktop.windows(TITLE)?;
        Ok(if windows.is_empty() { Look::NotYet("no window".into()) } else { Look::Yes(()) })
    })
    .unwrap();
}

/// Closes the window as a person does, and waits until it is gone.
pub(crate) fn close_window(desktop: &Desktop) {
    let window = desktop.windows(TITLE).unwrap().remove(0);
    desktop.output("xdotool", &["windowactivate", "--sync", &window, "key", "alt+F4"]).unwrap();
    until("the window to be gone", DEADLINE, || {
        let windows = desktop.windows(TITLE)?;
        Ok(if windows.is_empty() { Look::Yes(()) } else { Look::NotYet(windows.join(" ")) })
    })
    .unwrap();
}

/// Waits until the app has ended.
pub(crate) fn wait_end(app: &mut Managed, deadline: Duration) -> ExitStatus {
    until("the app to end", deadline, || {
        Ok(app.exit_status()?.map_or(Look::NotYet("it runs".into()), Look::Yes))
    })
    .unwrap()
}
