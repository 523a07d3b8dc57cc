//! What each setting may be.

use std::ops::RangeInclusive;

use super::{Costs, Settings};

/// A setting is out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {found}; it must be {} to {}", .allowed.start(), .allowed.end())]
pub struct OutOfRange {
    /// Which setting.
    pub key: &'static str,
    /// What it is.
    pub found: u64,
    /// What it may be.
    pub allowed: RangeInclusive<u64>,
}

impl Settings {
    /// What `upload_cap_bps` may be.
    pub const UPLOAD_CAP_BPS: RangeInclusive<u64> = 500_000..=1_000_000_000;
    /// What `live_delay_ms` may be.
    pub const LIVE_DELAY_MS: RangeInclusive<u64> = 1000..=60_000;
    /// What `store_limit_mb` may be.
    pub const STORE_LIMIT_MB: RangeInclusive<u64> = 32..=8192;
    /// What `heartbeat_max_s` may be.
    pub const HEARTBEAT_MAX_S: RangeInclusive<u64> = 5..=300;

    /// The most favourites.
    pub const MAX_FAVOURITES: usize = 256;

    /// Whether every number is in its range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        for (key, found, allowed) in [
            ("upload_cap_bps", self.upload_cap_bps, Self::UPLOAD_CAP_BPS),
            ("live_delay_ms", self.live_delay_ms, Self::LIVE_DELAY_MS),
            ("store_limit_mb", self.store_limit_mb, Self::STORE_LIMIT_MB),
            ("heartbeat_max_s", self.heartbeat_max_s, Self::HEARTBEAT_MAX_S),
        ] {
            if !allowed.contains(&found) {
                return Err(OutOfRange { key, found, allowed });
            }
        }
        self.costs.as_ref().map_or(Ok(()), Costs::check)
    }
}
