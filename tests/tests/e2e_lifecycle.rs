//! Starting, stopping, dying and misconfiguration.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use streamr_testnet::binaries::ours;
use streamr_testnet::fault_network::{FaultNetwork, STREAM};
use streamr_testnet::players::Watch;
use streamr_testnet::poll::Look;
use streamr_testnet::process::{Managed, Stdout, command};
use streamr_testnet::{NodeOptions, SupporterNode, TestnetError, until};

const ENOUGH: Duration = Duration::from_secs(60);

fn network(nodes: usize) -> FaultNetwork {
    let mut network = FaultNetwork::start(nodes).unwrap();
    network.wait_supporting(2, ENOUGH).unwrap();
    network
}

/// A node that neither joins nor starts; `extra` may make it fail.
fn idle(extra: &[&str]) -> NodeOptions {
    let extra = extra.iter().map(|argument| (*argument).to_owned()).collect();
    NodeOptions { start: false, extra, ..NodeOptions::default() }
}

/// Runs `streamr-node` on `data_dir` until it ends by itself; its exit code and what it said.
fn run_to_end(data_dir: &Path, extra: &[&str]) -> (Option<i32>, String) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let log = log.path();
    let mut node = command(&ours("streamr-node").unwrap());
    node.arg("--data-dir").arg(data_dir);
    if !extra.contains(&"--page-port") {
        node.args(["--page-port", "0"]);
    }
    node.args(["--peer-port", "0"]).args(extra);
    let mut process = Managed::start("node", node, log, Stdout::Log).unwrap();
    let status = until("the node to give up", ENOUGH, || {
        Ok(process.exit_status()?.map_or_else(|| Look::NotYet(process.tail()), Look::Yes))
    });
    (status.unwrap().code(), fs::read_to_string(log).unwrap())
}

/// The code of the error with which a command is refused.
fn refusal(error: &TestnetError) -> String {
    let TestnetError::Refused { body, .. } = error else { return format!("not refused but {error}") };
    let error: Value = serde_json::from_str(body).unwrap();
    assert!(error["message"].as_str().is_some_and(|message| message.len() > 20), "{body}");
    error["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn everything_stops_cleanly_within_two_seconds() {
    let mut network = network(2);
    let stop = |name: &str, process: &mut Managed| {
        let begun = Instant::now();
        let status = process.stop().unwrap();
        assert_eq!(status.code(), Some(0), "{name}: {status}; log:\n{}", process.tail());
        assert!(begun.elapsed() < Duration::from_secs(2), "{name} took {:?}", begun.elapsed());
    };
    stop("supporting node", network.nodes[0].process());
    stop("supporting node", network.nodes[1].process());
    stop("signer", network.signer.process());
    stop("coordinator", network.coordinator.process());
}

#[test]
fn a_node_killed_at_any_moment_knows_afterwards_who_it_is_and_carries_on() {
    let mut network = network(1);
    let id = network.nodes[0].id().to_owned();
    let directory = network.root().join("node-0");
    // The invite was used by the first start; everything it brought must be on disk.
    let again = NodeOptions { start: true, stream: Some(STREAM.into()), ..NodeOptions::default() };
    // While starting, enrolled, supporting: whatever these moments hit.
    for moment_ms in [0, 30, 120, 400, 1000, 2500] {
        network.nodes[0].process().kill().unwrap();
        network.nodes.clear();
        let node = SupporterNode::start(&directory, &again).unwrap();
        assert_eq!(node.id(), id, "the identity survives");
        network.nodes.push(node);
        streamr_testnet::poll::let_run(Duration::from_millis(moment_ms)).unwrap();
    }
    network.wait_supporting(2, ENOUGH).unwrap();
}

#[test]
fn playback_goes_on_while_the_coordinator_is_down() {
    let mut network = network(2);
    let watch = Watch::start(&network.playback_url(1));
    watch.until("a segment", ENOUGH, |seen| !seen.segments.is_empty()).unwrap();
    network.coordinator.process().kill().unwrap();
    let seen = watch.so_far().segments.len();
    let watched = watch.until("six more segments", ENOUGH, |now| now.segments.len() >= seen + 6).unwrap();
    assert!(watched.complaints.is_empty(), "{:#?}", watched.complaints);
    for node in &mut network.nodes {
        node.process().check_alive().unwrap();
        assert_eq!(node.snapshot().unwrap().state.state, "supporting");
    }
    network.signer.process().check_alive().unwrap();
}

#[test]
fn the_second_of_two_instances_says_so_and_leaves_the_first_alone() {
    let root = tempfile::tempdir().unwrap();
    let first = SupporterNode::start(&root.path().join("node"), &idle(&[])).unwrap();
    let (code, said) = run_to_end(first.data_dir(), &[]);
    assert!(code.is_some_and(|code| code != 0), "exit code {code:?}");
    assert!(said.contains("already"), "{said}");
    first.snapshot().unwrap();
}

#[test]
fn a_taken_port_is_named_before_anything_starts() {
    let root = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, said) = run_to_end(&root.path().join("data"), &["--page-port", &port]);
    assert!(code.is_some_and(|code| code != 0), "exit code {code:?}");
    assert!(said.contains(&port), "{said}");
}

#[test]
fn bad_configuration_exits_with_64() {
    let root = tempfile::tempdir().unwrap();
    let (code, said) = run_to_end(&root.path().join("data"), &["--upload-cap-bps", "plenty"]);
    assert_eq!(code, Some(64), "{said}");
    for program in ["streamr-node", "streamr-coordinator", "streamr-signer"] {
        let output = Command::new(ours(program).unwrap()).arg("--no-such-flag").output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{program}");
    }
}

#[test]
fn with_a_data_directory_that_cannot_be_written_a_node_runs_and_says_that_it_will_forget() {
    let root = tempfile::tempdir().unwrap();
    // Root may write whatever the mode says; below a plain file nobody can.
    let file = root.path().join("node");
    fs::create_dir(&file).unwrap();
    fs::write(file.join("data"), "in the way").unwrap();
    let node = SupporterNode::start(&file, &idle(&[])).unwrap();
    let snapshot = node.snapshot_json().unwrap();
    let notice = &snapshot["notices"][0]["error"];
    assert_eq!(notice["code"], "data_directory", "{snapshot}");
    assert!(notice["message"].as_str().unwrap().contains(&*node.data_dir().to_string_lossy()), "{notice}");
}

#[test]
fn an_invite_works_once_and_each_bad_one_is_told_apart() {
    let network = FaultNetwork::start(0).unwrap();
    let link = network.coordinator.invite(STREAM, &network.publish_secret).unwrap();
    let enrol = |name: &str, link: &str| {
        let node = SupporterNode::start(&network.root().join(name), &idle(&[])).unwrap();
        let join = node.command(&json!({ "command": "join", "text": link }));
        let outcome =
            join.and_then(|()| node.command(&json!({ "command": "consent", "upload_cap_bps": 10_000_000 })));
        (node, outcome)
    };
    let (_first, outcome) = enrol("first", &link);
    outcome.unwrap();
    assert_eq!(refusal(&enrol("second", &link).1.unwrap_err()), "invite_used");
    let code = link.split(['/', '?']).nth(3).unwrap();
    assert_eq!(refusal(&enrol("third", &link.replace(code, "0000000000")).1.unwrap_err()), "invite_unknown");
    assert_eq!(refusal(&enrol("fourth", "hello").1.unwrap_err()), "join_unreadable");
}
