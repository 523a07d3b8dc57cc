//! A world: hosts in network namespaces of their own, joined by a backbone, each behind its own line.
//!
//! The backbone is a router and no bridge: hosts on one segment ask for each other's hardware addresses, and the kernel remembers 1,024
//! of them for all namespaces together, so that from thirty hosts on some could not be reached.
//!
//! Nothing outside these namespaces is touched. They are named after this process, removed when the world
//! is dropped, and what a process that was killed left behind is removed when the next world is made.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use streamr_testnet::namespace::NAMES;
use streamr_testnet::{Host, Namespace, TestnetError};

use crate::delay::DelayedLink;
use crate::error::{LabError, Result};
use crate::line::{Line, UPLINK};
use crate::system::ip;

/// Every namespace of ours is called `streamr-lab-PROCESS-WORLD-HOST`.
const PREFIX: &str = "streamr-lab-";
/// Worlds that this process has made.
static WORLDS: AtomicU32 = AtomicU32::new(0);
/// The backbone's ports and the hosts' addresses are numbered up to here.
const MOST_HOSTS: u32 = 1_000;

/// The backbone's address on every port.
const BACKBONE: Ipv4Addr = Ipv4Addr::new(10, 77, 255, 254);
const CONGESTION_CONTROL: &str = "cubic";

/// See the module.
#[derive(Debug)]
pub struct World {
    name: String,
    backbone: Namespace,
    hosts: u32,
    delays: Vec<DelayedLink>,
    namespaces: Vec<Namespace>,
}

/// Why no world can be made here; `None` where one can.
pub fn why_not() -> Option<String> {
    World::new().err().map(|error| format!("network namespaces cannot be made here: {error}"))
}

impl World {
    /// An empty world.
    pub fn new() -> Result<Self> {
        remove_leftovers()?;
        let name = format!("{PREFIX}{}-{}", std::process::id(), WORLDS.fetch_add(1, Ordering::Relaxed));
        let backbone = Namespace::named(&format!("{name}-backbone"));
        let mut world = Self { name, backbone, hosts: 0, delays: Vec::new(), namespaces: Vec::new() };
        world.make_namespace(&world.backbone.clone())?;
        world.backbone.run(|| {
            let path = Path::new("/proc/sys/net/ipv4/ip_forward");
            std::fs::write(path, "1").map_err(|source| TestnetError::File { path: path.into(), source })
        })?;
        Ok(world)
    }

    /// One more host, called `name`, behind `line`.
    pub fn add_host(&mut self, name: &str, line: Line) -> Result<LabHost> {
        let number = self.hosts + 1;
        if number > MOST_HOSTS {
            return Err(LabError::Full { most: MOST_HOSTS });
        }
        self.hosts = number;
        let namespace = Namespace::named(&format!("{}-{name}", self.name));
        self.make_namespace(&namespace)?;
        let port = format!("port{number}");
        if line.delay > Duration::ZERO || line.loss > 0.0 {
            self.delays.push(DelayedLink::start(&namespace, &self.backbone, &port, line, number)?);
        } else {
            let pair = format!("link add {port} type veth peer name {UPLINK} netns {}", namespace.name());
            ip(Some(&self.backbone), &[pair])?;
        }
        // 10.77.0.1 and on; a hundred to a row keeps them readable.
        let address = Ipv4Addr::new(10, 77, octet(number / 100), octet(number % 100 + 1));
        let lines = [
            format!("address add {BACKBONE}/32 dev {port}"),
            format!("link set {port} up"),
            format!("route add {address} dev {port}"),
        ];
        ip(Some(&self.backbone), &lines)?;
        let lines = [
            "link set lo up".into(),
            format!("address add {address}/32 dev {UPLINK}"),
            format!("link set {UPLINK} up"),
            format!("route add {BACKBONE} dev {UPLINK}"),
            // What most systems use, whatever this machine's default is.
            format!(
                "route add default via {BACKBONE} dev {UPLINK} src {address} congctl {CONGESTION_CONTROL}"
            ),
        ];
        ip(Some(&namespace), &lines)?;
        let backbone = self.backbone.clone();
        let host = LabHost {
            host: Host { namespace: Some(namespace.clone()), ip: address.into() },
            namespace,
            backbone,
            port,
            router: line.router.map(|_| format!("router{number}")),
        };
        if let Some(router) = &host.router {
            host.add_router(router)?;
        }
        host.shape(line)?;
        Ok(host)
    }

    fn make_namespace(&mut self, namespace: &Namespace) -> Result<()> {
        ip(None, &[format!("netns add {}", namespace.name())])?;
        self.namespaces.push(namespace.clone());
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.delays.clear();
        for namespace in &self.namespaces {
            // Nobody is left to tell; the next world tries again once this process is gone.
            remove(namespace.name()).ok();
        }
    }
}

/// A host of a [`World`].
#[derive(Debug, Clone)]
pub struct LabHost {
    /// Where processes are started, and its address.
    pub host: Host,
    pub(crate) namespace: Namespace,
    /// Where the other end of its line is.
    pub(crate) backbone: Namespace,
    /// The other end of its line.
    pub(crate) port: String,
    /// A device beside it, in which its router's queue is.
    pub(crate) router: Option<String>,
}

fn octet(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn remove(name: &str) -> Result<()> {
    ip(None, &[format!("netns delete {name}")])
}

/// Removes the namespaces of processes that are gone.
fn remove_leftovers() -> Result<()> {
    // Without the directory nobody has made a namespace yet.
    let Ok(entries) = std::fs::read_dir(NAMES) else { return Ok(()) };
    for entry in entries.filter_map(std::io::Result::ok) {
        if entry.file_name().to_str().is_some_and(is_leftover) {
            // Another process may be removing the same.
            remove(&entry.file_name().to_string_lossy()).ok();
        }
    }
    Ok(())
}

fn is_leftover(name: &str) -> bool {
    let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
    owner.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_namespaces_of_dead_processes_of_ours_are_leftovers() {
        assert!(!is_leftover(&format!("{PREFIX}{}-0-backbone", std::process::id())));
        // No process has a number above the kernel's limit of 2^22.
        assert!(is_leftover(&format!("{PREFIX}99999999-0-backbone")));
        assert!(!is_leftover("streamr-other-99999999") && !is_leftover(&format!("{PREFIX}mine")));
    }

    #[test]
    fn nothing_is_left_of_a_world_that_was_dropped() {
        if let Some(why) = why_not() {
            eprintln!("SKIPPED: {why}");
            return;
        }
        let mut world = World::new().unwrap();
        let host = world.add_host("a", Line::default()).unwrap();
        let (path, backbone) = (host.namespace.path(), world.backbone.path());
        assert!(path.exists() && backbone.exists());
        drop(world);
        assert!(!path.exists() && !backbone.exists());
    }
}
