//! From a block to a number on the giver's screen: counted, signed by both ends, handed in, credited, shown.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use serde_json::Value;
use streamr_testnet::Network;
use streamr_testnet::poll::{self, Look};

const UNDER_WAY: Duration = Duration::from_secs(60);
/// A receipt every ten seconds, handed in within fifteen, read within fifteen, on two busy cores.
const ENOUGH: Duration = Duration::from_secs(120);

/// What a node shows of its earnings; nothing until the coordinator has answered.
fn shown(network: &Network, index: usize, what: &str) -> u64 {
    let snapshot: Value = network.nodes[index].snapshot_json().unwrap();
    snapshot["earnings"][what].as_u64().unwrap_or(0)
}

#[test]
fn what_nodes_give_each_other_is_signed_for_and_shown_and_no_more() {
    let mut network = Network::builder().nodes(3).start().unwrap();
    network.wait_supporting(3, UNDER_WAY).unwrap();
    poll::until("every node is credited", ENOUGH, || {
        let seen: Vec<[u64; 3]> = (0..3)
            .map(|index| {
                ["credited_bytes", "uptime_ppm", "quality_ppm"].map(|what| shown(&network, index, what))
            })
            .collect();
        let is_credited = seen.iter().flatten().all(|value| *value > 0);
        Ok(if is_credited {
            Look::Yes(())
        } else {
            Look::NotYet(format!("bytes, uptime, quality: {seen:?}"))
        })
    })
    .unwrap();
    let credited: u64 = (0..3).map(|index| shown(&network, index, "credited_bytes")).sum();
    let received: u64 = (0..3).map(|index| network.snapshot(index).unwrap().live.bytes_peers).sum();
    assert!(credited <= received, "{credited} bytes are signed for, {received} were received");
}
