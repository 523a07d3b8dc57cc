//! Support so far, over restarts.

use streamr_model::UnixMs;

use crate::state::KeptTotals;
use crate::view::Totals;

const DAY_MS: u64 = 86_400_000;

/// Adds what the relay counts to what was kept.
#[derive(Debug)]
pub(crate) struct TotalsCounter {
    kept: KeptTotals,
    /// The relay's counter when it was last seen; it begins at 0 with each carrying.
    served: u64,
    supporting: Option<UnixMs>,
}

impl TotalsCounter {
    /// Goes on from what was kept.
    pub(crate) fn new(kept: KeptTotals) -> Self {
        Self { kept, served: 0, supporting: None }
    }

    /// To be kept.
    pub(crate) fn kept(&self) -> KeptTotals {
        self.kept
    }

    /// As shown.
    pub(crate) fn view(&self, now: UnixMs) -> Totals {
        let today = self.kept.day == now.0 / DAY_MS;
        Totals {
            shared_today: if today { self.kept.shared_today } else { 0 },
            shared_ever: self.kept.shared_ever,
            supporting_s: self.kept.supporting_ms / 1000,
        }
    }

    /// Carrying began: the relay counts from 0.
    pub(crate) fn begin(&mut self, now: UnixMs) {
        self.served = 0;
        self.supporting = Some(now);
    }

    /// The relay has given `served` bytes since carrying began.
    pub(crate) fn sample(&mut self, served: u64, now: UnixMs) {
        let day = now.0 / DAY_MS;
        if self.kept.day != day {
            self.kept.day = day;
            self.kept.shared_today = 0;
        }
        let more = served.saturating_sub(self.served);
        self.served = served.max(self.served);
        self.kept.shared_today = self.kept.shared_today.saturating_add(more);
        self.kept.shared_ever = self.kept.shared_ever.saturating_add(more);
        if let Some(since) = self.supporting.replace(now) {
            // A minute between two samples is sleep, not support.
            let passed = u64::try_from((now - since).as_millis()).unwrap_or(0);
            if passed < 60_000 {
                self.kept.supporting_ms = self.kept.supporting_ms.saturating_add(passed);
            }
        }
    }

    /// Carrying ended.
    pub(crate) fn end(&mut self) {
        self.supporting = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_go_on_over_a_restart_and_begin_anew_each_day() {
        let noon = UnixMs(20_000 * DAY_MS + DAY_MS / 2);
        let mut totals = TotalsCounter::new(KeptTotals::default());
        totals.begin(noon);
        totals.sample(100, UnixMs(noon.0 + 1000));
        totals.sample(150, UnixMs(noon.0 + 2000));
        totals.end();
        let mut totals = TotalsCounter::new(totals.kept());
        totals.begin(UnixMs(noon.0 + 100_000));
        totals.sample(50, UnixMs(noon.0 + 101_000));
        let now = UnixMs(noon.0 + 101_000);
        assert_eq!(totals.view(now), Totals { shared_today: 200, shared_ever: 200, supporting_s: 3 });
        let tomorrow = UnixMs(noon.0 + DAY_MS);
        assert_eq!(totals.view(tomorrow).shared_today, 0);
        totals.sample(60, tomorrow);
        assert_eq!(totals.view(tomorrow), Totals { shared_today: 10, shared_ever: 210, supporting_s: 3 });
    }
}
