//! `streamr-signer` as a process.
#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]

use std::process::{Command, Output};

fn signer(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamr-signer"));
    command.env_clear().args(arguments).output().unwrap()
}

#[test]
fn the_public_key_is_printed_and_stays_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let path = path.to_str().unwrap();
    let first = signer(&["key", "--key-file", path]);
    assert!(first.status.success());
    let text = String::from_utf8(first.stdout).unwrap();
    assert!(text.trim().parse::<streamr_model::StreamKey>().is_ok(), "{text}");
    assert_eq!(signer(&["key", "--key-file", path]).stdout, text.into_bytes());
}

#[test]
fn bad_configuration_exits_64_and_says_why() {
    for arguments in [&["--stream", "A B"][..], &[], &["--bogus"], &["key"]] {
        let output = signer(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
    let missing = signer(&[
        "--coordinator",
        "http://127.0.0.1:1",
        "--stream",
        "alice",
        "--origin",
        "http://127.0.0.1:1/a.m3u8",
        "--publish-secret-file",
        "/nonexistent/secret",
        "--key-file",
        "/nonexistent/key",
    ]);
    assert_eq!(missing.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nonexistent/secret"));
    assert_eq!(signer(&["--version"]).status.code(), Some(0));
}
