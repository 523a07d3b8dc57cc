//! A PostgreSQL server of one's own: in a temporary directory, on a socket in it, gone with its owner.
//!
//! Nothing here needs the rest of the crate, so that tests of the binary and examples use the same file.

#![allow(clippy::unwrap_used, clippy::panic, reason = "without the server nothing can be tested")]

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use tempfile::TempDir;

/// Where Debian's packages put each version's programs.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Who runs it if we are root, which PostgreSQL refuses to be; Debian's package makes this user.
const USER: &str = "postgres";

/// A server that runs until it is dropped, or the thread that started it ends, whatever ends it.
pub(crate) struct PrivatePostgres {
    dir: TempDir,
    server: Child,
}

impl PrivatePostgres {
    /// With these settings, each `name=value`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("streamr-postgres-").tempdir().unwrap();
        let directory = dir.path().to_str().expect("temporary directories have plain names");
        if is_root() {
            let uid = output(Command::new("id").args(["-u", USER]));
            std::os::unix::fs::chown(dir.path(), Some(uid.trim().parse().unwrap()), None).unwrap();
        }
        let data = format!("{directory}/data");
        // Not the collation "C", so that a test sees where the order of texts is left to the database.
        let language = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en"];
        let mut initdb = command("initdb", dir.path());
        initdb.args(["-D", &data, "-U", "streamr", "-A", "trust", "-E", "UTF8", "--no-sync"]).args(language);
        output(&mut initdb);

        let mut server = command("postgres", dir.path());
        server.args(["-D", &data, "-k", directory, "-c", "listen_addresses=", "-c", "log_min_messages=log"]);
        for setting in settings {
            server.args(["-c", setting]);
        }
        let mut server = server.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(server.stderr.take().unwrap()).lines();
        wait_until_ready(log);
        Self { dir, server }
    }

    /// Its address, for `--database`.
    pub(crate) fn url(&self) -> String {
        format!("postgres:///postgres?user=streamr&host={}", self.dir.path().display())
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's “fast shutdown”: clients are cut off, nothing is left in memory or on disk.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).trim() == "0"
}

/// One of PostgreSQL's programs, of the newest version that is installed.
pub(crate) fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists());
    let number = |path: &PathBuf| {
        let version = path.strip_prefix(VERSIONS).ok()?.iter().next()?.to_str()?;
        version.parse::<u32>().ok()
    };
    found.max_by_key(number).unwrap_or_else(|| {
        panic!(
            "PostgreSQL is not installed: {VERSIONS}/*/bin/{name} is missing. `cargo xtask setup` installs it"
        )
    })
}

/// A program that runs as somebody who is not root and gets a SIGINT when this thread ends.
fn command(name: &str, dir: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if is_root() {
        command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]);
    }
    command.arg(program(name)).current_dir(dir).stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Reads the log until the server says that it is ready, and lets a thread read on, so that it never waits for
/// a reader.
fn wait_until_ready(mut log: Lines<BufReader<ChildStderr>>) {
    let mut said = Vec::new();
    let is_ready = log.by_ref().map_while(Result::ok).any(|line| {
        let is_ready = line.contains("ready to accept connections");
        said.push(line);
        is_ready
    });
    assert!(is_ready, "PostgreSQL did not start: {}", said.join("\n"));
    std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
}
