//! A complete network: origin, publisher, coordinator, signer, nodes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::coordinator::{Coordinator, Registration};
use crate::error::{Result, WithPath};
use crate::namespace::Host;
use crate::node::{NodeOptions, NodeSnapshot, SupporterNode};
use crate::origin_nginx::{OriginNginx, OriginOptions};
use crate::publisher::{Publisher, PublisherOptions};
use crate::signer::{Signer, SignerOptions, SigningKey};
use crate::summary::SummaryCollector;

/// Until the origin shows a first segment: RTMP's handshake, one segment and a slow machine.
const LIVE_DEADLINE: Duration = Duration::from_secs(30);

/// What a network consists of.
#[derive(Debug, Clone)]
pub struct NetworkBuilder {
    stream: String,
    nodes: usize,
    origin: OriginOptions,
    publisher: Option<PublisherOptions>,
    node_options: NodeOptions,
    temp_parent: Option<PathBuf>,
}

impl NetworkBuilder {
    /// The stream's id; `alice` if not said.
    #[must_use]
    pub fn stream(mut self, stream: &str) -> Self {
        self.stream = stream.into();
        self
    }

    /// How many headless nodes; 0 if not said.
    #[must_use]
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// How the origin cuts the stream.
    #[must_use]
    pub fn origin(mut self, origin: OriginOptions) -> Self {
        self.origin = origin;
        self
    }

    /// What ffmpeg publishes; `None`: nobody publishes until somebody does at the RTMP address.
    #[must_use]
    pub fn publisher(mut self, publisher: Option<PublisherOptions>) -> Self {
        self.publisher = publisher;
        self
    }

    /// How each node is started; its invite and stream are filled in.
    #[must_use]
    pub fn node_options(mut self, options: NodeOptions) -> Self {
        self.node_options = options;
        self
    }

    /// Where the network's temporary directory is made; the system's place if not said.
    #[must_use]
    pub fn temp_parent(mut self, parent: &Path) -> Self {
        self.temp_parent = Some(parent.into());
        self
    }

    /// Starts everything and returns when every process is ready and, where something is published, the
    /// origin is live.
    pub fn start(self) -> Result<Network> {
        let root = temp_dir(self.temp_parent.as_deref())?;
        // The slow starts run side by side: the first segment is being filled, the coordinator opens its
        // database.
        let host = Host::default();
        let mut coordinator = Coordinator::spawn(&host, &root.path().join("coordinator"))?;
        let origin = OriginNginx::start(&root.path().join("origin"), self.origin)?;
        let rtmp = origin.rtmp_url(&self.stream);
        let log = root.path().join("publisher.log");
        let publisher = self.publisher.map(|options| Publisher::start(&rtmp, options, &log)).transpose()?;
        let key = SigningKey::create(&root.path().join("stream.key"))?;
        coordinator.wait_ready()?;
        let playlist = origin.playlist_url(&self.stream);
        let publish_secret = coordinator.register(&Registration {
            stream: &self.stream,
            origin: &playlist,
            key: Some(key.public()),
        })?;
        let options = SignerOptions {
            host: &host,
            coordinator: coordinator.url(),
            stream: &self.stream,
            origin: &playlist,
            publish_secret: &publish_secret,
            key: &key,
        };
        let signer = Signer::start(&root.path().join("signer"), options)?;
        let mut network = Network {
            nodes: Vec::new(),
            signer,
            publisher,
            origin,
            coordinator,
            stream: self.stream,
            publish_secret,
            node_options: self.node_options,
            root,
        };
        if network.publisher.is_some() {
            network.origin.wait_live(&network.stream, LIVE_DEADLINE)?;
        }
        network.add_nodes(self.nodes)?;
        Ok(network)
    }
}

/// A running network. Dropped, all of it ends and its files are gone.
///
/// The fields are in the order in which they are dropped: consumers before what they consume, files last.
#[derive(Debug)]
pub struct Network {
    /// The headless nodes.
    pub nodes: Vec<SupporterNode>,
    /// The signer.
    pub signer: Signer,
    /// The publisher, if somebody publishes.
    pub publisher: Option<Publisher>,
    /// The origin.
    pub origin: OriginNginx,
    /// The coordinator.
    pub coordinator: Coordinator,
    stream: String,
    publish_secret: String,
    node_options: NodeOptions,
    root: TempDir,
}

