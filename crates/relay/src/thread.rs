//! A thread with a runtime of its own for one peer network and its driver.
//!
//! A block goes through five tasks on its way from socket to socket. Where these share a thread, handing it on
//! wakes nobody and costs no cache; on several threads every hand-over is a system call and a context
//! switch. One thread carries over two gigabits a second (`cargo xtask bench cpu`), more than any uplink here.

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::api::RelayError;

/// See the module. Everything on it ends at once when this is dropped.
#[derive(Debug)]
pub(crate) struct OwnThread {
    runtime: Handle,
    _ends: oneshot::Sender<()>,
}

impl OwnThread {
    pub(crate) fn start(name: &str) -> Result<Self, RelayError> {
        let failed = |error: std::io::Error| RelayError::Network(error.to_string());
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (ends, ended) = oneshot::channel::<()>();
        let run = move || {
            // An error is the handle's end.
            let _ = runtime.block_on(ended);
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
        };
        std::thread::Builder::new().name(name.into()).spawn(run).map_err(failed)?;
        Ok(Self { runtime: handle, _ends: ends })
    }

    /// Runs `task` there to its end; what it spawns stays.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, RelayError>> + Send + 'static,
    ) -> Result<T, RelayError> {
        let ended = |error: tokio::task::JoinError| RelayError::Network(error.to_string());
        self.runtime.spawn(task).await.map_err(ended)?
    }
}
