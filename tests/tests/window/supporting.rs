//! The main job, as a person does it: from an invite to sharing, and through the tray.

use streamr_testnet::Network;

use crate::app::{close_window, program, wait_window};
use crate::desktop::{Desktop, Panel};
use crate::tray::Tray;
use crate::webdriver::WebDriver;

#[test]
fn an_invited_friend_shares_pauses_and_resumes_from_the_tray() {
    let mut network = Network::builder().start().unwrap();
    let desktop = Desktop::start(Panel::Xfce);
    let window = WebDriver::start(&desktop, &program());
    let tray = Tray::appears(&desktop);

    window.type_into("join-text", &network.invite().unwrap());
    window.click("join-submit");
    window.wait_for("consent-agree");
    desktop.picture("consent");
    window.click("consent-agree");
    window.click("start");
    wait_state(&window, "supporting");
    tray.wait_for("Pause", |entry| entry.label == "Pause" && entry.enabled);

    // Whoever joins now finds somebody who has the stream already.
    network.add_nodes(2).unwrap();
    let first = shared_more_than(&window, 0);
    shared_more_than(&window, first);
    desktop.picture("supporting");

    tray.click("Pause");
    wait_state(&window, "paused");
    tray.wait_for("Paused by you", |entry| entry.label == "Paused by you" && !entry.enabled);
    desktop.picture("paused");
    tray.click("Resume");
    wait_state(&window, "supporting");

    close_window(&desktop);
    tray.wait_for("Pause", |entry| entry.label == "Pause" && entry.enabled);
    tray.click("Open");
    wait_window(&desktop);
    network.check_alive().unwrap();
}

fn wait_state(window: &WebDriver, wanted: &str) {
    window.wait_attribute("state-sentence", "data-state", |state| state == wanted);
}

/// Waits until the window shows that more than `bytes` were given to peers, and returns how many.
fn shared_more_than(window: &WebDriver, bytes: u64) -> u64 {
    let parse = |text: &str| text.parse::<u64>().unwrap_or(0);
    parse(&window.wait_attribute("data-shared-now", "data-bytes", |text| parse(text) > bytes))
}
