//! The link on TAP devices: two threads for each direction, one that reads and one that waits and writes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use streamr_testnet::{Namespace, TestnetError};
use tun_rs::{DeviceBuilder, InterruptEvent, Layer, SyncDevice};

use crate::error::{LabError, Result};
use crate::line::{Line, UPLINK};

/// Frames under way in one direction; more are dropped, as a router would.
const MOST_UNDER_WAY: usize = 4_096;
/// An Ethernet frame, with room for a VLAN's tag.
const FRAME_BYTES: usize = 1_518;

/// A frame, and when it arrives at the other end.
type UnderWay = (Instant, Vec<u8>);

/// A link with a delay. Dropped, both of its ends vanish.
pub(crate) struct DelayedLink {
    over: Arc<InterruptEvent>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for DelayedLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DelayedLink").finish_non_exhaustive()
    }
}

impl DelayedLink {
    /// From the host's `UPLINK` to the backbone's `port`. The same `seed` loses frames by the same dice.
    pub(crate) fn start(
        host: &Namespace,
        backbone: &Namespace,
        port: &str,
        line: Line,
        seed: u32,
    ) -> Result<Self> {
        let (near, far) = (Arc::new(device(host, UPLINK)?), Arc::new(device(backbone, port)?));
        let over = Arc::new(InterruptEvent::new().map_err(LabError::Delay)?);
        let mut link = Self { over, threads: Vec::new() };
        link.carry(&near, &far, line, u64::from(seed) * 2);
        link.carry(&far, &near, line, u64::from(seed) * 2 + 1);
        Ok(link)
    }

    fn carry(&mut self, from: &Arc<SyncDevice>, to: &Arc<SyncDevice>, line: Line, seed: u64) {
        let (from, to, over) = (from.clone(), to.clone(), self.over.clone());
        let (sender, receiver) = sync_channel(MOST_UNDER_WAY);
        let dice = SmallRng::seed_from_u64(seed);
        self.threads.push(std::thread::spawn(move || take_in(&from, &over, line, dice, &sender)));
        self.threads.push(std::thread::spawn(move || give_out(&to, &receiver)));
    }
}

impl Drop for DelayedLink {
    fn drop(&mut self) {
        // It fails only where the event is gone, and then nobody waits for it.
        self.over.trigger().ok();
        for thread in self.threads.drain(..) {
            // A panic was told on standard error.
            thread.join().ok();
        }
    }
}

/// A TAP device that exists while its handle does.
fn device(namespace: &Namespace, name: &str) -> Result<SyncDevice> {
    let made = namespace.run(|| {
        // Made disabled: bringing it up is the world's affair, as with any other interface.
        let built = DeviceBuilder::new().name(name).layer(Layer::L2).enable(false).build_sync();
        built.map_err(|source| TestnetError::Spawn { name: format!("TAP device {name}"), source })
    });
    Ok(made?)
}

/// Until interrupted, or until the device is gone.
fn take_in(
    from: &SyncDevice,
    over: &InterruptEvent,
    line: Line,
    mut dice: SmallRng,
    frames: &SyncSender<UnderWay>,
) {
    let mut frame = [0; FRAME_BYTES];
    loop {
        let len = match from.recv_intr(&mut frame, over) {
            Ok(len) => len,
            // The interface is not up yet.
            Err(error) if error.raw_os_error() == Some(EIO) => {
                std::thread::park_timeout(Duration::from_millis(1));
                continue;
            }
            Err(_) => return,
        };
        if line.loss > 0.0 && dice.random_bool(line.loss.min(1.0)) {
            continue;
        }
        match frames.try_send((Instant::now() + line.delay, frame[..len].to_vec())) {
            Ok(()) | Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => return,
        }
    }
}

/// What reading from a TAP device that is down gives.
const EIO: i32 = 5;

fn give_out(to: &SyncDevice, frames: &Receiver<UnderWay>) {
    while let Ok((due, frame)) = frames.recv() {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        // What is sent to an interface that is down is lost, as on any network.
        to.send(&frame).ok();
    }
}
