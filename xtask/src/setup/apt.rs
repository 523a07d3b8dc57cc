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

/// Windows without a screen, players, browsers, packet counts, and the compilers of other systems.
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
    "scrot",
    "vlc",
    "webkit2gtk-driver",
    "xauth",
    "xdg-utils",
    "xdotool",
    "xfce4-notifyd",
    "xfce4-panel",
    "xfwm4",
    "xvfb",
];

/// Runs as root. A freshly installed server must not start: we run our own copies, on our own ports.
const INSTALL: &str = r#"
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install --yes --quiet "$@" </dev/null; }
install "$@" || { apt-get update --quiet && install "$@"; }
"#;

pub(crate) fn ensure(workspace: &Workspace, purpose: Purpose) -> Result<()> {
    if workspace.find("dpkg-query").is_none() {
        eprintln!("This is not Debian: what is missing will be told by what needs it.");
        return Ok(());
    }
    let missing = missing(workspace, &needed(purpose));
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
    install.args(arguments).args(["-c", INSTALL, "install"]).args(missing);
    shell::run(install)
}

fn needed(purpose: Purpose) -> Vec<&'static str> {
    let desktop = if purpose >= Purpose::RunDesktop { DESKTOP } else { &[] };
    let test = if purpose >= Purpose::Test { TEST } else { &[] };
    [RUN, desktop, test].concat()
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
        assert!(!needed(Purpose::RunHeadless).iter().any(|package| package.contains("webkit")));
        assert!(needed(Purpose::Test).contains(&"libwebkit2gtk-4.1-dev"));
    }
}
