//! The app's life between window and tray. No coordinator is needed for any of it.

use std::time::Duration;

use streamr_testnet::poll::Look;
use streamr_testnet::until;

use crate::app::{self, TITLE, close_window, wait_end, wait_window};
use crate::desktop::{Desktop, Panel};
use crate::tray::Tray;

/// Two seconds to stop, and what a busy machine adds.
const QUIT_DEADLINE: Duration = Duration::from_secs(4);

#[test]
fn closing_the_window_leaves_the_app_in_the_tray_which_opens_it_again() {
    let desktop = Desktop::start(Panel::Xfce);
    let mut app = app::start(&desktop, &[]);
    let tray = Tray::appears(&desktop);
    wait_window(&desktop);

    close_window(&desktop);
    app.check_alive().unwrap();
    tray.click("Open");
    wait_window(&desktop);

    close_window(&desktop);
    tray.activate();
    wait_window(&desktop);
    app.check_alive().unwrap();
    desktop.picture("tray-opened-again");
}

#[test]
fn quit_in_the_tray_ends_the_app_cleanly() {
    let desktop = Desktop::start(Panel::Xfce);
    let mut app = app::start(&desktop, &[]);
    let tray = Tray::appears(&desktop);
    assert_eq!(tray.tooltip(), "Not set up yet");

    tray.click("Quit");
    assert!(wait_end(&mut app, QUIT_DEADLINE).success());
}

#[test]
fn a_hidden_start_shows_nothing_but_the_tray() {
    let desktop = Desktop::start(Panel::Xfce);
    let _app = app::start(&desktop, &["--hidden"]);
    let tray = Tray::appears(&desktop);
    assert!(desktop.windows(TITLE).unwrap().is_empty());

    tray.click("Open");
    wait_window(&desktop);
}

#[test]
fn a_second_start_shows_the_window_of_the_first_and_ends() {
    let desktop = Desktop::start(Panel::Xfce);
    let mut first = app::start(&desktop, &["--hidden"]);
    Tray::appears(&desktop);

    let mut second = app::start(&desktop, &[]);
    assert!(wait_end(&mut second, Duration::from_secs(10)).success());
    wait_window(&desktop);
    until("the window to have the keyboard", Duration::from_secs(10), || {
        let active = desktop.active_window()?;
        Ok(if active == TITLE { Look::Yes(()) } else { Look::NotYet(active) })
    })
    .unwrap();
    first.check_alive().unwrap();
}

#[test]
fn without_a_tray_closing_the_window_ends_the_app_cleanly() {
    let desktop = Desktop::start(Panel::None);
    let mut app = app::start(&desktop, &[]);
    wait_window(&desktop);

    close_window(&desktop);
    assert!(wait_end(&mut app, QUIT_DEADLINE).success());
}
