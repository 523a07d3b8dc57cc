//! The coordinator's clock: the only one that pays, and an argument wherever time matters.

use std::time::{SystemTime, UNIX_EPOCH};

use streamr_model::UnixMs;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> UnixMs;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMs {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMs(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    }
}
