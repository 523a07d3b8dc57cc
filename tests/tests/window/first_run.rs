//! The first screen a person sees.

use crate::app::program;
use crate::desktop::{Desktop, Panel};
use crate::webdriver::WebDriver;

#[test]
fn the_first_screen_asks_for_an_invite_and_explains_a_bad_one() {
    let desktop = Desktop::start(Panel::Xfce);
    let window = WebDriver::start(&desktop, &program());
    window.wait_for("join-text");
    window.picture(&desktop, "first-run");

    window.type_into("join-text", "certainly not an invite");
    window.click("join-submit");
    window.wait_attribute("error", "data-code", |code| code == "join_unreadable");
    window.picture(&desktop, "first-run-bad-invite");
}
