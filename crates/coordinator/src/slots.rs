//! Values made from storage for one stream each, kept for all who ask, and made once however many wait for one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use streamr_model::{StreamId, UnixMs};

use crate::state::lock;

/// Streams for which a value is kept. At the bound the one asked for longest ago is forgotten.
const MAX_STREAMS: usize = 256;

/// Whoever holds the lock makes the value; the others wait for it.
pub(crate) type Slot<T> = Arc<tokio::sync::Mutex<Option<Arc<T>>>>;

/// A slot for each stream.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Mutex<HashMap<StreamId, (UnixMs, Slot<T>)>>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { slots: Mutex::new(HashMap::new()) }
    }
}

impl<T> Slots<T> {
    /// The slot of `stream`, empty where there is none yet.
    pub(crate) fn of(&self, stream: &StreamId, now: UnixMs) -> Slot<T> {
        let mut slots = lock(&self.slots);
        if !slots.contains_key(stream) && slots.len() >= MAX_STREAMS {
            let idle = slots.iter().min_by_key(|(_, (asked_at, _))| *asked_at);
            let idle = idle.map(|(stream, _)| stream.clone());
            idle.and_then(|stream| slots.remove(&stream));
        }
        let (asked_at, slot) = slots.entry(stream.clone()).or_default();
        *asked_at = now;
        slot.clone()
    }

    /// Forgets every value. Whoever is making one at this moment still gets it.
    pub(crate) fn clear(&self) {
        lock(&self.slots).clear();
    }
}
