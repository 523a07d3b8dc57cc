//! Supporter nodes: headless ones started here, and anything that serves the node's page.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::binaries::ours;
use crate::error::{Result, TestnetError, WithPath};
use crate::http::Client;
use crate::namespace::Host;
use crate::poll::{Look, until};
use crate::process::{Managed, Stdout};

const START_DEADLINE: Duration = Duration::from_secs(20);

/// How a headless node is started.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// An invite link or a coordinator's address.
    pub join: Option<String>,
    /// The stream to choose.
    pub stream: Option<String>,
    /// Consent and start supporting at once.
    pub start: bool,
    /// Upload cap.
    pub upload_cap_bps: u64,
    /// The interface peers reach it at; `None`: the node's own choice.
    pub listen_ip: Option<String>,
    /// Where it runs.
    pub host: Host,
    /// Further arguments, as they are.
    pub extra: Vec<String>,
    /// Whether it gives way when round trips grow. Not by default: on a busy machine they grow for reasons
    /// that have nothing to do with an uplink.
    pub gives_way: bool,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            join: None,
            stream: None,
            start: true,
            upload_cap_bps: 50_000_000,
            listen_ip: Some("127.0.0.1".into()),
            host: Host::default(),
            extra: Vec::new(),
            gives_way: false,
        }
    }
}

/// A running headless node.
#[derive(Debug)]
pub struct SupporterNode {
    process: Managed,
    data_dir: PathBuf,
    started_ms: u64,
    id: String,
    page: String,
    token: String,
    playback: String,
    client: Client,
}

impl SupporterNode {
    /// Starts a node that keeps everything in `directory`, which is created.
    pub fn start(directory: &Path, options: &NodeOptions) -> Result<Self> {
        let mut this = Self::spawn(directory, options)?;
        this.wait_ready()?;
        Ok(this)
    }

    /// Starts the process without waiting for it; [`Self::wait_ready`] does.
    pub fn spawn(directory: &Path, options: &NodeOptions) -> Result<Self> {
        fs::create_dir_all(directory).at(directory)?;
        let data_dir = directory.join("data");
        let mut node = options.host.command(&ours("streamr-node")?)?;
        node.arg("--data-dir").arg(&data_dir);
        node.args(["--playback-port", "0", "--peer-port", "0", "--page-port", "0"]);
        node.args(["--upload-cap-bps", &options.upload_cap_bps.to_string()]);
        if let Some(listen_ip) = &options.listen_ip {
            node.args(["--listen-ip", listen_ip]);
        }
        if let Some(join) = &options.join {
            node.args(["--join", join]);
        }
        if let Some(stream) = &options.stream {
            node.args(["--stream", stream]);
        }
        if options.start {
            node.args(["--consent", "--start"]);
        }
        node.args(&options.extra).args(["--give-way", if options.gives_way { "true" } else { "false" }]);
        let started_ms = now_ms();
        let process = Managed::start("node", node, &directory.join("node.log"), Stdout::ReadyLine)?;
        let client = Client::new(None).inside(options.host.namespace.clone());
        let (id, page, token, playback) = Default::default();
        Ok(Self { process, data_dir, started_ms, id, page, token, playback, client })
    }

    /// Waits until a spawned node serves its page.
    pub fn wait_ready(&mut self) -> Result<()> {
        let ready = self.process.ready(START_DEADLINE)?;
        let text = |member: &str| ready[member].as_str().unwrap_or_default().to_owned();
        self.id = text("node");
        self.playback = text("playback");
        let page = text("page");
        let (address, token) = page.split_once("/?token=").ok_or_else(|| TestnetError::ReadyLine {
            name: "node".into(),
            line: ready.to_string(),
            why: "“page” is not an address with a token".into(),
        })?;
        self.client = self.client.with_token(token);
        (self.page, self.token) = (address.into(), token.into());
        Ok(())
    }

    /// Its node id in hex.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its page, without the token: `http://127.0.0.1:PORT`.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// Its page as a browser opens it.
    pub fn page_with_token(&self) -> String {
        format!("{}/?token={}", self.page, self.token)
    }

    /// A client that carries the page's token.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where local players are served: `http://127.0.0.1:PORT`.
    pub fn playback(&self) -> &str {
        &self.playback
    }

