//! Network namespaces on one switch, each with an uplink of a given rate. Needs root.

use std::process::Command;

use anyhow::{Context, bail};

/// What an uplink may send at once, and what may wait for it: 200 ms, as in a home router.
const SHAPE: [&str; 4] = ["burst", "16kb", "latency", "200ms"];

/// See the module. They are removed when dropped.
#[derive(Debug)]
pub(crate) struct Namespaces {
    switch: String,
    names: Vec<String>,
}

impl Namespaces {
    /// `count` of them, with uplinks of `rate_mbit`.
    pub(crate) fn new(count: usize, rate_mbit: u64) -> anyhow::Result<Self> {
        let id = std::process::id();
        let names = (0..count).map(|n| format!("hop-{id}-{n}")).collect();
        let this = Self { switch: format!("hop-{id}-s"), names };
        let rate = format!("{rate_mbit}mbit");
        ip(&["netns", "add", &this.switch])?;
        ip(&["-n", &this.switch, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", &this.switch, "link", "set", "br0", "up"])?;
        for (n, name) in this.names.iter().enumerate() {
            let port = format!("p{n}");
            ip(&["netns", "add", name])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            let peer = ["peer", "name", &port, "netns", &this.switch];
            ip(&[&["-n", name, "link", "add", "up0", "type", "veth"][..], &peer].concat())?;
            ip(&["-n", &this.switch, "link", "set", &port, "master", "br0", "up"])?;
            ip(&["-n", name, "address", "add", &format!("{}/24", this.ip(n)), "dev", "up0"])?;
            ip(&["-n", name, "link", "set", "up0", "up"])?;
            let tbf = ["-n", name, "qdisc", "add", "dev", "up0", "root", "tbf", "rate", &rate];
            call("tc", &[&tbf[..], &SHAPE].concat())?;
        }
        Ok(this)
    }

    /// What runs a command in the namespace.
    pub(crate) fn prefix(&self, n: usize) -> Vec<String> {
        ["ip", "netns", "exec", &self.names[n]].map(str::to_owned).to_vec()
    }

    /// Its address, known only inside.
    pub(crate) fn ip(&self, n: usize) -> String {
        format!("10.77.0.{}", n + 1)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in self.names.iter().chain([&self.switch]) {
            // Those that were never made are not there to be removed.
            let _ = Command::new("ip").args(["netns", "delete", name]).output();
        }
    }
}

fn ip(arguments: &[&str]) -> anyhow::Result<String> {
    call("ip", arguments)
}

fn call(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| program.to_owned())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        bail!("`{program} {}` failed: {said}", arguments.join(" "));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
