//! Network namespaces that exist already, as places where processes run and requests are made.
//!
//! Making and removing them is `streamr-netlab`'s work.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::binaries::of_system;
use crate::error::{Result, WithPath};
use crate::process::command;

/// Where `ip netns` keeps the names.
pub const NAMES: &str = "/run/netns";

/// A named network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    name: Arc<str>,
}

impl Namespace {
    /// The namespace that `ip netns` calls `name`.
    pub fn named(name: &str) -> Self {
        Self { name: name.into() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that keeps it.
    pub fn path(&self) -> PathBuf {
        Path::new(NAMES).join(&*self.name)
    }

    /// A command for [`crate::Managed::start`] that runs `program` inside.
    pub fn command(&self, program: &Path) -> Result<Command> {
        // It replaces itself with the program, so the process's id is the program's.
        let mut inside = command(&of_system("nsenter")?);
        inside.arg(format!("--net={}", self.path().display())).arg("--").arg(program);
        Ok(inside)
    }

    /// Does `work` inside, on a thread of its own: sockets that it makes belong there.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let entered = || {
            enter(&self.path()).at(self.path())?;
            work()
        };
        std::thread::scope(|scope| {
            scope.spawn(entered).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

/// Moves the calling thread.
#[cfg(target_os = "linux")]
fn enter(namespace: &Path) -> std::io::Result<()> {
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    use std::os::fd::AsFd;

    let file = std::fs::File::open(namespace)?;
    Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?)
}

#[cfg(not(target_os = "linux"))]
fn enter(_namespace: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// A machine as a process sees it: its network, and the address others know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Where its processes run; `None`: in our own network.
    pub namespace: Option<Namespace>,
    /// Its address.
    pub ip: IpAddr,
}

impl Default for Host {
    /// This machine, by its loopback address.
    fn default() -> Self {
        Self { namespace: None, ip: Ipv4Addr::LOCALHOST.into() }
    }
}

impl Host {
    /// A command for [`crate::Managed::start`] that runs `program` on this host.
    pub fn command(&self, program: &Path) -> Result<Command> {
        match &self.namespace {
            Some(namespace) => namespace.command(program),
            None => Ok(command(program)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_is_not_there_is_named_in_the_error() {
        let gone = Namespace::named("streamr-never-made").run(|| Ok(()));
        assert!(gone.unwrap_err().to_string().contains("streamr-never-made"));
    }
}
