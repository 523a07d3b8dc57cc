//! Viewers with p2p-media-loader: browsers that help each other, to compare our nodes with.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::chromium::{Chromedriver, Window};
use crate::error::{Result, TestnetError, WithPath};
use crate::http_server::HttpServer;
use crate::process::{Managed, Stdout, command};

const START_DEADLINE: Duration = Duration::from_secs(20);

/// Under which name the page asks for each file of the packages, and where npm puts it.
const MODULES: [(&str, &str); 3] = [
    ("/hls.js", "node_modules/hls.js/dist/hls.mjs"),
    ("/p2p-media-loader-core.js", "node_modules/p2p-media-loader-core/dist/p2p-media-loader-core.es.min.js"),
    (
        "/p2p-media-loader-hlsjs.js",
        "node_modules/p2p-media-loader-hlsjs/dist/p2p-media-loader-hlsjs.es.min.js",
    ),
];

/// Where it is.
#[derive(Debug, Clone)]
pub struct PmlPackage {
    /// A copy of `tests/browser-peers` with its packages installed.
    pub directory: PathBuf,
    /// Node.js, for the tracker.
    pub node: PathBuf,
}

/// How its viewers play.
#[derive(Debug, Clone, Copy)]
pub struct PmlOptions {
    /// How far behind the playlist's end they play.
    pub live_delay: Duration,
    /// Within how much media ahead of the viewer a segment is fetched from the origin at once; `None`: as
    /// it comes, which is 15 s.
    pub high_demand: Option<Duration>,
}

/// What one viewer's page tells of the time since it was opened.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct PmlReport {
    /// Whole segments, from wherever: path at the origin and length in bytes.
    pub segments: BTreeMap<String, u64>,
    /// Media bytes from the origin, of segments given up too.
    pub http_bytes: u64,
    /// Media bytes from other viewers, of segments given up too.
    pub p2p_bytes: u64,
    /// Times the picture stood still.
    pub stalls: u32,
    /// Other viewers connected.
    pub peers: usize,
    /// The video's current time.
    pub played_s: f64,
    /// How far behind the playlist's end hls.js is.
    pub latency_s: f64,
    /// The first errors of tracker and player; those that end playing begin with `fatal`.
    pub errors: Vec<String>,
}

/// A tracker, and windows that play one playlist.
///
/// The fields are in the order in which they are dropped: windows before what they need.
#[derive(Debug)]
pub struct PmlViewers {
    windows: Vec<Window>,
    driver: Chromedriver,
    tracker: Managed,
    _page: HttpServer,
}

impl PmlViewers {
    /// Opens `count` windows that play `source`. The tracker logs to `log`.
    pub fn open(
        package: &PmlPackage,
        log: &Path,
        source: &str,
        count: usize,
        options: PmlOptions,
    ) -> Result<Self> {
        let page = serve(&package.directory)?;
        let (tracker, tracker_url) = start_tracker(package, log)?;
        let driver = Chromedriver::start()?;
        let mut address = format!(
            "http://{}/?source={source}&tracker={tracker_url}&delay_s={}",
            page.address(),
            options.live_delay.as_secs_f64()
        );
        if let Some(window) = options.high_demand {
            address.push_str(&format!("&high_demand_s={}", window.as_secs_f64()));
        }
        let windows = driver.open_several(&address, count)?;
        Ok(Self { windows, driver, tracker, _page: page })
    }

    /// What each page tells now.
    pub fn reports(&self) -> Result<Vec<PmlReport>> {
        self.windows.iter().map(Window::report).collect()
    }

    /// An error if the tracker or the windows' driver has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        self.tracker.check_alive()?;
        self.driver.process().check_alive()
    }
}

fn serve(directory: &Path) -> Result<HttpServer> {
    let read = |path: &str| std::fs::read(directory.join(path)).at(directory.join(path));
    let page = read("page.html")?;
    let modules = MODULES.into_iter().map(|(name, path)| Ok((name, read(path)?)));
    let modules: Vec<(&str, Vec<u8>)> = modules.collect::<Result<_>>()?;
    HttpServer::start(move |request, reply| {
        if request.path == "/" {
            return reply.whole(200, "text/html; charset=utf-8", &page);
        }
        match modules.iter().find(|(name, _)| *name == request.path) {
            Some((_, text)) => reply.whole(200, "text/javascript", text),
            None => reply.whole(404, "text/plain", b"not here"),
        }
    })
    .map_err(|source: io::Error| TestnetError::Spawn { name: "the viewers' page".into(), source })
}

fn start_tracker(package: &PmlPackage, log: &Path) -> Result<(Managed, String)> {
    let mut node = command(&package.node);
    node.arg(package.directory.join("tracker.js"));
    let mut tracker = Managed::start("tracker (node)", node, log, Stdout::ReadyLine)?;
    let ready = tracker.ready(START_DEADLINE)?;
    let url = format!("ws://127.0.0.1:{}", ready["port"]);
    Ok((tracker, url))
}
