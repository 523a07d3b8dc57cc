//! A coordinator, a signer and nodes around an origin of any kind.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::coordinator::{Coordinator, Registration};
use crate::error::{Result, WithPath};
use crate::namespace::Host;
use crate::node::{NodeOptions, SupporterNode};
use crate::players::Watch;
use crate::signer::{Signer, SignerOptions, SigningKey};

/// The stream's id.
pub const STREAM: &str = "alice";

/// A running network. Dropped, all of it ends and its files are gone.
///
/// The fields are in the order in which they are dropped: consumers before what they consume, files last.
#[derive(Debug)]
pub struct SignedNetwork<O> {
    /// The headless nodes.
    pub nodes: Vec<SupporterNode>,
    /// The signer.
    pub signer: Signer,
    /// The origin.
    pub origin: O,
    /// The coordinator.
    pub coordinator: Coordinator,
    /// Authorises going live and making invites.
    pub publish_secret: String,
    /// The stream's public key, in hex.
    pub stream_key: String,
    root: TempDir,
}

/// A directory for a network's files, which ends with it.
pub(crate) fn root() -> Result<TempDir> {
    tempfile::Builder::new().prefix("streamr-signed-").tempdir().at(std::env::temp_dir())
}

impl<O> SignedNetwork<O> {
    /// A network of `nodes` nodes, all of them supporting, around `origin`, whose playlist is at `playlist`.
    pub(crate) fn around(root: TempDir, origin: O, playlist: &str, nodes: usize) -> Result<Self> {
        let coordinator = Coordinator::start(&root.path().join("coordinator"))?;
        let key = SigningKey::create(&root.path().join("stream.key"))?;
        let registration = Registration { stream: STREAM, origin: playlist, key: Some(key.public()) };
        let publish_secret = coordinator.register(&registration)?;
        let options = SignerOptions {
            host: &Host::default(),
            coordinator: coordinator.url(),
            stream: STREAM,
            origin: playlist,
            publish_secret: &publish_secret,
            key: &key,
        };
        let signer = Signer::start(&root.path().join("signer"), options)?;
        let stream_key = key.public().to_owned();
        let mut network =
            Self { nodes: Vec::new(), signer, origin, coordinator, publish_secret, stream_key, root };
        for _ in 0..nodes {
            network.add_node(&NodeOptions::default())?;
        }
        Ok(network)
    }

    /// Starts one more node with an invite of its own.
    pub fn add_node(&mut self, options: &NodeOptions) -> Result<&mut SupporterNode> {
        let join = Some(self.coordinator.invite(STREAM, &self.publish_secret)?);
        let options = NodeOptions { join, stream: Some(STREAM.into()), ..options.clone() };
        let directory = self.root.path().join(format!("node-{}", self.nodes.len()));
        self.nodes.push(SupporterNode::start(&directory, &options)?);
        let last = self.nodes.len() - 1;
        Ok(&mut self.nodes[last])
    }

    /// Waits until every node holds at least `segments` segments.
    pub fn wait_supporting(&mut self, segments: u64, deadline: Duration) -> Result<()> {
        let what = format!("supporting with {segments} segments");
        let enough = |snapshot: &crate::NodeSnapshot| {
            snapshot.state.state == "supporting" && snapshot.live.segments >= segments
        };
        self.nodes.iter_mut().try_for_each(|node| node.wait_for(&what, deadline, enough).map(drop))
    }

    /// Where node `index` serves the stream to local players.
    pub fn playback_url(&self, index: usize) -> String {
        format!("{}/live/{STREAM}/index.m3u8", self.nodes[index].playback())
    }

    /// Watches every node's local playback.
    pub fn watch_all(&self) -> Vec<Watch> {
        (0..self.nodes.len()).map(|index| Watch::start(&self.playback_url(index))).collect()
    }

    /// An error if a process has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        self.coordinator.process().check_alive()?;
        self.signer.process().check_alive()?;
        self.nodes.iter_mut().try_for_each(|node| node.process().check_alive())
    }

    /// A directory for more files that shall end with the network.
    pub fn root(&self) -> &Path {
        self.root.path()
    }
}
