//! A swarm in a world: origin and signer behind one shaped line, a coordinator beside, nodes behind theirs.

use std::path::PathBuf;
use std::time::Duration;

use streamr_testnet::coordinator::Registration;
use streamr_testnet::signer::{SignerOptions, SigningKey};
use streamr_testnet::{
    Coordinator, NodeOptions, NodeSnapshot, Signer, SupporterNode, TestnetError, VirtualPlayer, poll,
};
use tempfile::TempDir;

use crate::error::{LabError, Result};
use crate::line::{Line, Traffic};
use crate::origin::{FolderOrigin, StreamShape};
use crate::world::{LabHost, World};

/// The stream's id.
pub const STREAM: &str = "alice";
/// Until every node supports and knows others: dials begin at most twenty a minute.
const START_DEADLINE: Duration = Duration::from_secs(90);
/// Neighbours that a node must have before a lab counts as started, if there are so many.
const ENOUGH_PEERS: u32 = 8;

/// A node's place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seat {
    /// Its line.
    pub line: Line,
    /// The cap that its person set, in bits per second.
    pub upload_cap_bps: u64,
    /// Whether its node gives way when round trips grow.
    pub gives_way: bool,
}

impl Seat {
    /// Behind a line that carries up `media_bps` of media, which is the cap too, beside a stream of `rate_bps`
    /// that comes down.
    pub fn carrying(media_bps: u64, rate_bps: u64) -> Self {
        let line = Line::carrying(media_bps, rate_bps);
        Self { line, upload_cap_bps: media_bps, gives_way: false }
    }
}

/// What a swarm consists of.
#[derive(Debug, Clone)]
pub struct SwarmOptions {
    /// The stream.
    pub shape: StreamShape,
    /// The line of the origin's side: origin and signer share it, but the signer's own read of the origin
    /// does not go over it.
    pub origin: Line,
    /// The nodes.
    pub seats: Vec<Seat>,
    /// How long after publication a segment must be whole.
    pub live_delay: Duration,
    /// Chance's beginning: bytes of the stream, lost frames.
    pub seed: u64,
}

/// A running swarm. Dropped, all of it ends.
///
/// The fields are in the order in which they are dropped: consumers before what they consume, the world and
/// the files last.
#[derive(Debug)]
pub struct Swarm {
    /// The nodes' places, taken or not.
    pub places: Vec<Place>,
    signer: Signer,
    origin: FolderOrigin,
    origin_host: LabHost,
    coordinator: Coordinator,
    publish_secret: String,
    options: SwarmOptions,
    started_nodes: usize,
    _world: World,
    root: TempDir,
}

/// A host for a node, and who is there now.
#[derive(Debug)]
pub struct Place {
    /// The host.
    pub host: LabHost,
    /// The node there.
    pub node: Option<SupporterNode>,
    pub(crate) seat: Seat,
}

impl Swarm {
    /// Starts everything and returns when every node supports, has neighbours and holds a first segment. Until
    /// then the origin's line is fast enough for everybody at once; the nodes' are shaped from the beginning,
    /// because what a congestion control learns on a fast line misleads it on a slow one.
    pub fn start(options: SwarmOptions) -> Result<Self> {
        let root = tempfile::Builder::new().prefix("streamr-lab-").tempdir();
        let root = root.map_err(|source| LabError::File { path: std::env::temp_dir(), source })?;
        let mut world = World::new()?;
        let beside = world.add_host("coordinator", Line::default())?;
        let origin_host = world.add_host("origin", at_start(&options))?;
        let coordinator = Coordinator::start_on(&beside.host, &root.path().join("coordinator"))?;
        let folder = root.path().join("origin");
        let origin = FolderOrigin::start(&origin_host.host, &folder, options.shape, options.seed)?;
        let key = SigningKey::create(&root.path().join("stream.key"))?;
        let playlist = origin.playlist_url();
        let registration = Registration { stream: STREAM, origin: playlist, key: Some(key.public()) };
        let publish_secret = coordinator.register(&registration)?;
        let signer = SignerOptions {
            host: &origin_host.host,
            coordinator: coordinator.url(),
            stream: STREAM,
            origin: playlist,
            publish_secret: &publish_secret,
            key: &key,
        };
        let signer = Signer::start(&root.path().join("signer"), signer)?;
        let mut places = Vec::new();
        for (number, seat) in options.seats.iter().enumerate() {
            let host = world.add_host(&format!("node{number}"), seat.line)?;
            places.push(Place { host, node: None, seat: *seat });
        }
        let mut swarm = Self {
            places,
            signer,
            origin,
            origin_host,
            coordinator,
            publish_secret,
            options,
            started_nodes: 0,
            _world: world,
            root,
        };
        swarm.fill()?;
        swarm.wait_for_neighbours()?;
        swarm.shape()?;
        Ok(swarm)
    }

