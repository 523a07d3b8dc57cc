//! The first screen a person sees.

use std::time::Duration;

use streamr_testnet::{Coordinator, Registration};

use crate::app::{self, program};
use crate::desktop::{Desktop, Panel};
use crate::webdriver::WebDriver;

#[test]
fn the_first_screen_asks_for_an_invite_and_explains_a_bad_one() {
    let desktop = Desktop::start(Panel::Xfce);
    let window = WebDriver::start(&desktop, &program());
    window.wait_for("join-text");
    desktop.picture("first-run");

    window.type_into("join-text", "certainly not an invite");
    window.click("join-submit");
    window.wait_attribute("error", "data-code", |code| code == "join_unreadable");
    desktop.picture("first-run-bad-invite");
}

#[test]
fn a_link_opened_elsewhere_arrives_in_the_app_that_runs() {
    let desktop = Desktop::start(Panel::Xfce);
    let coordinator = Coordinator::start(&desktop.directory().join("coordinator")).unwrap();
    let registration = Registration {
        stream: "alice",
        origin: "http://127.0.0.1:1/alice.m3u8",
        key: Some(&"0f".repeat(32)),
    };
    let secret = coordinator.register(&registration).unwrap();
    let link = coordinator.invite("alice", &secret).unwrap();
    let window = WebDriver::start(&desktop, &program());
    window.wait_for("join-text");

    let mut browsers_start = app::start(&desktop, &[&link]);
    assert!(app::wait_end(&mut browsers_start, Duration::from_secs(10)).success());
    window.wait_for("consent-agree");
    desktop.picture("link-arrived");
}
