//! `playback [seconds=5]`: a node's local playback server under wrk, and nginx with the same files beside it:
//! as it is without sendfile, and as SRS serves, which closes the connection after every answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::child::Measured;
use crate::options::Options;

/// Segments published before the measurement: a full window for the playlist.
const SEGMENTS: usize = 6;
/// Players at a time.
const CONNECTIONS: &str = "8";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let seconds: u64 = options.get_or("seconds", 5)?;
    let directory = tempfile::tempdir()?;
    let mut results = serde_json::Map::new();
    for (name, len) in [("segment_2mb", 2_000_000), ("segment_10mb", 10_000_000)] {
        let (_seed, relay) = node(len)?;
        let base = relay.said("playback")?;
        let playlist = get(&format!("{base}index.m3u8"))?;
        let text = String::from_utf8_lossy(&playlist).into_owned();
        let segment = text.lines().rfind(|line| !line.starts_with('#')).context("an empty playlist")?;
        let bytes = get(&format!("{base}{segment}"))?;
        if bytes.len() != len {
            bail!("the node serves {} bytes instead of {len}", bytes.len());
        }
        std::fs::write(directory.path().join(segment), &bytes)?;
        std::fs::write(directory.path().join("index.m3u8"), &playlist)?;
        let nginx = Nginx::start(directory.path())?;
        let three = |file: &str| -> anyhow::Result<Value> {
            Ok(json!({
                "ours": wrk(&format!("{base}{file}"), seconds)?,
                "nginx": wrk(&format!("{}{file}", nginx.url), seconds)?,
                "srs_like": wrk(&format!("{}{file}", nginx.closing_url), seconds)?,
            }))
        };
        results.insert(name.to_owned(), three(segment)?);
        if !results.contains_key("playlist") {
            results.insert("playlist".to_owned(), three("index.m3u8")?);
        }
    }
    println!("{}", Value::from(results));
    Ok(())
}

/// A node that holds a few segments of this length.
fn node(len: usize) -> anyhow::Result<(Measured, Measured)> {
    let mut seed = Measured::start(&[], "seed", &[format!("len={len}")])?;
    let options =
        ["n=1".to_owned(), format!("origin={}", seed.said("origin")?), "store=134217728".to_owned()];
    let mut relay = Measured::start(&[], "relay", &options)?;
    let me = relay.said("node")?.to_owned();
    relay.order(&format!("members {me} {},{}", seed.said("node")?, seed.addresses("").join(",")))?;
    for _ in 0..SEGMENTS {
        seed.order("publish")?;
        relay.next(PATIENCE)?;
    }
    Ok((seed, relay))
}

fn get(url: &str) -> anyhow::Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let answer = reqwest::Client::builder().no_proxy().build()?.get(url).send().await?;
        Ok(answer.error_for_status()?.bytes().await?.to_vec())
    })
}

/// Requests a second, after a second to warm up.
fn wrk(url: &str, seconds: u64) -> anyhow::Result<f64> {
    let load = |seconds: u64| {
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads", "1", "--connections", CONNECTIONS, "--duration", &format!("{seconds}s"), url]);
        wrk.output().context("wrk cannot be started")
    };
    load(1)?;
    let output = load(seconds)?;
    let said = String::from_utf8_lossy(&output.stdout);
    // A server that closes shows as socket errors of reading where nothing was lost; other answers are none.
    if said.contains("Non-2xx") {
        bail!("{url} was not answered: {said}");
    }
    let rate = said.split("Requests/sec:").nth(1).and_then(|rest| rest.trim().lines().next());
    rate.and_then(|rate| rate.trim().parse().ok()).with_context(|| format!("wrk said {said}"))
}

/// nginx with a directory's files, without sendfile, on two ports.
struct Nginx {
    process: Child,
    url: String,
    closing_url: String,
}

impl Nginx {
    fn start(directory: &Path) -> anyhow::Result<Self> {
        let (port, closing) = (free_port()?, free_port()?);
        let root = directory.display();
        // A worker of another user could not read our directory.
        let user = if directory.metadata()?.uid() == 0 { "user root;" } else { "" };
        let configuration = format!(
            "{user}\nworker_processes 2;\ndaemon off;\nerror_log {root}/error.log;\npid {root}/nginx.pid;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n  access_log off;\n  sendfile off;\n  root {root};\n\
             client_body_temp_path {root}/t1;\n  proxy_temp_path {root}/t2;\n  fastcgi_temp_path {root}/t3;\n\
             uwsgi_temp_path {root}/t4;\n  scgi_temp_path {root}/t5;\n\
             types {{ video/mp2t ts; application/vnd.apple.mpegurl m3u8; }}\n\
             server {{ listen 127.0.0.1:{port}; keepalive_requests 1000000; }}\n\
             server {{ listen 127.0.0.1:{closing}; keepalive_timeout 0; max_ranges 0; }}\n}}\n"
        );
        let path = directory.join("nginx.conf");
        std::fs::write(&path, configuration)?;
        let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let mut nginx = Command::new(program);
        nginx.arg("-c").arg(&path).arg("-p").arg(directory).arg("-e").arg(directory.join("error.log"));
        nginx.stdin(Stdio::null()).stdout(Stdio::null());
        let process = nginx.spawn().context("nginx cannot be started")?;
        let this = Self {
            process,
            url: format!("http://127.0.0.1:{port}/"),
            closing_url: format!("http://127.0.0.1:{closing}/"),
        };
        answers(port)?;
        Ok(this)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end when their master asks them to, which SIGKILL would prevent.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn answers(port: u16) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    let ask = || -> std::io::Result<bool> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.write_all(b"HEAD /index.m3u8 HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer.contains(" 200 "))
    };
    while !ask().unwrap_or(false) {
        if Instant::now() >= deadline {
            bail!("nginx does not answer");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
