//! A network namespace with loopback and one interface to a world that does not answer.

use std::fs;
use std::process::Command;

const MARK: &str = "STREAMR_TEST_IN_NAMESPACE";

/// True inside the namespace. Outside, runs the test `name` of this program inside, fails as it fails, and
/// returns false; where namespaces are not permitted it says that the test was skipped.
pub(crate) fn run_inside(name: &str) -> bool {
    if std::env::var_os(MARK).is_some() {
        prepare();
        return true;
    }
    let unshare = |command: &str, arguments: &[&str]| {
        let mut unshare = Command::new("unshare");
        // As root no mapping is needed; anybody else may be root inside a user namespace of its own.
        unshare.args(if is_root() {
            ["--net", "--"].as_slice()
        } else {
            &["--map-root-user", "--net", "--"]
        });
        unshare.arg(command).args(arguments).env(MARK, "1");
        unshare
    };
    let permitted = unshare("true", &[]).output();
    if !permitted.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED {name}: network namespaces are not permitted here: {permitted:?}");
        return false;
    }
    let this = std::env::current_exe().unwrap();
    let inside = unshare(&this.to_string_lossy(), &["--exact", name, "--nocapture"]).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&inside.stdout), String::from_utf8_lossy(&inside.stderr));
    // A name that matches no test would succeed, too.
    assert!(inside.status.success() && said.contains("1 passed"), "inside the namespace: {said}");
    false
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn prepare() {
    ip("link set lo up");
    ip("link add out0 type veth peer name out1");
    // The kernel's own chatter for IPv6 would be counted.
    for interface in ["out0", "out1"] {
        fs::write(format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6"), "1").unwrap();
    }
    ip("address add 10.99.0.1/24 dev out0");
    ip("link set out0 up");
    ip("link set out1 up");
    ip("route add default via 10.99.0.2");
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Packets that `interface` has sent.
pub(crate) fn packets(interface: &str) -> u64 {
    let text = fs::read_to_string("/proc/net/dev").unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("{interface}:")));
    // Eight numbers of what was received come before: bytes, packets, …
    line.unwrap().split_whitespace().nth(9).unwrap().parse().unwrap()
}
