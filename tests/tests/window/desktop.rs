//! A desktop of its own for one test: display, session bus, window manager, panel and home.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use streamr_testnet::binaries::of_system;
use streamr_testnet::poll::Look;
use streamr_testnet::process::{Managed, Stdout, command};
use streamr_testnet::{Result, TestnetError, until};
use tempfile::TempDir;

const START_DEADLINE: Duration = Duration::from_secs(20);
/// How long a picture waits for animations to end.
const REST_DEADLINE: Duration = Duration::from_secs(2);

/// Who shows tray icons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Panel {
    /// Xfce's panel, whose tray takes StatusNotifierItems.
    Xfce,
    /// Nobody, as on stock GNOME.
    None,
}

/// A running desktop. Dropped, all of it ends and its files are gone.
///
/// The fields are in the order in which they are dropped: files last.
pub(crate) struct Desktop {
    /// The one started last is first.
    processes: Vec<Managed>,
    display: String,
    directory: TempDir,
}

impl Desktop {
    /// Starts a desktop and waits until windows and tray icons can be shown on it.
    pub(crate) fn start(panel: Panel) -> Self {
        Self::try_start(panel).unwrap()
    }

    fn try_start(panel: Panel) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("streamr-desktop-").tempdir().unwrap();
        for folder in ["home", "run"] {
            private_dir(&directory.path().join(folder));
        }
        let (xvfb, display) = start_display(directory.path())?;
        let bus = start_bus(directory.path())?;
        let mut desktop = Self { processes: vec![bus, xvfb], display, directory };
        desktop.start_window_manager()?;
        if panel == Panel::Xfce {
            desktop.start_panel()?;
        }
        Ok(desktop)
    }

    fn start_window_manager(&mut self) -> Result<()> {
        let mut manager = self.start_program("xfwm4")?;
        until("the window manager", START_DEADLINE, || {
            manager.check_alive()?;
            let found = self.output("xprop", &["-root", "_NET_SUPPORTING_WM_CHECK"])?;
            let seen = || format!("{found}; the end of its log:\n{}", manager.tail());
            Ok(if found.contains("window id") { Look::Yes(()) } else { Look::NotYet(seen()) })
        })?;
        self.processes.insert(0, manager);
        Ok(())
    }

    fn start_panel(&mut self) -> Result<()> {
        let mut panel = self.start_program("xfce4-panel")?;
        until("the panel's tray", START_DEADLINE, || {
            panel.check_alive()?;
            let owned = self.bus_call(&[
                "org.freedesktop.DBus",
                "/",
                "org.freedesktop.DBus",
                "NameHasOwner",
                "s",
                "org.kde.StatusNotifierWatcher",
            ])?;
            let seen = || format!("{owned}; the end of its log:\n{}", panel.tail());
            Ok(if owned["data"][0] == true { Look::Yes(()) } else { Look::NotYet(seen()) })
        })?;
        self.processes.insert(0, panel);
        Ok(())
    }

    fn start_program(&self, name: &str) -> Result<Managed> {
        let log = self.directory().join(format!("{name}.log"));
        Managed::start(name, self.command(&of_system(name)?), &log, Stdout::Log)
    }

    /// A folder for what the test keeps.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A command that runs `program` on this desktop.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = command(program);
        set_environment(&mut command, self.directory(), &self.display);
        command
    }

    /// What a program of the system, run on this desktop, writes.
    pub(crate) fn output(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = self
            .command(&of_system(program)?)
            .args(arguments)
            .output()
            .map_err(|source| TestnetError::Spawn { name: program.into(), source })?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Calls a method on the session bus: destination, path, interface, method, signature, arguments.
    pub(crate) fn bus_call(&self, call: &[&str]) -> Result<serde_json::Value> {
        self.busctl("call", call)
    }

    /// Reads a property on the session bus: destination, path, interface, property.
    pub(crate) fn bus_property(&self, property: &[&str]) -> Result<serde_json::Value> {
        self.busctl("get-property", property)
    }

    fn busctl(&self, verb: &str, arguments: &[&str]) -> Result<serde_json::Value> {
        let address = format!("--address={}", bus_address(self.directory()));
        let mut all = vec![address.as_str(), "--json=short", "--", verb];
        all.extend_from_slice(arguments);
        let text = self.output("busctl", &all)?;
        // A call that was refused writes nothing; looking at null shows that nothing is there.
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// The visible windows with this title, by their ids.
    pub(crate) fn windows(&self, title: &str) -> Result<Vec<String>> {
        let found = self.output("xdotool", &["search", "--onlyvisible", "--name", &format!("^{title}$")])?;
        Ok(found.lines().map(str::to_owned).collect())
    }

    /// The title of the window that has the keyboard.
    pub(crate) fn active_window(&self) -> Result<String> {
        self.output("xdotool", &["getactivewindow", "getwindowname"])
    }

    /// Keeps a picture of the whole screen, at rest if it comes to rest, in the folder `STREAMR_PICTURES`,
    /// where that is set.
    pub(crate) fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("STREAMR_PICTURES") else { return };
        let file = Path::new(&folder).join(format!("{name}.png"));
        let mut before = Vec::new();
        let rest = until("the screen to rest", REST_DEADLINE, || {
            self.output("scrot", &["--overwrite", &file.to_string_lossy()])?;
            let now = std::fs::read(&file).unwrap_or_default();
            let rests = now == std::mem::replace(&mut before, now.clone());
            Ok(if rests { Look::Yes(()) } else { Look::NotYet("it moves".into()) })
        });
        // A spinner or a chart never rests; then the last picture is as good as any.
        assert!(matches!(rest, Ok(()) | Err(TestnetError::Deadline { .. })), "{rest:?}");
    }
}

