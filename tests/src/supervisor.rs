//! The thread that starts every child process.
//!
//! Children are started through `setpriv --pdeathsig TERM` where it exists, so that none outlives this
//! process even when it is killed. The kernel sends that signal when the *thread* that started the child
//! ends, so all are started by one thread that lives as long as the process.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

struct Order {
    command: Command,
    answer: SyncSender<io::Result<Child>>,
}

/// Starts wait here for their turn; a start that finds the queue full waits for room.
const QUEUED_STARTS: usize = 16;

static ORDERS: LazyLock<SyncSender<Order>> = LazyLock::new(|| {
    let (sender, orders) = sync_channel(QUEUED_STARTS);
    std::thread::spawn(move || serve(&orders));
    sender
});

static SETPRIV: LazyLock<Option<PathBuf>> = LazyLock::new(|| crate::binaries::of_system("setpriv").ok());

fn serve(orders: &Receiver<Order>) {
    while let Ok(Order { mut command, answer }) = orders.recv() {
        // Whoever asked may be gone; then the child's handle is dropped and the child ends with us.
        drop(answer.send(command.spawn()));
    }
}

/// A command that runs `program` and, once spawned by [`spawn`], ends when this process does.
pub(crate) fn command(program: &Path) -> Command {
    match SETPRIV.as_ref() {
        Some(setpriv) => {
            let mut tied = Command::new(setpriv);
            tied.args(["--pdeathsig", "TERM", "--"]).arg(program);
            tied
        }
        None => Command::new(program),
    }
}

/// Starts `command` in a process group of its own.
pub(crate) fn spawn(mut command: Command) -> io::Result<Child> {
    command.process_group(0);
    let (answer, child) = sync_channel(1);
    let gone = || io::Error::other("the thread that starts processes has ended");
    ORDERS.send(Order { command, answer }).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}
