//! hls.js in Chromium, driven over WebDriver.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries::of_system;
use crate::error::{Result, TestnetError, WithPath};
use crate::http_server::HttpServer;
use crate::poll::{Look, until};
use crate::ports;
use crate::process::{Managed, Stdout, command};

/// Without these Chromium asks for many addresses outside this machine, and waits for them.
const CHROMIUM_FLAGS: [&str; 11] = [
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
];

const PAGE: &str = r#"<!DOCTYPE html><meta charset="utf-8"><title>player</title>
<video id="video" muted autoplay playsinline></video><script src="/hls.min.js"></script><script>
const video = document.getElementById("video"), hls = new Hls(), errors = [];
hls.on(Hls.Events.ERROR, (_, data) => errors.push(`${data.fatal ? "fatal " : ""}${data.type} ${data.details}`));
hls.loadSource(new URLSearchParams(location.search).get("source"));
hls.attachMedia(video);
window.report = () => ({
  played_s: video.currentTime, frames: video.getVideoPlaybackQuality().totalVideoFrames,
  dropped: video.getVideoPlaybackQuality().droppedVideoFrames, paused: video.paused, errors,
});
</script>"#;

/// What the page tells of its player.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct HlsJsReport {
    /// The video's current time.
    pub played_s: f64,
    /// Pictures shown.
    pub frames: u64,
    /// Pictures left out for want of time.
    pub dropped: u64,
    /// Not playing.
    pub paused: bool,
    /// Every error hls.js told of; those that end playing begin with `fatal`.
    pub errors: Vec<String>,
}

impl HlsJsReport {
    /// Whether hls.js gave up.
    pub fn is_fatal(&self) -> bool {
        self.errors.iter().any(|error| error.starts_with("fatal"))
    }
}

/// Chromium with a page that plays one playlist through hls.js.
#[derive(Debug)]
pub struct Browser {
    session_url: String,
    driver: Managed,
    _page: HttpServer,
    _profile: TempDir,
}

impl Browser {
    /// Opens a page that plays `source`. `hls_js` is the library's file, as npm installs it.
    pub fn play(source: &str, hls_js: &Path) -> Result<Self> {
        let script = std::fs::read(hls_js).at(hls_js)?;
        let page = serve_page(script)
            .map_err(|e| TestnetError::Spawn { name: "the player's page".into(), source: e })?;
        let profile = tempfile::tempdir().at(std::env::temp_dir())?;
        let (driver, driver_url) = start_driver(&profile.path().join("chromedriver.log"))?;
        let mut flags: Vec<String> = CHROMIUM_FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().join("profile").display()));
        let options = json!({ "binary": of_system("chromium")?, "args": flags });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let session = call(&format!("{driver_url}/session"), &wanted)?;
        let id = session["sessionId"].as_str().unwrap_or_default();
        let session_url = format!("{driver_url}/session/{id}");
        let browser = Self { session_url, driver, _page: page, _profile: profile };
        let address = format!("http://{}/?source={source}", browser._page.address());
        call(&format!("{}/url", browser.session_url), &json!({ "url": address }))?;
        Ok(browser)
    }

    /// What the page tells now.
    pub fn report(&self) -> Result<HlsJsReport> {
        let script = json!({ "script": "return window.report()", "args": [] });
        let value = call(&format!("{}/execute/sync", self.session_url), &script)?;
        serde_json::from_value(value.clone()).map_err(|error| TestnetError::Http {
            request: "the page's report".into(),
            reason: format!("{error} in {value}"),
        })
    }

    /// Waits until what the page tells satisfies `enough`.
    pub fn until(
        &mut self,
        what: &str,
        deadline: Duration,
        enough: impl Fn(&HlsJsReport) -> bool,
    ) -> Result<HlsJsReport> {
        until(what, deadline, || {
            self.driver.check_alive()?;
            let report = self.report()?;
            Ok(if enough(&report) { Look::Yes(report) } else { Look::NotYet(format!("{report:?}")) })
        })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends Chromium, which has a process group of its own. If it fails there is none left.
        ureq::delete(&self.session_url).call().ok();
    }
}

/// hls.js as the UI's `npm install` leaves it in this repository.
pub fn hls_js_of_repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/node_modules/hls.js/dist/hls.min.js")
}

fn serve_page(script: Vec<u8>) -> io::Result<HttpServer> {
    HttpServer::start(move |request, reply| match request.path.as_str() {
        "/" => reply.whole(200, "text/html; charset=utf-8", PAGE.as_bytes()),
        "/hls.min.js" => reply.whole(200, "text/javascript", &script),
        _ => reply.whole(404, "text/plain", b"not here"),
    })
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
