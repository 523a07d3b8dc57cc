//! Jitter, so that nodes that began together do not ask together for ever.

use std::time::Duration;

/// A roll of the dice: 0 to 200, drawn by the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roll(pub(crate) u32);

impl Roll {
    /// From any random number.
    pub(crate) fn of(random: u32) -> Self {
        Self(random % 201)
    }

    /// `wait` give or take a tenth.
    pub(crate) fn around(self, wait: Duration) -> Duration {
        wait.saturating_mul(900 + self.0.min(200)) / 1000
    }
}