impl Network {
    /// Describes a network: no node, one stream `alice` at 4 Mb/s in segments of two seconds.
    pub fn builder() -> NetworkBuilder {
        NetworkBuilder {
            stream: "alice".into(),
            nodes: 0,
            origin: OriginOptions::default(),
            publisher: Some(PublisherOptions::default()),
            node_options: NodeOptions::default(),
            temp_parent: None,
        }
    }

    /// The stream's id.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The stream's publish secret.
    pub fn publish_secret(&self) -> &str {
        &self.publish_secret
    }

    /// A directory for more files that shall end with the network.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// A fresh single-use invite link.
    pub fn invite(&self) -> Result<String> {
        self.coordinator.invite(&self.stream, &self.publish_secret)
    }

    /// Starts `count` more nodes side by side, each with an invite of its own, and waits until all are ready.
    pub fn add_nodes(&mut self, count: usize) -> Result<()> {
        let first = self.nodes.len();
        let mut starting = Vec::with_capacity(count);
        for index in first..first + count {
            let mut options = self.node_options.clone();
            options.join = Some(self.invite()?);
            options.stream = Some(self.stream.clone());
            starting.push(SupporterNode::spawn(&self.root.path().join(format!("node-{index}")), &options)?);
        }
        for node in &mut starting {
            node.wait_ready()?;
        }
        self.nodes.append(&mut starting);
        Ok(())
    }

    /// What node `index` shows.
    pub fn snapshot(&self, index: usize) -> Result<NodeSnapshot> {
        self.nodes[index].snapshot()
    }

    /// Where node `index` serves the stream to local players.
    pub fn playback_url(&self, index: usize) -> String {
        format!("{}/live/{}/index.m3u8", self.nodes[index].playback(), self.stream)
    }

    /// Waits until every node supports and holds at least `segments` segments.
    pub fn wait_supporting(&mut self, segments: u64, deadline: Duration) -> Result<()> {
        let what = format!("supporting with {segments} segments");
        for node in &mut self.nodes {
            node.wait_for(&what, deadline, |snapshot| {
                snapshot.state.state == "supporting" && snapshot.live.segments >= segments
            })?;
        }
        Ok(())
    }

    /// Lets `collector` see every node.
    pub fn observe(&self, collector: &mut SummaryCollector) -> Result<()> {
        self.nodes.iter().try_for_each(|node| {
            collector.observe(node.id(), &node.snapshot()?);
            Ok(())
        })
    }

    /// An error if any process has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        self.origin.process().check_alive()?;
        self.coordinator.process().check_alive()?;
        self.signer.process().check_alive()?;
        if let Some(publisher) = &mut self.publisher {
            publisher.process().check_alive()?;
        }
        self.nodes.iter_mut().try_for_each(|node| node.process().check_alive())
    }

    /// The ids of all processes; each is also the id of its process group.
    pub fn pids(&mut self) -> Vec<u32> {
        let mut pids =
            vec![self.origin.process().pid(), self.coordinator.process().pid(), self.signer.process().pid()];
        pids.extend(self.publisher.as_mut().map(|publisher| publisher.process().pid()));
        pids.extend(self.nodes.iter().map(SupporterNode::pid));
        pids
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // All nodes at once, so that many take no longer to stop than one.
        for node in &mut self.nodes {
            node.process().begin_stop();
        }
    }
}

fn temp_dir(parent: Option<&Path>) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("streamr-network-");
    match parent {
        Some(parent) => builder.tempdir_in(parent).at(parent),
        None => builder.tempdir().at(std::env::temp_dir()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Client;
    use crate::poll::{Look, until};
    use serde_json::Value;

    #[test]
    fn a_signed_stream_shows_as_live_and_nothing_is_left_when_its_network_is_dropped() {
        let mut network = Network::builder().start().unwrap();
        let (client, url) = (Client::new(None), format!("{}/v1/streams", network.coordinator.url()));
        until("the stream to be live", Duration::from_secs(20), || {
            network.check_alive()?;
            let listed: Value = client.get(&url)?;
            let live = listed["streams"][0]["live_since"].is_u64();
            Ok(if live { Look::Yes(()) } else { Look::NotYet(listed.to_string()) })
        })
        .unwrap();
        assert!(network.invite().unwrap().starts_with("streamrp2p://join/"));

        let (pids, root) = (network.pids(), network.root().to_path_buf());
        drop(network);
        assert!(!root.exists());
        assert!(!pids.iter().any(|pid| Path::new(&format!("/proc/{pid}")).exists()), "{pids:?}");
    }
}