fn private_dir(path: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(path).unwrap();
}

fn start_display(at: &Path) -> Result<(Managed, String)> {
    let log = at.join("display.log");
    let mut xvfb = command(&of_system("Xvfb")?);
    // It picks a free number and writes it to its standard error, which is the log.
    xvfb.args(["-displayfd", "2", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]);
    // Else it starts afresh, and turns away who comes just then, whenever its last client leaves.
    xvfb.arg("-noreset");
    let mut display = Managed::start("Xvfb", xvfb, &log, Stdout::Log)?;
    let number = until("Xvfb's display number", START_DEADLINE, || {
        display.check_alive()?;
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let number = text.lines().find_map(|line| line.trim().parse::<u32>().ok());
        Ok(number.filter(|_| text.ends_with('\n')).map_or(Look::NotYet(text), Look::Yes))
    })?;
    Ok((display, format!(":{number}")))
}

fn start_bus(at: &Path) -> Result<Managed> {
    let mut daemon = command(&of_system("dbus-daemon")?);
    daemon.args(["--session", "--nofork", "--nopidfile"]).arg(format!("--address={}", bus_address(at)));
    let mut bus = Managed::start("dbus-daemon", daemon, &at.join("bus.log"), Stdout::Log)?;
    until("the session bus", START_DEADLINE, || {
        bus.check_alive()?;
        Ok(if at.join("bus").exists() { Look::Yes(()) } else { Look::NotYet("no socket".into()) })
    })?;
    Ok(bus)
}

fn bus_address(at: &Path) -> String {
    format!("unix:path={}", at.join("bus").display())
}

/// The environment of a person's session, and nothing of the session this test runs in.
fn set_environment(command: &mut Command, at: &Path, display: &str) {
    for ours in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "WAYLAND_DISPLAY"] {
        command.env_remove(ours);
    }
    command
        .env("HOME", at.join("home"))
        .env("XDG_RUNTIME_DIR", at.join("run"))
        .env("DBUS_SESSION_BUS_ADDRESS", bus_address(at))
        .env("DISPLAY", display)
        .env("LANG", "C.UTF-8")
        // No accessibility bus: it would be one more daemon to wait for.
        .env("NO_AT_BRIDGE", "1")
        // There is no GPU behind Xvfb.
        .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
        // The app stays on this machine, beside whatever else runs here.
        .env("STREAMR_LISTEN_IP", "127.0.0.1")
        .env("STREAMR_PEER_PORT", "0")
        .env("STREAMR_PLAYBACK_PORT", "0");
}
