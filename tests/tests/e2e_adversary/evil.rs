//! Brings the relay crate's lying peer into a network, enrolled like any other node.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use streamr_model::{BitsPerSecond, EnrolmentProof, Heartbeat, NodeActivity, SecretKey, Signed};
use streamr_testnet::binaries::ours;
use streamr_testnet::fault_network::{FaultNetwork, STREAM};
use streamr_testnet::http::Client;
use streamr_testnet::process::{Managed, Stdout, command};
use streamr_testnet::{Result, TestnetError};

/// What it lies about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Right manifests, other bytes.
    Blocks,
    /// Manifests of its own making.
    Manifest,
    /// Frames that are no messages.
    Garbage,
}

/// A running liar.
pub(crate) struct EvilPeer {
    process: Managed,
}

impl EvilPeer {
    /// Enrols, connects to the seed and to every member, and is found by all as a member itself.
    pub(crate) fn enter(network: &FaultNetwork, lie: Lie) -> Result<Self> {
        let seed = [0xe1; 32];
        let secret = SecretKey::from_seed(seed);
        let node = secret.node_id();
        let coordinator = network.coordinator.url();
        let api = |path: &str| format!("{coordinator}/v1/{path}");
        let anybody = Client::new(None);

        let challenge: Value = anybody.post(&api("nodes/challenge"), &json!({ "node": node }))?;
        let challenge = challenge["challenge"].as_str().unwrap_or_default().to_owned();
        let proof = EnrolmentProof { node, challenge, coordinator: coordinator.to_owned() };
        let link = network.coordinator.invite(STREAM, &network.publish_secret)?;
        let invite = link.split(['/', '?']).nth(3);
        let enrol = json!({ "node": node, "proof": Signed::new(&proof, &secret), "invite": invite });
        let enrolled: Value = anybody.post(&api("nodes"), &enrol)?;
        let member = Client::new(enrolled["token"].as_str().map(str::to_owned));
        let members: Value = member.get(&api(&format!("streams/{STREAM}/members")))?;

        let mut peer = command(&ours("examples/evil_peer")?);
        let seed: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
        let lie = format!("{lie:?}").to_lowercase();
        peer.args([&seed, STREAM, &network.stream_key, &lie]);
        let everybody = members["members"].as_array().into_iter().flatten().chain([&members["seed"]]);
        for other in everybody {
            let (id, address) = (other["node"].as_str(), other["addresses"][0].as_str());
            peer.arg(format!("{}={}", id.unwrap_or_default(), address.unwrap_or_default()));
        }
        let log = network.root().join("evil.log");
        let mut process = Managed::start("evil peer", peer, &log, Stdout::ReadyLine)?;
        let ready = process.ready(std::time::Duration::from_secs(20))?;
        let address = ready["addresses"][0].as_str().unwrap_or_default().to_owned();

        let heartbeat = Heartbeat {
            node,
            stream: STREAM.parse().map_err(|_| TestnetError::Missing { what: "a stream id".into() })?,
            session: 1,
            number: 1,
            nonce: String::new(),
            activity: NodeActivity::Supporting,
            uplink_bps: BitsPerSecond(100_000_000),
            addresses: vec![address],
            peers: 0,
            bytes_origin: 0,
        };
        let report = json!({ "node": node, "heartbeat": Signed::new(&heartbeat, &secret) });
        anybody.post::<Value>(&api("heartbeats"), &report)?;
        Ok(Self { process })
    }

    /// Peers that closed their connection to it.
    pub(crate) fn lost(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(self.process.log()).unwrap_or_default();
        text.lines().filter_map(|line| line.strip_prefix("lost ")).map(str::to_owned).collect()
    }
}
