//! A process that is measured: what it says, what it is told, what CPU it used.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

/// Lines of a child that wait to be read; beyond it the child waits.
const LINES: usize = 1_024;
/// Kernel ticks a second, the same on every Linux we meet.
const TICKS_PER_S: f64 = 100.0;

/// See the module. Ends with its handle.
#[derive(Debug)]
pub(crate) struct Measured {
    process: Child,
    orders: Option<ChildStdin>,
    lines: Receiver<String>,
    /// What it said first.
    pub(crate) ready: Value,
}

impl Measured {
    /// Starts this program in another role, behind `prefix` (such as `ip netns exec NAME`), and waits until
    /// it is ready.
    pub(crate) fn start(prefix: &[String], role: &str, options: &[String]) -> anyhow::Result<Self> {
        let me = std::env::current_exe()?;
        let mut command = match prefix {
            [] => Command::new(&me),
            [program, rest @ ..] => {
                let mut command = Command::new(program);
                command.args(rest).arg(&me);
                command
            }
        };
        command.arg(role).args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().with_context(|| format!("cannot start {role}"))?;
        let output = process.stdout.take().context("no output")?;
        let orders = process.stdin.take();
        let (sender, lines) = mpsc::sync_channel(LINES);
        std::thread::spawn(move || read(output, &sender));
        let mut child = Self { process, orders, lines, ready: Value::Null };
        child.ready = child.next(Duration::from_secs(20)).with_context(|| format!("{role} is not ready"))?;
        Ok(child)
    }

    /// A text of what it said first.
    pub(crate) fn said(&self, name: &str) -> anyhow::Result<&str> {
        self.ready[name].as_str().with_context(|| format!("it did not say {name}"))
    }

    /// The addresses it said that hold `part`.
    pub(crate) fn addresses(&self, part: &str) -> Vec<&str> {
        let all = self.ready["addresses"].as_array().into_iter().flatten();
        all.filter_map(Value::as_str).filter(|address| address.contains(part)).collect()
    }

    /// Gives an order.
    pub(crate) fn order(&mut self, order: &str) -> anyhow::Result<()> {
        let orders = self.orders.as_mut().context("it takes no more orders")?;
        writeln!(orders, "{order}")?;
        Ok(orders.flush()?)
    }

    /// Lets it end, and does not wait for it.
    pub(crate) fn end(&mut self) {
        self.orders = None;
    }

    /// The next line, within `patience`.
    pub(crate) fn next(&self, patience: Duration) -> anyhow::Result<Value> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => Ok(serde_json::from_str(&line)?),
            Err(RecvTimeoutError::Timeout) => bail!("nothing was heard of it for {patience:?}"),
            Err(RecvTimeoutError::Disconnected) => bail!("it has ended"),
        }
    }

    /// Core-seconds used since its start, all threads and the kernel's work for it included.
    pub(crate) fn core_s(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let words: Vec<&str> =
            stat.rsplit_once(')').context("no name in stat")?.1.split_whitespace().collect();
        let ticks = |at: usize| words.get(at).and_then(|word| word.parse::<u32>().ok());
        let ticks = ticks(11).zip(ticks(12)).context("no ticks in stat")?;
        Ok(f64::from(ticks.0 + ticks.1) / TICKS_PER_S)
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        // Its standard input ends, and with it the process; one that hangs is killed.
        self.end();
        let deadline = Instant::now() + Duration::from_secs(3);
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read(output: ChildStdout, lines: &mpsc::SyncSender<String>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if lines.send(line).is_err() {
            return;
        }
    }
}
