//! Troubles a person should know of that do not stop the node: newest first, one per code, at most eight.

use streamr_model::UnixMs;

use crate::view::{Notice, UiError, UiErrorCode};

const MOST: usize = 8;

/// The list.
#[derive(Debug, Default)]
pub(crate) struct Notices(Vec<Notice>);

impl Notices {
    /// Adds a trouble, in place of an older one of its code; at the bound the oldest goes.
    pub(crate) fn tell(&mut self, error: UiError, now: UnixMs) {
        self.clear(error.code);
        self.0.insert(0, Notice { at_ms: now.0, error });
        self.0.truncate(MOST);
    }

    /// A trouble is over. True if it was listed.
    pub(crate) fn clear(&mut self, code: UiErrorCode) -> bool {
        let before = self.0.len();
        self.0.retain(|notice| notice.error.code != code);
        self.0.len() != before
    }

    /// Whether a trouble is listed.
    pub(crate) fn has(&self, code: UiErrorCode) -> bool {
        self.0.iter().any(|notice| notice.error.code == code)
    }

    /// As shown.
    pub(crate) fn view(&self) -> Vec<Notice> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_comes_first_and_each_code_once() {
        let mut notices = Notices::default();
        for (at, code) in
            [UiErrorCode::ClockOff, UiErrorCode::PortTaken, UiErrorCode::ClockOff].into_iter().enumerate()
        {
            notices.tell(UiError::new(code, "m", ""), UnixMs(at as u64));
        }
        let seen: Vec<_> = notices.view().iter().map(|n| (n.at_ms, n.error.code)).collect();
        assert_eq!(seen, [(2, UiErrorCode::ClockOff), (1, UiErrorCode::PortTaken)]);
        assert!(notices.clear(UiErrorCode::PortTaken) && !notices.has(UiErrorCode::PortTaken));
    }
}
