//! The binary as an operator meets it: exit codes, the ready line, signals, sudden death.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

#[path = "support/process.rs"]
mod process;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use process::{Process, command, outcome};
use serde_json::{Value, json};

async fn register(url: &str, token: &str, id: &str) -> reqwest::Result<u16> {
    let body = json!({
        "stream": id, "title": "t", "streamer": "s", "origin": "http://127.0.0.1/a.m3u8",
        "key": null, "pool_per_hour": null, "currency": null,
    });
    let request = reqwest::Client::new().post(format!("{url}/v1/streams")).bearer_auth(token).json(&body);
    Ok(request.send().await?.status().as_u16())
}

fn token(dir: &Path) -> String {
    fs::read_to_string(dir.join("operator.token")).unwrap().trim().to_owned()
}

#[test]
fn bad_configuration_exits_64_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    for (args, reason) in [
        (&["--listen", "nowhere"] as &[&str], "--listen"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--public-url", "coordinator.example.org"], "--public-url"),
        (&["--public-url", "https://u:p@example.org"], "--public-url"),
        (&["--database", "missing/c.sqlite"], "create it first"),
        (&["--database", "."], "directory"),
        (&["--database", "mysql://u:hunter2@db/streamr"], "mysql"),
        (&["--database", "postgres://u:hunter2@db/streamr?pasword=hunter2"], "`pasword` is not known"),
        (&["--operator-token-file", "missing/token"], "create it first"),
        (&["--old-poll-allow", "10.0.0.0/33"], "--old-poll-allow"),
        (&["--old-poll-ports", "80,http"], "--old-poll-ports"),
        (&["--old-registration", "everybody"], "--old-registration"),
        (&["--payout-day", "31"], "1 to 28"),
        (&["--debtor-name", "Alice"], "--debtor-iban"),
        (&["--debtor-name", "Alice", "--debtor-iban", "DE89370400440532013001"], "not a valid IBAN"),
        (&["--payout-url", "https://pay.example.org", "--payout-token-file", "missing"], "cannot be read"),
    ] {
        let (code, stdout, stderr) = outcome(dir.path(), args);
        assert_eq!((code, stdout.as_str()), (64, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(reason) && !stderr.contains("hunter2"), "{args:?}: {stderr}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn check_says_yes_or_no_and_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(outcome(dir.path(), &["--check"]).0, 0);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    fs::write(dir.path().join("operator.token"), "short").unwrap();
    let (code, _, stderr) = outcome(dir.path(), &["--check"]);
    assert!(code == 64 && stderr.contains("a new token is made"), "{code} {stderr}");
}

#[test]
fn a_flag_has_an_environment_variable_and_wins_over_it() {
    let dir = tempfile::tempdir().unwrap();
    let run = |flags: &[&str]| {
        command(dir.path()).env("STREAMR_PUBLIC_URL", "nonsense").arg("--check").args(flags).output().unwrap()
    };
    assert_eq!(run(&[]).status.code(), Some(64));
    assert_eq!(run(&["--public-url", "https://example.org"]).status.code(), Some(0));
}

#[test]
fn a_taken_port_is_named_and_exits_69() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_streamr-coordinator"))
        .current_dir(dir.path())
        .args(["--listen", &address])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(69), "{stderr}");
    assert!(stderr.contains(&address) && stderr.contains("Another program uses this port"), "{stderr}");
}

#[test]
fn a_database_that_cannot_be_opened_is_named_and_exits_73() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("coordinator.sqlite"),
        "this is no database, just a text that is long enough".repeat(40),
    )
    .unwrap();
    let (code, stdout, stderr) = outcome(dir.path(), &[]);
    assert_eq!((code, stdout.as_str()), (73, ""), "{stderr}");
    assert!(stderr.contains("coordinator.sqlite") && stderr.contains("may write there"), "{stderr}");
}

#[test]
fn a_password_in_the_databases_address_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody listens on port 1.
    let url = "postgres://streamr:hunter2@127.0.0.1:1/streamr";
    let run = |flags: &[&str]| {
        let output = command(dir.path())
            .env("STREAMR_DATABASE", url)
            .env("RUST_LOG", "trace")
            .args(flags)
            .output()
            .unwrap();
        let shown = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(shown).unwrap())
    };
    let (code, shown) = run(&[]);
    assert_eq!(code, Some(73), "{shown}");
    assert!(
        shown.contains("postgres://streamr@127.0.0.1:1/streamr") && shown.contains("PGPASSFILE"),
        "{shown}"
    );
    for (flags, expected) in [(&[] as &[&str], 73), (&["--check"], 0), (&["--help"], 0)] {
        let (code, shown) = run(flags);
        assert!(code == Some(expected) && !shown.contains("hunter2"), "{flags:?}: {shown}");
    }
}

#[test]
fn what_it_knows_about_people_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let _process = Process::start(dir.path(), &[]);
    let files: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap()).collect();
    assert!(files.len() >= 2);
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}

