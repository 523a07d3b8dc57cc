//! Child processes that end with their handle.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::error::{Result, TestnetError, WithPath};
use crate::poll::interrupted;
use crate::supervisor;

/// How long a process may take to end after SIGTERM before it is killed: the promise of all our binaries.
pub const STOP_GRACE: Duration = Duration::from_secs(2);

/// What the process's standard output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdout {
    /// More of its log.
    Log,
    /// One JSON line when it is ready, then more of its log.
    ReadyLine,
}

/// A child process in a process group of its own. Dropped, it is stopped: SIGTERM, and SIGKILL to what is
/// left of its group after [`STOP_GRACE`].
#[derive(Debug)]
pub struct Managed {
    name: String,
    child: Child,
    log: PathBuf,
    ready: Option<Receiver<String>>,
}

/// A command for [`Managed::start`].
pub fn command(program: &Path) -> Command {
    supervisor::command(program)
}

impl Managed {
    /// Starts `command`, made by [`command`]. Its standard error goes to the file `log`.
    pub fn start(name: &str, mut command: Command, log: &Path, stdout: Stdout) -> Result<Self> {
        let stderr = File::options().create(true).append(true).open(log).at(log)?;
        let more_log = stderr.try_clone().at(log)?;
        command.stdin(Stdio::null()).stderr(stderr);
        match stdout {
            Stdout::Log => command.stdout(more_log.try_clone().at(log)?),
            Stdout::ReadyLine => command.stdout(Stdio::piped()),
        };
        let spawned = supervisor::spawn(command);
        let mut child = spawned.map_err(|source| TestnetError::Spawn { name: name.into(), source })?;
        let ready = child.stdout.take().map(|pipe| read_lines(pipe, more_log));
        Ok(Self { name: name.into(), child, log: log.into(), ready })
    }

    /// The process's id, which is also its group's.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The last lines it logged.
    pub fn tail(&self) -> String {
        tail(&self.log)
    }

    /// Where it logs.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits for the ready line and returns it as JSON. Only the first call gets it.
    pub fn ready(&mut self, deadline: Duration) -> Result<serde_json::Value> {
        let begun = Instant::now();
        let not_ready = |this: &Self| TestnetError::NotReady {
            name: this.name.clone(),
            waited: begun.elapsed(),
            tail: this.tail(),
        };
        let Some(lines) = self.ready.take() else { return Err(not_ready(self)) };
        loop {
            match lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => return self.parse_ready(&line),
                Err(RecvTimeoutError::Timeout) if interrupted() => return Err(TestnetError::Interrupted),
                Err(RecvTimeoutError::Timeout) if begun.elapsed() < deadline => {}
                Err(RecvTimeoutError::Timeout) => return Err(not_ready(self)),
                // Standard output was closed: it ended, or is about to.
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().map_or_else(|e| e.to_string(), |s| s.to_string());
                    return Err(self.ended(status));
                }
            }
        }
    }

    fn parse_ready(&self, line: &str) -> Result<serde_json::Value> {
        let unfit = |why: String| TestnetError::ReadyLine { name: self.name.clone(), line: line.into(), why };
        let value: serde_json::Value = serde_json::from_str(line).map_err(|e| unfit(e.to_string()))?;
        if value.get("ready").is_none() {
            return Err(unfit("it has no member “ready”".into()));
        }
        Ok(value)
    }

    /// An error if the process has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.exit_status()? {
            None => Ok(()),
            Some(status) => Err(self.ended(status.to_string())),
        }
    }

    /// How the process ended; `None` while it runs.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().map_err(|source| TestnetError::Spawn { name: self.name.clone(), source })
    }

    fn ended(&self, status: String) -> TestnetError {
        TestnetError::Ended { name: self.name.clone(), status, tail: self.tail() }
    }

    /// Asks the process to end, without waiting: for ending several at once.
    pub fn begin_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends the process and returns how it went: a clean exit status tells that it needed no SIGKILL.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.begin_stop();
        let end = Instant::now() + STOP_GRACE;
        while !self.has_exited() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill()
    }

    /// Kills the process and its group at once, as a power cut would.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.child.wait().map_err(|source| TestnetError::Spawn { name: self.name.clone(), source })
    }

    /// Sends `signal` to the whole group. Nothing happens if the process was already waited for.
    fn signal(&self, signal: Signal) {
        // An ended but unreaped leader still owns its group's number, so this cannot hit a stranger.
        if self.is_unreaped()
            && let Some(group) = Pid::from_raw(self.child.id().cast_signed())
        {
            // It fails only if nobody is left in the group, which is what the signal is for.
            kill_process_group(group, signal).ok();
        }
    }

    fn is_unreaped(&self) -> bool {
        self.peek().is_some()
    }

    fn has_exited(&self) -> bool {
        self.peek() != Some(false)
    }

    /// Whether the child has exited, without reaping it; `None` if it is no longer our child.
    fn peek(&self) -> Option<bool> {
        let pid = Pid::from_raw(self.child.id().cast_signed())?;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), options).ok().map(|status| status.is_some())
    }
}