    /// Starts a node at every empty place, all at once, and waits until they serve their pages.
    pub fn fill(&mut self) -> Result<()> {
        let empty: Vec<usize> = (0..self.places.len()).filter(|at| self.places[*at].node.is_none()).collect();
        for at in &empty {
            let node = self.spawn(*at)?;
            self.places[*at].node = Some(node);
        }
        for at in empty {
            if let Some(node) = &mut self.places[at].node {
                node.wait_ready()?;
            }
        }
        Ok(())
    }

    fn spawn(&mut self, at: usize) -> Result<SupporterNode> {
        let seat = self.places[at].seat;
        let host = self.places[at].host.host.clone();
        self.started_nodes += 1;
        let directory = self.root.path().join(format!("node-{}", self.started_nodes));
        let live_delay_ms = self.options.live_delay.as_millis().to_string();
        let options = NodeOptions {
            join: Some(self.coordinator.invite(STREAM, &self.publish_secret)?),
            stream: Some(STREAM.into()),
            upload_cap_bps: seat.upload_cap_bps,
            listen_ip: Some(host.ip.to_string()),
            host,
            extra: vec!["--live-delay-ms".into(), live_delay_ms],
            gives_way: seat.gives_way,
            ..NodeOptions::default()
        };
        Ok(SupporterNode::spawn(&directory, &options)?)
    }

    pub(crate) fn wait_for_neighbours(&mut self) -> Result<()> {
        let others = u32::try_from(self.places.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let enough = others.min(ENOUGH_PEERS);
        let what = format!("supporting with {enough} peers and a segment");
        let begun = std::time::Instant::now();
        for place in &mut self.places {
            let Some(node) = &mut place.node else { continue };
            let left = START_DEADLINE.saturating_sub(begun.elapsed());
            node.wait_for(&what, left, |snapshot| {
                let live = &snapshot.live;
                snapshot.state.state == "supporting" && live.peers >= enough && live.segments > 0
            })?;
        }
        Ok(())
    }

    /// Gives places other seats, whoever sits there: lines and caps change while everything runs.
    pub fn reseat(&mut self, origin: Line, seats: &[Seat]) -> Result<()> {
        self.options.origin = origin;
        for (place, seat) in self.places.iter_mut().zip(seats) {
            place.seat = *seat;
            if let Some(node) = &place.node {
                node.set_upload_cap(seat.upload_cap_bps)?;
            }
        }
        self.shape()
    }

    fn shape(&self) -> Result<()> {
        self.origin_host.shape(self.options.origin)?;
        self.places.iter().try_for_each(|place| place.host.shape(place.seat.line))
    }

    /// The origin.
    pub fn origin(&self) -> &FolderOrigin {
        &self.origin
    }

    /// What it was started with; seats as they are now are the places' own.
    pub fn options(&self) -> &SwarmOptions {
        &self.options
    }

    /// What the origin's side has sent and received over its line.
    pub fn origin_traffic(&self) -> Result<Traffic> {
        self.origin_host.traffic()
    }

    /// What each node shows; `None` where nobody sits.
    pub fn snapshots(&self) -> Result<Vec<Option<NodeSnapshot>>> {
        let snapshot = |place: &Place| place.node.as_ref().map(SupporterNode::snapshot).transpose();
        Ok(self.places.iter().map(snapshot).collect::<Result<_, TestnetError>>()?)
    }

    /// A player at every place of `at`, playing from the node there.
    pub fn players(&self, at: std::ops::Range<usize>) -> Vec<VirtualPlayer> {
        let player = |place: &Place| {
            let node = place.node.as_ref()?;
            let url = format!("{}/live/{STREAM}/index.m3u8", node.playback());
            Some(VirtualPlayer::start_with(node.client().clone(), url))
        };
        self.places[at].iter().filter_map(player).collect()
    }

    /// Lets everything run for a while; an error if a process has ended that nobody asked to.
    pub fn let_run(&mut self, span: Duration) -> Result<()> {
        poll::let_run(span)?;
        self.origin.process().check_alive()?;
        self.coordinator.process().check_alive()?;
        self.signer.process().check_alive()?;
        for place in &mut self.places {
            if let Some(node) = &mut place.node {
                node.process().check_alive()?;
            }
        }
        Ok(())
    }

    /// A directory that ends with the swarm: each node's log is in it.
    pub fn root(&self) -> PathBuf {
        self.root.path().to_path_buf()
    }
}

/// The origin's line while the nodes do not yet know each other and each may fetch everything.
fn at_start(options: &SwarmOptions) -> Line {
    let everybody_bps = options.shape.rate_bps() * options.seats.len() as u64;
    Line { up_bps: options.origin.up_bps.map(|up_bps| up_bps.max(2 * everybody_bps)), ..options.origin }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        // All at once, so that many take no longer to stop than one.
        for node in self.places.iter_mut().filter_map(|place| place.node.as_mut()) {
            node.process().begin_stop();
        }
    }
}
