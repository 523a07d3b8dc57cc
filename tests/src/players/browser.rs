//! hls.js in Chromium.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::chromium::{Chromedriver, Window};
use crate::error::{Result, TestnetError, WithPath};
use crate::http_server::HttpServer;
use crate::poll::{Look, until};

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
    window: Window,
    driver: Chromedriver,
    _page: HttpServer,
}

impl Browser {
    /// Opens a page that plays `source`. `hls_js` is the library's file, as npm installs it.
    pub fn play(source: &str, hls_js: &Path) -> Result<Self> {
        let script = std::fs::read(hls_js).at(hls_js)?;
        let page = serve_page(script)
            .map_err(|e| TestnetError::Spawn { name: "the player's page".into(), source: e })?;
        let driver = Chromedriver::start()?;
        let window = driver.open(&format!("http://{}/?source={source}", page.address()))?;
        Ok(Self { window, driver, _page: page })
    }

    /// What the page tells now.
    pub fn report(&self) -> Result<HlsJsReport> {
        self.window.report()
    }

    /// Waits until what the page tells satisfies `enough`.
    pub fn until(
        &mut self,
        what: &str,
        deadline: Duration,
        enough: impl Fn(&HlsJsReport) -> bool,
    ) -> Result<HlsJsReport> {
        until(what, deadline, || {
            self.driver.process().check_alive()?;
            let report = self.report()?;
            Ok(if enough(&report) { Look::Yes(report) } else { Look::NotYet(format!("{report:?}")) })
        })
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
