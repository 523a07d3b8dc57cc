//! Debian packages.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Purpose;
use crate::exit::Stop;
use crate::shell;
use crate::workspace::Workspace;

/// Origin, publisher, player, and what compiles the C in our dependencies.
const RUN: &[&str] =
    &["build-essential", "pkg-config", "ca-certificates", "nginx", "libnginx-mod-rtmp", "ffmpeg"];

/// What fetches Node.js where the system's is too old.
const NODE: &[&str] = &["python3", "python3-pip"];

/// The desktop app's libraries.
const DESKTOP: &[&str] = &[
    "libwebkit2gtk-4.1-dev",
    "libayatana-appindicator3-dev",
    "librsvg2-dev",
    "libxdo-dev",
    "libssl-dev",
    "file",
    "gstreamer1.0-libav",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-bad",
];

/// Windows without a screen (and `busctl` and `xprop` to look at them), players, browsers, packet counts, the
/// coordinator's other database, and the compilers of other systems.
const TEST: &[&str] = &[
    "at-spi2-core",
    "chromium",
    "chromium-driver",
    "dbus",
    "dbus-x11",
    "desktop-file-utils",
    "fonts-dejavu-core",
    "gcc-mingw-w64-x86-64",
    "git",
    "iproute2",
    "nftables",
    "postgresql",
    "scrot",
    "systemd",
    "vlc",
    "webkit2gtk-driver",
    "wrk",
    "x11-utils",
    "xauth",
    "xdg-utils",
    "xdotool",
    "xfce4-notifyd",
    "xfce4-panel",
    "xfwm4",
    "xvfb",
];

/// Runs as root: `$1` is the log, the rest are packages. A freshly installed server must not start: we run
/// our own copies, on our own ports.
const INSTALL: &str = r#"
set -e
log=$1
shift
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install --yes -qq -o Dpkg::Use-Pty=0 "$@" </dev/null >>"$log" 2>&1; }
install "$@" || { apt-get update -qq >>"$log" 2>&1 && install "$@"; } || { tail -n 20 "$log" >&2; exit 1; }
"#;

pub(crate) fn ensure(workspace: &Workspace, purpose: Purpose, has_node: bool) -> Result<()> {
    if workspace.find("dpkg-query").is_none() {
        eprintln!("This is not Debian: what is missing will be told by what needs it.");
        return Ok(());
    }
    let missing = missing(workspace, &needed(purpose, has_node));
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("Installing {}", missing.join(" "));
    let Some(become_root) = become_root(workspace) else {
        let command = format!("sudo apt-get update && sudo apt-get install --yes {}", missing.join(" "));
        let told =
            format!("Packages are missing and this user may not install them. Run:\n\n    {command}\n");
        return Err(Stop::Unavailable(told).into());
    };
    let (program, arguments) = become_root.split_first().unwrap_or((&"sh", &[]));
    let mut install = shell::command(workspace, program);
    let log = workspace.target().join("setup-apt.log");
    install.args(arguments).args(["-c", INSTALL, "install"]).arg(log).args(missing);
    shell::run(install)
}

fn needed(purpose: Purpose, has_node: bool) -> Vec<&'static str> {
    let desktop = if purpose >= Purpose::RunDesktop { DESKTOP } else { &[] };
    let test = if purpose >= Purpose::Test { TEST } else { &[] };
    let node = if has_node { &[] } else { NODE };
    [RUN, node, desktop, test].concat()
}

fn missing(workspace: &Workspace, needed: &[&'static str]) -> Vec<&'static str> {
    let mut query = shell::command(workspace, "dpkg-query");
    query.args(["--show", "--showformat", "${db:Status-Status} ${Package}\n"]).args(needed);
    // It fails when it does not know one of them, and still lists the others.
    let known = query.output().map(|output| output.stdout).unwrap_or_default();
    let installed = installed(&String::from_utf8_lossy(&known));
    needed.iter().copied().filter(|package| !installed.contains(*package)).collect()
}

fn installed(listing: &str) -> BTreeSet<String> {
    listing.lines().filter_map(|line| line.strip_prefix("installed ")).map(str::to_owned).collect()
}

/// The words in front of `-c SCRIPT` that run it as root; `None` where nothing does without asking.
fn become_root(workspace: &Workspace) -> Option<&'static [&'static str]> {
    let mut id = shell::command(workspace, "id");
    id.arg("-u");
    if shell::output(id).ok()?.trim() == "0" {
        return Some(&["sh"]);
    }
    let mut sudo = shell::command(workspace, "sudo");
    sudo.args(["-n", "true"]);
    shell::output(sudo).is_ok().then_some(&["sudo", "-n", "sh"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_was_removed_is_not_installed() {
        let listing = "installed ffmpeg\nconfig-files nginx\nnot-installed vlc\n";
        assert_eq!(installed(listing), BTreeSet::from(["ffmpeg".to_owned()]));
    }

    #[test]
    fn running_without_a_window_needs_no_gtk() {
        assert!(!needed(Purpose::RunHeadless, true).iter().any(|package| package.contains("webkit")));
        assert!(needed(Purpose::Test, true).contains(&"libwebkit2gtk-4.1-dev"));
    }
}
