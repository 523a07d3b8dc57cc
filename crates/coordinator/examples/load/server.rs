//! The coordinator's process, on a database of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;
use streamr_coordinator::Database;
use tempfile::TempDir;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A database that is gone with this.
pub(crate) struct OwnDatabase {
    argument: String,
    _dir: TempDir,
    #[cfg(unix)]
    _server: Option<super::private_postgres::PrivatePostgres>,
}

impl OwnDatabase {
    pub(crate) fn create(kind: Kind) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("coordinator.sqlite").display().to_string();
        #[cfg(unix)]
        {
            let server =
                (kind == Kind::Postgres).then(|| super::private_postgres::PrivatePostgres::start(&[]));
            let argument = server.as_ref().map_or(file, super::private_postgres::PrivatePostgres::url);
            Ok(Self { argument, _dir: dir, _server: server })
        }
        #[cfg(not(unix))]
        {
            anyhow::ensure!(kind == Kind::Sqlite, "a PostgreSQL server is started on Unix only");
            Ok(Self { argument: file, _dir: dir })
        }
    }

    pub(crate) fn database(&self) -> Result<Database> {
        Ok(Database::from_argument(self.argument.as_ref())?)
    }
}

/// A coordinator that runs until it is dropped.
pub(crate) struct Server {
    process: Child,
    /// Its address and port.
    pub(crate) host: String,
    /// Its operator token.
    pub(crate) operator: String,
    _database: OwnDatabase,
    _dir: TempDir,
}

impl Server {
    /// Starts `program`.
    pub(crate) fn start(program: &Path, kind: Kind) -> Result<Self> {
        let (database, dir) = (OwnDatabase::create(kind)?, tempfile::tempdir()?);
        let token = dir.path().join("operator.token");
        let mut command = Command::new(program);
        command.args(["--listen", "127.0.0.1:0", "--rate-limit", "off", "--database", &database.argument]);
        command.arg("--operator-token-file").arg(&token).env("RUST_LOG", "warn").stdin(Stdio::null());
        let mut process =
            command.stdout(Stdio::piped()).spawn().with_context(|| program.display().to_string())?;
        let mut line = String::new();
        let stdout = process.stdout.take().context("its output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("the coordinator does not start")?;
        let host = ready["http"].as_str().and_then(|url| url.strip_prefix("http://"));
        let host = host.context("its address")?.to_owned();
        let operator = std::fs::read_to_string(token)?.trim().to_owned();
        Ok(Self { process, host, operator, _database: database, _dir: dir })
    }

    /// Its resident memory, in bytes; 0 where the system does not tell.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib =
            line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|text| text.trim().parse().ok());
        kib.unwrap_or(0_u64) * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