impl Drop for Managed {
    fn drop(&mut self) {
        // Nobody is left to tell.
        self.stop().ok();
    }
}

/// The first line goes to the receiver, every other to the log.
fn read_lines(pipe: ChildStdout, mut log: File) -> Receiver<String> {
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        let mut sender = Some(sender);
        for line in BufReader::new(pipe).lines().map_while(std::io::Result::ok) {
            match sender.take() {
                Some(first) => drop(first.send(line)),
                None => drop(writeln!(log, "{line}")),
            }
        }
    });
    receiver
}

/// The last lines of a file, at most 20 and 4 KiB.
pub fn tail(path: &Path) -> String {
    const MOST_BYTES: u64 = 4096;
    const MOST_LINES: usize = 20;
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(MOST_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(MOST_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binaries::of_system;
    use crate::poll::{Look, until};

    fn shell(script: &str, log: &Path, stdout: Stdout) -> Managed {
        let mut command = command(&of_system("sh").unwrap());
        command.args(["-c", script]);
        Managed::start("shell", command, log, stdout).unwrap()
    }

    fn exists(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn a_dropped_process_takes_its_children_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let script = r#"sleep 60 & echo "{\"ready\":\"x\",\"child\":$!}"; wait"#;
        let mut parent = shell(script, &dir.path().join("log"), Stdout::ReadyLine);
        let child = parent.ready(Duration::from_secs(5)).unwrap()["child"].as_u64().unwrap();
        let (parent_pid, child) = (parent.pid(), u32::try_from(child).unwrap());
        assert!(exists(child));
        drop(parent);
        assert!(!exists(parent_pid));
        // Its zombie may wait for init for a moment.
        until("the child's end", Duration::from_secs(5), || {
            let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            let gone = state.is_empty() || state.contains(") Z ");
            Ok(if gone { Look::Yes(()) } else { Look::NotYet(state) })
        })
        .unwrap();
    }

    #[test]
    fn a_process_that_ignores_sigterm_is_killed_after_the_grace() {
        let dir = tempfile::tempdir().unwrap();
        let script = r#"trap "" TERM; echo '{"ready":"x"}'; while :; do sleep 0.05; done"#;
        let mut stubborn = shell(script, &dir.path().join("log"), Stdout::ReadyLine);
        stubborn.ready(Duration::from_secs(5)).unwrap();
        let begun = Instant::now();
        assert!(stubborn.stop().unwrap().code().is_none());
        assert!(begun.elapsed() >= STOP_GRACE);
        assert!(!exists(stubborn.pid()));
    }

    #[test]
    fn an_early_end_tells_the_last_lines_of_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut broken =
            shell("echo port 80 is taken >&2; exit 3", &dir.path().join("log"), Stdout::ReadyLine);
        let text = broken.ready(Duration::from_secs(5)).unwrap_err().to_string();
        assert!(text.contains("port 80 is taken") && text.contains('3'), "{text}");
    }

    #[test]
    fn a_ready_line_that_is_not_json_is_told_apart_from_silence() {
        let dir = tempfile::tempdir().unwrap();
        let mut chatty = shell("echo hello; sleep 60", &dir.path().join("log"), Stdout::ReadyLine);
        assert!(matches!(chatty.ready(Duration::from_secs(5)), Err(TestnetError::ReadyLine { .. })));
        let mut silent = shell("sleep 60", &dir.path().join("log2"), Stdout::ReadyLine);
        assert!(matches!(silent.ready(Duration::from_millis(80)), Err(TestnetError::NotReady { .. })));
    }
}
