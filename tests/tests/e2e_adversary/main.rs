//! A peer that lies is dropped, and nothing it says is stored, passed on or played.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod evil;

use std::collections::BTreeSet;
use std::time::Duration;

use evil::{EvilPeer, Lie};
use streamr_testnet::fault_network::FaultNetwork;
use streamr_testnet::fault_origin::{Fault, FaultOrigin, Scope};
use streamr_testnet::players::{Watched, sha256};
use streamr_testnet::poll::Look;
use streamr_testnet::until;

const ENOUGH: Duration = Duration::from_secs(60);
const HONEST: u32 = 3;

fn network() -> FaultNetwork {
    let mut network = FaultNetwork::start(HONEST as usize).unwrap();
    network.wait_supporting(2, ENOUGH).unwrap();
    for node in &mut network.nodes {
        node.wait_for("acquainted", ENOUGH, |snapshot| snapshot.live.peers == HONEST - 1).unwrap();
    }
    network
}

fn assert_genuine(watched: &Watched, origin: &FaultOrigin) {
    assert!(watched.complaints.is_empty(), "{:#?}", watched.complaints);
    let published: BTreeSet<_> =
        origin.published().iter().map(|segment| sha256(&segment.clip.bytes)).collect();
    let strange = watched.segments.iter().find(|(_, segment)| !published.contains(&segment.sha256));
    assert!(strange.is_none(), "never published: {strange:?}");
}

/// Blocks that did not verify, at each node.
fn bad_blocks(network: &FaultNetwork) -> Vec<u64> {
    network.nodes.iter().map(|node| node.snapshot().unwrap().live.blocks_bad).collect()
}

/// Lets the liar in, sees every honest node drop it, and the live go on as if it had never been there.
fn assert_harmless(lie: Lie) -> (FaultNetwork, Vec<u64>) {
    let mut network = network();
    let watches = network.watch_all();
    let evil = EvilPeer::enter(&network, lie).unwrap();
    streamr_testnet::poll::let_run(Duration::from_secs(12)).unwrap();
    for node in &mut network.nodes {
        let dropped = |notice: &serde_json::Value| notice["error"]["code"] == "peer_dropped";
        node.wait_for("tells that a peer was dropped", ENOUGH, |snapshot| {
            snapshot.notices.iter().any(dropped)
        })
        .unwrap();
    }
    until("the liar to have lost everybody", ENOUGH, || {
        let lost = evil.lost().len();
        Ok(if lost >= HONEST as usize { Look::Yes(()) } else { Look::NotYet(format!("{lost} lost")) })
    })
    .unwrap();

    // It keeps coming back, and is not listened to again.
    let bad = bad_blocks(&network);
    let seen: Vec<usize> = watches.iter().map(|watch| watch.so_far().segments.len()).collect();
    for (watch, seen) in watches.iter().zip(seen) {
        watch.until("four more segments", ENOUGH, |now| now.segments.len() >= seen + 4).unwrap();
    }
    assert_eq!(bad_blocks(&network), bad, "a banned peer was listened to");
    for (node, watch) in network.nodes.iter().zip(watches) {
        assert_genuine(&watch.finish(), &network.origin);
        let live = node.snapshot().unwrap().live;
        assert_eq!(live.peers, HONEST - 1, "honest peers keep together");
        assert_eq!(live.segments_missed, 0);
    }
    network.check_alive().unwrap();
    (network, bad)
}

#[test]
fn a_peer_that_sends_other_bytes_is_dropped_at_its_first_block() {
    let (_network, bad) = assert_harmless(Lie::Blocks);
    assert!(bad.iter().all(|bad| (1..=2).contains(bad)), "bad blocks taken: {bad:?}");
}

#[test]
fn a_peer_that_forges_manifests_is_dropped() {
    let (_network, bad) = assert_harmless(Lie::Manifest);
    assert_eq!(bad, [0, 0, 0]);
}

#[test]
fn a_peer_that_does_not_speak_the_protocol_is_dropped() {
    let (_network, bad) = assert_harmless(Lie::Garbage);
    assert_eq!(bad, [0, 0, 0]);
}

#[test]
fn an_origin_that_tells_the_nodes_other_bytes_than_its_signer_deceives_nobody() {
    let mut network = network();
    let watches = network.watch_all();
    network.origin.misbehave(Scope::SegmentsReadBefore, Fault::Garbage);
    let seen: Vec<usize> = watches.iter().map(|watch| watch.so_far().segments.len()).collect();
    for (watch, seen) in watches.iter().zip(seen) {
        watch.until("six more segments", ENOUGH, |now| now.segments.len() >= seen + 6).unwrap();
    }
    for watch in watches {
        assert_genuine(&watch.finish(), &network.origin);
    }
    network.check_alive().unwrap();
}
