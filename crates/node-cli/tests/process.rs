//! `streamr-node` as its operator meets it: exit codes, the ready line, signals.

#![allow(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn node(data_dir: &Path) -> Command {
    let mut node = Command::new(env!("CARGO_BIN_EXE_streamr-node"));
    node.env_clear().arg("--data-dir").arg(data_dir).stdin(Stdio::null());
    node
}

fn finish(mut node: Command) -> Output {
    node.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A node that is killed when a test fails.
struct Running(Child, serde_json::Value);

impl Running {
    fn start(mut node: Command) -> Self {
        let mut child = node.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Self(child, ready)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn bad_configuration_exits_64_and_leaves_the_file_alone() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        vec!["--upload-cap-bps", "1"],
        vec!["--no-such-flag"],
        vec!["--join", "hello"],
        vec!["--stream", "Not An Id"],
        vec!["--coordinator", "ftp://x"],
    ] {
        let mut node = node(dir.path());
        node.args(&arguments);
        assert_eq!(finish(node).status.code(), Some(64), "{arguments:?}");
    }
    let file = dir.path().join("settings.toml");
    std::fs::write(&file, "# mine\npeer_port = 70000\n").unwrap();
    let output = finish(node(dir.path()));
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("line 2"), "{}", stderr(&output));
    assert!(std::fs::read_to_string(&file).unwrap().contains("70000"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "something was created");
}

#[test]
fn check_starts_and_creates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = node(&dir.path().join("node"));
    node.args(["--check", "--live-delay-ms", "7000"]);
    let output = finish(node);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("live_delay_ms: 7000"));
    assert!(!dir.path().join("node").exists());
}

#[test]
fn a_setting_can_come_from_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = node(dir.path());
    node.arg("--check").env("STREAMR_STORE_LIMIT_MB", "99");
    assert!(String::from_utf8_lossy(&finish(node).stdout).contains("store_limit_mb: 99"));
}

#[test]
fn help_and_version_are_not_errors() {
    let dir = tempfile::tempdir().unwrap();
    for flag in ["--help", "--version"] {
        let mut node = node(dir.path());
        node.arg(flag);
        assert_eq!(finish(node).status.code(), Some(0));
    }
}

#[test]
fn a_second_node_is_refused_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Running::start(node(dir.path()));
    let second = finish(node(dir.path()));
    assert_eq!(second.status.code(), Some(75));
    assert!(stderr(&second).contains("running already"), "{}", stderr(&second));
}

#[cfg(unix)]
#[test]
fn a_signal_stops_it_within_two_seconds() {
    for signal in ["TERM", "INT"] {
        let dir = tempfile::tempdir().unwrap();
        let mut running = Running::start(node(dir.path()));
        assert_eq!(running.1["ready"], "node");
        assert_eq!(running.1["node"].as_str().unwrap().len(), 64);
        assert!(running.1["page"].as_str().unwrap().starts_with("http://127.0.0.1:"));
        let began = Instant::now();
        let pid = running.0.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        assert_eq!(running.0.wait().unwrap().code(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
}
