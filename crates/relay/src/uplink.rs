//! One uplink for all streams that a node carries: one cap, one gauge, one throttle.
//!
//! Each relay has a [`UplinkSeat`] on its own thread. A seat reports what its stream sends and has waiting,
//! and whatever its peers' probes brought back; it is told what its stream may send now, and may promise. All
//! of that passes one lock, which is held for some microseconds and never over an await. Nobody keeps the time:
//! whichever relay wakes first does what is due for all.

mod gauge;
mod seat;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use streamr_model::BitsPerSecond;
use streamr_relay_core::Instant;
use streamr_relay_core::shares::{Division, Seat};
use tokio::sync::watch;

use crate::api::{RelayError, Yielding};
use crate::net::{Slices, Throttle};

use gauge::Gauge;
pub(crate) use seat::UplinkSeat;

/// The uplink that a person lends, for all streams together. A node has one and gives each
/// [`RelayConfig`](crate::RelayConfig) a clone of it.
#[derive(Debug, Clone)]
pub struct SharedUplink(Arc<Shared>);

impl SharedUplink {
    /// What is given to peers, over all streams, never exceeds `cap`.
    pub fn new(cap: BitsPerSecond, yielding: Yielding) -> Self {
        let now = Instant::default();
        let state = State {
            cap,
            gauge: (yielding == Yielding::On).then(|| Gauge::new(cap, now)),
            division: Division::new(cap),
            told: BTreeMap::new(),
            pace: None,
        };
        Self(Arc::new(Shared {
            begun: std::time::Instant::now(),
            throttle: Arc::new(Throttle::new()),
            state: Mutex::new(state),
        }))
    }

    /// What is never exceeded.
    pub fn cap(&self) -> BitsPerSecond {
        self.0.state().cap
    }

    /// Changes the cap; takes effect with the next block of each stream.
    pub fn set_cap(&self, cap: BitsPerSecond) {
        let mut state = self.0.state();
        state.cap = cap;
        if let Some(gauge) = &mut state.gauge {
            gauge.set_cap(cap);
        }
        state.divide(&self.0.throttle);
    }

    /// A place for one more stream; there are [`Division::MAX_STREAMS`].
    pub(crate) fn join(&self, weight: NonZeroU32) -> Result<UplinkSeat, RelayError> {
        let now = self.0.now();
        let mut state = self.0.state();
        let seat =
            state.division.join(now, weight).ok_or(RelayError::TooManyStreams(Division::MAX_STREAMS))?;
        let (told, part) = watch::channel(Part::default());
        state.told.insert(seat, told);
        state.divide(&self.0.throttle);
        Ok(UplinkSeat::new(Arc::clone(&self.0), seat, part, now))
    }
}

/// What one stream is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// What it may send now.
    pub(crate) rate: BitsPerSecond,
    /// What its peers may count on.
    pub(crate) promised: BitsPerSecond,
}

#[derive(Debug)]
struct Shared {
    /// Where the time of gauge and division begins.
    begun: std::time::Instant,
    /// What the blocks of all streams pass.
    throttle: Arc<Throttle>,
    state: Mutex<State>,
}

impl Shared {
    fn now(&self) -> Instant {
        Instant(self.begun.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct State {
    cap: BitsPerSecond,
    gauge: Option<Gauge>,
    division: Division,
    /// As many as the division has seats.
    told: BTreeMap<Seat, watch::Sender<Part>>,
    /// The throttle's.
    pace: Option<(BitsPerSecond, Slices)>,
}

impl State {
    /// Divides what may be sent now, and tells those for whom that is news.
    fn divide(&mut self, throttle: &Throttle) {
        let gauge = self.gauge.as_ref();
        let (rate, share) = gauge.map_or((self.cap, self.cap), |gauge| (gauge.rate(), gauge.share()));
        let pace = match gauge {
            None => Some((rate, Slices::Long)),
            Some(gauge) => gauge.is_in_use().then_some((rate, Slices::Short)),
        };
        if self.pace != pace {
            self.pace = pace;
            throttle.set_rate(pace);
        }
        self.division.set_total(rate);
        for ((seat, rate), (_, promised)) in self.division.rates().into_iter().zip(self.division.parts(share))
        {
            let part = Part { rate, promised };
            if let Some(told) = self.told.get(&seat) {
                told.send_if_modified(|before| std::mem::replace(before, part) != part);
            }
        }
    }
}

#[cfg(test)]
mod tests;
