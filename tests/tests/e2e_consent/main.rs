//! Nothing is listened on, dialled or sent before the person has said yes.
//!
//! The test runs itself again in a network namespace of its own, where every packet is its own doing or
//! the node's: what nobody sends is counted, not assumed.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod namespace;
mod sockets;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use serde_json::{Value, json};
use sockets::{Protocol, SocketSeen, sockets_of};
use streamr_testnet::fault_network::{FaultNetwork, STREAM};
use streamr_testnet::poll::{Look, let_run};
use streamr_testnet::{NodeOptions, SupporterNode, until};

const ENOUGH: Duration = Duration::from_secs(60);
/// Longer than every interval at which a node does something by itself before it supports.
const QUIET: Duration = Duration::from_secs(6);

/// Sockets of the node that are neither its page nor a connection to one of `allowed`.
fn strange(node: &SupporterNode, allowed: &[SocketAddr]) -> Vec<SocketSeen> {
    let page: SocketAddr = node.page().trim_start_matches("http://").parse().unwrap();
    let known = |socket: &SocketSeen| {
        socket.protocol == Protocol::Tcp
            && (socket.local == page || (!socket.listens() && allowed.contains(&socket.remote)))
    };
    sockets_of(node.pid()).into_iter().filter(|socket| !known(socket)).collect()
}

/// Looks at the node's sockets again and again for a while.
fn assert_nothing_strange(node: &SupporterNode, allowed: &[SocketAddr]) {
    for _ in 0..60 {
        let seen = strange(node, allowed);
        assert!(seen.is_empty(), "{seen:#?}");
        let_run(QUIET / 60).unwrap();
    }
}

#[test]
fn before_consent_no_packet_leaves_and_no_socket_opens_but_to_the_coordinator() {
    if !namespace::run_inside("before_consent_no_packet_leaves_and_no_socket_opens_but_to_the_coordinator") {
        return;
    }
    // The measure itself: what is sent to the world is seen.
    let before = namespace::packets("out0");
    UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"x", (Ipv4Addr::new(192, 0, 2, 1), 9)).unwrap();
    until("a packet to the world to be counted", ENOUGH, || {
        let more = namespace::packets("out0") - before;
        Ok(if more > 0 { Look::Yes(()) } else { Look::NotYet("none".into()) })
    })
    .unwrap();
    // The kernel asks a few times who 10.99.0.2 is, and gives up.
    let_run(Duration::from_secs(4)).unwrap();

    // A node that knows no coordinator is silent to the last packet, on loopback too.
    let root = tempfile::tempdir().unwrap();
    let idle = NodeOptions { start: false, ..NodeOptions::default() };
    let node = SupporterNode::start(&root.path().join("node"), &idle).unwrap();
    let snapshot = node.snapshot_json().unwrap();
    assert_eq!(snapshot["setup"]["step"], "needs_coordinator", "{snapshot}");
    let_run(Duration::from_secs(1)).unwrap();
    let before = (namespace::packets("lo"), namespace::packets("out0"));
    assert_nothing_strange(&node, &[]);
    assert_eq!((namespace::packets("lo"), namespace::packets("out0")), before);

    // With an invite it speaks to the coordinator and to nobody else, though the stream is live.
    let network = FaultNetwork::start(0).unwrap();
    let out = namespace::packets("out0");
    let link = network.coordinator.invite(STREAM, &network.publish_secret).unwrap();
    let coordinator: SocketAddr = network.coordinator.url().trim_start_matches("http://").parse().unwrap();
    node.command(&json!({ "command": "join", "text": link })).unwrap();
    assert_nothing_strange(&node, &[coordinator]);
    let snapshot = node.snapshot_json().unwrap();
    assert_eq!(snapshot["setup"]["step"], "needs_consent", "{snapshot}");
    assert_eq!(snapshot["setup"]["terms"]["streamer"], "Alice", "{snapshot}");
    let refused = node.press("start").unwrap_err().to_string();
    assert!(refused.contains("consent_missing"), "{refused}");
    assert!(strange(&node, &[coordinator]).is_empty());
    assert_eq!(namespace::packets("out0"), out);

    // Having said yes, but not yet Start: still nobody else.
    node.command(&json!({ "command": "consent", "upload_cap_bps": 10_000_000 })).unwrap();
    assert_nothing_strange(&node, &[coordinator]);

    // And then it supports: the same look now sees peers' sockets and playback.
    node.command(&json!({ "command": "choose", "stream": STREAM })).unwrap();
    node.press("start").unwrap();
    until("the node to listen for peers", ENOUGH, || {
        let seen = strange(&node, &[coordinator]);
        let peers = seen.iter().any(|socket| socket.protocol == Protocol::Udp);
        Ok(if peers { Look::Yes(()) } else { Look::NotYet(format!("{seen:?} {}", state(&node))) })
    })
    .unwrap();

    // Stopped, it is as closed as before.
    node.press("stop").unwrap();
    until("the node to close everything", ENOUGH, || {
        let seen = strange(&node, &[coordinator]);
        Ok(if seen.is_empty() { Look::Yes(()) } else { Look::NotYet(format!("{seen:?}")) })
    })
    .unwrap();
}

fn state(node: &SupporterNode) -> Value {
    node.snapshot_json().map_or_else(|error| json!(error.to_string()), |snapshot| snapshot["state"].clone())
}
