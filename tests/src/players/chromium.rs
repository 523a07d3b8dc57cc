//! Windows of headless Chromium, driven over WebDriver.

use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries::of_system;
use crate::error::{Result, TestnetError, WithPath};
use crate::poll::{Look, until};
use crate::ports;
use crate::process::{Managed, Stdout, command};

/// Without the first of these Chromium asks for many addresses outside this machine, and waits for them.
const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    // WebRTC between windows of one machine: plain addresses instead of mDNS names that nobody resolves,
    // and the loopback interface where there is no other.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
];

/// chromedriver, which opens windows.
#[derive(Debug)]
pub struct Chromedriver {
    process: Managed,
    url: String,
    files: TempDir,
}

impl Chromedriver {
    /// Starts it.
    pub fn start() -> Result<Self> {
        let files = tempfile::tempdir().at(std::env::temp_dir())?;
        let (process, url) = start_driver(&files.path().join("chromedriver.log"))?;
        Ok(Self { process, url, files })
    }

    /// Opens `address` in a Chromium of its own.
    pub fn open(&self, address: &str) -> Result<Window> {
        Window::open(&self.url, self.files.path(), address)
    }

    /// Opens `address` in `count` Chromiums, so that no page is hidden behind another, side by side: each
    /// takes seconds to start.
    pub fn open_several(&self, address: &str, count: usize) -> Result<Vec<Window>> {
        let (url, files) = (&*self.url, self.files.path());
        std::thread::scope(|scope| {
            let opening: Vec<_> =
                (0..count).map(|_| scope.spawn(|| Window::open(url, files, address))).collect();
            let opened = opening.into_iter().map(|thread| match thread.join() {
                Ok(window) => window,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            // All are waited for before the first failure is told, so that none is left open.
            opened.collect::<Vec<_>>().into_iter().collect()
        })
    }

    /// The process.
    pub fn process(&mut self) -> &mut Managed {
        &mut self.process
    }
}

/// A window with one page. To be dropped before its [`Chromedriver`].
#[derive(Debug)]
pub struct Window {
    session_url: String,
    _profile: TempDir,
}

impl Window {
    fn open(driver: &str, files: &Path, address: &str) -> Result<Self> {
        let profile = tempfile::tempdir_in(files).at(files)?;
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let options = json!({ "binary": of_system("chromium")?, "args": flags });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let session = call(&format!("{driver}/session"), &wanted)?;
        let id = session["sessionId"].as_str().unwrap_or_default();
        let window = Self { session_url: format!("{driver}/session/{id}"), _profile: profile };
        call(&format!("{}/url", window.session_url), &json!({ "url": address }))?;
        Ok(window)
    }

    /// What the page's `window.report()` returns now.
    pub fn report<T: DeserializeOwned>(&self) -> Result<T> {
        let script = json!({ "script": "return window.report()", "args": [] });
        let value = call(&format!("{}/execute/sync", self.session_url), &script)?;
        serde_json::from_value(value.clone()).map_err(|error| TestnetError::Http {
            request: "the page's report".into(),
            reason: format!("{error} in {value}"),
        })
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // Ends Chromium, which has a process group of its own. If it fails there is none left.
        ureq::delete(&self.session_url).call().ok();
    }
}

fn start_driver(log: &Path) -> Result<(Managed, String)> {
    let [port] = ports::free()?;
    let mut chromedriver = command(&of_system("chromedriver")?);
    chromedriver.arg(format!("--port={port}"));
    let mut driver = Managed::start("chromedriver", chromedriver, log, Stdout::Log)?;
    let url = format!("http://127.0.0.1:{port}");
    until("chromedriver to answer", Duration::from_secs(20), || {
        driver.check_alive()?;
        let answer = ureq::get(&format!("{url}/status")).call();
        Ok(answer.map_or_else(|e| Look::NotYet(e.to_string()), |_| Look::Yes(())))
    })?;
    Ok((driver, url))
}

/// A WebDriver command: its `value`.
fn call(url: &str, body: &Value) -> Result<Value> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(60)))
        .http_status_as_error(false)
        .build();
    let failed =
        |error: ureq::Error| TestnetError::Http { request: format!("POST {url}"), reason: error.to_string() };
    let mut answer = ureq::Agent::new_with_config(config).post(url).send_json(body).map_err(failed)?;
    let value: Value = answer.body_mut().read_json().map_err(failed)?;
    let status = answer.status().as_u16();
    match value.get("value") {
        Some(value) if status == 200 => Ok(value.clone()),
        _ => Err(TestnetError::Refused { request: format!("POST {url}"), status, body: value.to_string() }),
    }
}