    /// Where it keeps its state.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// When its process was started, in Unix milliseconds.
    pub fn started_ms(&self) -> u64 {
        self.started_ms
    }

    /// What a UI would show now, as far as networks are judged by it.
    pub fn snapshot(&self) -> Result<NodeSnapshot> {
        self.client.get(&format!("{}/api/snapshot", self.page))
    }

    /// What a UI would show now, all of it.
    pub fn snapshot_json(&self) -> Result<Value> {
        self.client.get(&format!("{}/api/snapshot", self.page))
    }

    /// Does what a person asked for: `{"command":"pause"}`, for instance.
    pub fn command(&self, command: &Value) -> Result<()> {
        self.client.post::<Value>(&format!("{}/api/command", self.page), command).map(drop)
    }

    /// Changes the cap of what it gives to others, in bits per second.
    pub fn set_upload_cap(&self, upload_cap_bps: u64) -> Result<()> {
        let mut settings = self.snapshot_json()?["settings"].take();
        settings["upload_cap_bps"] = upload_cap_bps.into();
        self.command(&json!({ "command": "change_settings", "settings": settings }))
    }

    /// Presses the button called `name`: `start`, `stop`, `pause`, `resume` and others without an argument.
    pub fn press(&self, name: &str) -> Result<()> {
        self.command(&json!({ "command": name }))
    }

    /// Waits until a snapshot satisfies `condition`, called `what`.
    pub fn wait_for(
        &mut self,
        what: &str,
        deadline: Duration,
        condition: impl Fn(&NodeSnapshot) -> bool,
    ) -> Result<NodeSnapshot> {
        let what = format!("node {}: {what}", self.id.get(..8).unwrap_or_default());
        until(&what, deadline, || {
            self.process.check_alive()?;
            let snapshot = self.snapshot()?;
            Ok(if condition(&snapshot) {
                Look::Yes(snapshot)
            } else {
                Look::NotYet(format!("{snapshot:?}; the end of its log:\n{}", self.process.tail()))
            })
        })
    }

    /// The process.
    pub fn process(&mut self) -> &mut Managed {
        &mut self.process
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// The part of `streamr-node`'s snapshot by which a network is judged. The names are the node's own.
#[derive(Debug, Clone, Deserialize)]
pub struct NodeSnapshot {
    /// What the node does.
    pub state: NodeState,
    /// What supporting does now.
    pub live: LiveStats,
    /// Where a local player finds the stream.
    pub playback_url: Option<String>,
    /// Troubles, as JSON.
    pub notices: Vec<Value>,
}

/// What the node does.
#[derive(Debug, Clone, Deserialize)]
pub struct NodeState {
    /// `stopped`, `starting`, `supporting`, `paused`, `stopping` or `faulted`.
    pub state: String,
    /// The fault, as JSON.
    pub error: Option<Value>,
}

/// What supporting does now.
#[derive(Debug, Clone, Deserialize)]
pub struct LiveStats {
    /// Peers connected.
    pub peers: u32,
    /// Media bytes given to peers.
    pub bytes_served: u64,
    /// Verified media bytes from the origin or its signer.
    pub bytes_origin: u64,
    /// Verified media bytes from peers.
    pub bytes_peers: u64,
    /// Segments held complete and verified.
    pub segments: u64,
    /// Segments given up.
    pub segments_missed: u64,
    /// Blocks that did not verify.
    pub blocks_bad: u64,
    /// What it found its uplink to carry, where it measures that.
    #[serde(default)]
    pub uplink: Option<UplinkSeen>,
    /// The segments completed last.
    pub recent: Vec<SegmentTiming>,
}

/// What a node shows of its uplink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct UplinkSeen {
    /// What got through, in bits per second.
    pub measured_bps: Option<u64>,
    /// What it gives at most now.
    pub rate_now_bps: u64,
    /// Whether it gives way now.
    pub gives_way: bool,
}

/// When a segment was published and when the node held all of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SegmentTiming {
    /// `EPOCH-SEQUENCE`.
    pub segment: String,
    /// Length in bytes.
    pub len: u32,
    /// When the signer first saw it.
    pub published_ms: u64,
    /// When this node held it.
    pub complete_ms: u64,
    /// Bytes of it from the origin's side.
    pub bytes_origin: u32,
}

/// This machine's clock in Unix milliseconds.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
