//! The real window on a real (virtual) display: clicked by WebDriver inside, by X outside, and by D-Bus in the
//! tray's menu. Each test has a desktop of its own. `STREAMR_PICTURES=DIR` keeps pictures of what was seen.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod app;
mod desktop;
mod first_run;
mod supporting;
mod tray;
mod tray_life;
mod webdriver;
