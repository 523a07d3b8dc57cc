//! What the old surface is started with.

use std::time::Duration;

use crate::polling::PollRules;

/// Who may register streams on the old surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Whoever has the operator token.
    #[default]
    Operator,
    /// Anybody, as in June 2025. A stream registered without the token has a balance that is only claimed:
    /// nothing is earned from it.
    Anybody,
}

/// How the old surface behaves. Its default answers, and earns nobody anything.
#[derive(Debug, Clone, Default)]
pub struct OldSurface {
    /// Who may register streams.
    pub registration: Registration,
    /// How nodes are polled; `None`: not at all, and then nothing is earned.
    pub polling: Option<PollRules>,
}

impl OldSurface {
    /// Time between two polls of a node, in the mean.
    pub fn poll_mean(&self) -> Duration {
        self.polling.as_ref().map_or(PollRules::MEAN, |rules| rules.mean)
    }
}