#[test]
fn it_stops_cleanly_within_two_seconds_of_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    for signal in ["-TERM", "-INT"] {
        let mut process = Process::start(dir.path(), &[]);
        // A client that holds its connection open must not hold the coordinator.
        let address = process.url.strip_prefix("http://").unwrap();
        let _idle = std::net::TcpStream::connect(address).unwrap();
        let asked = Instant::now();
        process.signal(signal);
        assert_eq!(process.child.wait().unwrap().code(), Some(0), "{signal}");
        assert!(asked.elapsed() < Duration::from_secs(2), "{signal} took {:?}", asked.elapsed());
    }
    assert!(!dir.path().join("coordinator.sqlite-wal").exists(), "a clean stop leaves one file");
}

#[tokio::test]
async fn what_was_answered_survives_kill_9_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let mut answered: Vec<String> = Vec::new();
    for round in 0..4_u64 {
        let process = Process::start(dir.path(), &[]);
        let (url, token) = (process.url.clone(), token(dir.path()));
        let count = Arc::new(AtomicU64::new(0));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (url, token, count) = (url.clone(), token.clone(), count.clone());
                tokio::spawn(async move {
                    let mut done = Vec::new();
                    for n in 0.. {
                        let id = format!("s{round}-{writer}-{n}");
                        match register(&url, &token, &id).await {
                            Ok(201) => {
                                done.push(id);
                                count.fetch_add(1, Ordering::SeqCst);
                            }
                            Ok(429) => tokio::task::yield_now().await,
                            Ok(status) => panic!("{status}"),
                            Err(_) => break,
                        }
                    }
                    done
                })
            })
            .collect();
        // In the middle of other writes, each time a little later.
        let deadline = Instant::now() + Duration::from_secs(20);
        while count.load(Ordering::SeqCst) < 3 + 7 * round {
            assert!(Instant::now() < deadline, "nothing is answered");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        process.signal("-KILL");
        for writer in writers {
            answered.extend(writer.await.unwrap());
        }
    }
    let process = Process::start(dir.path(), &[]);
    let list: Value =
        reqwest::get(format!("{}/v1/streams", process.url)).await.unwrap().json().await.unwrap();
    let stored: Vec<&str> =
        list["streams"].as_array().unwrap().iter().map(|stream| stream["stream"].as_str().unwrap()).collect();
    for id in &answered {
        assert!(stored.contains(&id.as_str()), "{id} was answered and is lost");
    }
}

/// A process with a stream that got one deposit, stopped again.
async fn with_a_deposit(dir: &Path) {
    let mut process = Process::start(dir, &[]);
    let token = token(dir);
    let id = "alice";
    let body = json!({
        "stream": id, "title": "t", "streamer": "s", "origin": "http://127.0.0.1/a.m3u8",
        "key": null, "pool_per_hour": 3_600_000, "currency": "EUR",
    });
    let client = reqwest::Client::new();
    let post = |path: &str, body: &Value| {
        client.post(format!("{}{path}", process.url)).bearer_auth(&token).json(body).send()
    };
    assert_eq!(post("/v1/streams", &body).await.unwrap().status(), 201);
    let deposit = json!({"idempotency_key": "march", "amount": 2_500_000, "currency": "EUR"});
    assert_eq!(post("/v1/streams/alice/deposits", &deposit).await.unwrap().status(), 201);
    process.signal("-TERM");
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
}

fn verify_ledger(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamr-coordinator"));
    let output = command.current_dir(dir).arg("verify-ledger").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_right_book_is_verified_and_a_changed_one_is_named_and_exits_65() {
    let dir = tempfile::tempdir().unwrap();
    with_a_deposit(dir.path()).await;
    let (code, stdout, stderr) = verify_ledger(dir.path(), &[]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.contains("EUR (millionths): deposited 2500000 = pools 2500000"), "{stdout}");
    let head = stdout.lines().next().unwrap().split("the last is ").nth(1).unwrap().to_owned();
    assert_eq!(verify_ledger(dir.path(), &["--expect", &head]).0, 0);
    let other = format!("1:{}", "ab".repeat(32));
    let (code, _, stderr) = verify_ledger(dir.path(), &["--expect", &other]);
    assert!(code == 65 && stderr.contains("another book"), "{code} {stderr}");

    let file = dir.path().join("coordinator.sqlite");
    let mut bytes = fs::read(&file).unwrap();
    let text = b"deposit:alice:march";
    let places: Vec<usize> =
        (0..bytes.len() - text.len()).filter(|&at| bytes[at..].starts_with(text)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + text.len()].copy_from_slice(b"deposit:alice:april");
    }
    fs::write(&file, bytes).unwrap();
    let (code, stdout, stderr) = verify_ledger(dir.path(), &[]);
    assert_eq!((code, stdout.as_str()), (65, ""), "{stderr}");
    assert!(stderr.contains("entry 1") && stderr.contains("changed"), "{stderr}");
}

#[test]
fn verifying_changes_nothing_and_a_database_that_is_not_there_exits_66() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, stderr) = verify_ledger(dir.path(), &["--database", "missing.sqlite"]);
    assert!(code == 66 && stderr.contains("missing.sqlite"), "{code} {stderr}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    assert_eq!(verify_ledger(dir.path(), &["--no-such-flag"]).0, 64);
}
