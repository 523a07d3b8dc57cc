//! What a coordinator can take: its real process, loaded from this one over HTTP on loopback. Both share the
//! machine. `cargo xtask bench coordinator` runs it.
//!
//! `load COORDINATOR STEP [name=value …]` prints one line of JSON. COORDINATOR is the binary, STEP one of
//! `heartbeats`, `members`, `receipts`, `events`, `closing` and `raw`. Names are `database` (`sqlite`,
//! `postgres`), `nodes`, `connections`, `seconds`, `rate` (heartbeats a second where they are paced) and
//! `dashboards`. A PostgreSQL server is started as Debian packages it, with nothing set: its disk is waited
//! for.

#![cfg_attr(not(unix), allow(unused))]
#![expect(clippy::print_stdout, reason = "the result is what it is run for")]
#![allow(clippy::unwrap_used, reason = "a server that does not start ends the bench")]

mod closing;
mod events;
mod heartbeats;
mod http;
mod members;
mod nodes;
#[cfg(unix)]
#[path = "../../src/testing/private_postgres.rs"]
mod private_postgres;
mod raw;
mod receipts;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use server::{Kind, Server};

/// What is to be measured, and how much of it.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    coordinator: PathBuf,
    step: String,
    database: Kind,
    nodes: usize,
    connections: usize,
    seconds: u64,
    rate: f64,
    dashboards: usize,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut next = |what: &str| arguments.next().with_context(|| format!("{what} is missing"));
        let (coordinator, step) = (next("the coordinator's binary")?.into(), next("the step")?);
        let mut options = Self {
            coordinator,
            step,
            database: Kind::Sqlite,
            nodes: 10_000,
            connections: 128,
            seconds: 10,
            rate: 2_500.0,
            dashboards: 1_000,
        };
        for argument in arguments {
            let (name, value) = argument.split_once('=').with_context(|| format!("{argument}: no `=`"))?;
            match (name, value) {
                ("database", "sqlite") => options.database = Kind::Sqlite,
                ("database", "postgres") => options.database = Kind::Postgres,
                ("nodes", count) => options.nodes = count.parse()?,
                ("connections", count) => options.connections = count.parse()?,
                ("seconds", count) => options.seconds = count.parse()?,
                ("rate", rate) => options.rate = rate.parse()?,
                ("dashboards", count) => options.dashboards = count.parse()?,
                _ => bail!("{argument}: not known"),
            }
        }
        Ok(options)
    }

    fn span(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

async fn run(options: &Options) -> Result<Value> {
    match options.step.as_str() {
        "raw" => return raw::run(options),
        "closing" => return closing::run(options.database).await,
        _ => {}
    }
    let server = Server::start(&options.coordinator, options.database)?;
    match options.step.as_str() {
        "heartbeats" => heartbeats::run(&server, options).await,
        "members" => members::run(&server, options).await,
        "receipts" => receipts::run(&server, options).await,
        "events" => events::run(&server, options).await,
        unknown => bail!("{unknown}: no such step"),
    }
}

// One thread makes all the load: what it cannot do is the coordinator's to use.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    println!("{}", run(&options).await?);
    Ok(())
}

/// The nearest-rank percentile, in milliseconds.
pub(crate) fn percentile_ms(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    let time = sorted.get(rank - 1).copied().unwrap_or_default();
    (time.as_secs_f64() * 1e5).round() / 100.0
}
