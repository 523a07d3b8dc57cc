//! What will happen, in order of time and, within one microsecond, in the order in which it was planned.
//!
//! A timing wheel of two levels: slots of about a millisecond over the whole run, and within the present one
//! a slot per microsecond. Planning and taking cost the same however much is planned, and an entry costs
//! 8 bytes beyond the event itself; a heap of tens of millions of events would cost a cache miss per level.

/// Microseconds since the world's beginning; over an hour fits.
pub(crate) type Micros = u32;

const FINE_BITS: u32 = 10;
const FINE_SLOTS: usize = 1 << FINE_BITS;
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct List {
    first: u32,
    last: u32,
}

const EMPTY: List = List { first: NONE, last: NONE };

#[derive(Debug, Clone, Copy)]
struct Entry<E> {
    event: E,
    at: Micros,
    next: u32,
}

/// Everything planned up to the end of the run.
#[derive(Debug)]
pub(crate) struct Queue<E> {
    entries: Vec<Entry<E>>,
    free: u32,
    fine: Box<[List; FINE_SLOTS]>,
    /// One bit per fine slot that is not empty.
    occupied: [u64; FINE_SLOTS / 64],
    coarse: Vec<List>,
    now: Micros,
    end: Micros,
}

impl<E: Copy> Queue<E> {
    /// What is planned after `end` never happens.
    pub(crate) fn new(end: Micros) -> Self {
        Self {
            entries: Vec::new(),
            free: NONE,
            fine: Box::new([EMPTY; FINE_SLOTS]),
            occupied: [0; FINE_SLOTS / 64],
            coarse: vec![EMPTY; (end >> FINE_BITS) as usize + 1],
            now: 0,
            end,
        }
    }

    /// Plans `event`; what should have happened already happens now.
    pub(crate) fn push(&mut self, at: Micros, event: E) {
        if at > self.end {
            return;
        }
        let entry = Entry { event, at: at.max(self.now), next: NONE };
        let index = if self.free == NONE {
            self.entries.push(entry);
            u32::try_from(self.entries.len() - 1).unwrap_or(NONE)
        } else {
            let index = self.free;
            self.free = self.entries[index as usize].next;
            self.entries[index as usize] = entry;
            index
        };
        self.link(index);
    }

    fn link(&mut self, index: u32) {
        let at = self.entries[index as usize].at;
        let list = if at >> FINE_BITS == self.now >> FINE_BITS {
            let slot = at as usize % FINE_SLOTS;
            self.occupied[slot / 64] |= 1 << (slot % 64);
            &mut self.fine[slot]
        } else {
            &mut self.coarse[(at >> FINE_BITS) as usize]
        };
        let before = list.last;
        list.last = index;
        if before == NONE {
            list.first = index;
        } else {
            self.entries[before as usize].next = index;
        }
    }

    /// Takes what happens next.
    pub(crate) fn pop(&mut self) -> Option<(Micros, E)> {
        loop {
            if let Some(slot) = self.first_occupied() {
                let index = self.fine[slot].first;
                let Entry { event, at, next } = self.entries[index as usize];
                self.fine[slot].first = next;
                if next == NONE {
                    self.fine[slot] = EMPTY;
                    self.occupied[slot / 64] &= !(1 << (slot % 64));
                }
                self.entries[index as usize].next = self.free;
                self.free = index;
                self.now = at;
                return Some((at, event));
            }
            self.turn()?;
        }
    }

    /// Spreads the next coarse slot that holds anything over the fine ones.
    fn turn(&mut self) -> Option<()> {
        let passed = (self.now >> FINE_BITS) as usize + 1;
        let ahead = self.coarse.get(passed..)?.iter().position(|list| list.first != NONE)?;
        let slot = passed + ahead;
        self.now = u32::try_from(slot).ok()? << FINE_BITS;
        let mut index = std::mem::replace(&mut self.coarse[slot], EMPTY).first;
        while index != NONE {
            let next = std::mem::replace(&mut self.entries[index as usize].next, NONE);
            self.link(index);
            index = next;
        }
        Some(())
    }

    fn first_occupied(&self) -> Option<usize> {
        // Slots before the present one are empty, so the first that is not is the next.
        let word = self.occupied.iter().position(|word| *word != 0)?;
        Some(word * 64 + self.occupied[word].trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dice::Dice;

    #[test]
    fn events_happen_in_order_of_time_and_then_of_planning() {
        let mut dice = Dice::new(1);
        let mut queue = Queue::new(100_000);
        let mut model: BTreeMap<(Micros, u32), u32> = BTreeMap::new();
        let (mut now, mut count) = (0, 0);
        for _ in 0..50_000 {
            if dice.roll(100) < 51 {
                // Near, far, past and beyond the end.
                let ahead = u32::try_from(dice.roll([3, 300, 30_000][count as usize % 3])).unwrap();
                let at = (now + ahead).saturating_sub(1);
                queue.push(at, count);
                if at <= 100_000 {
                    model.insert((at.max(now), count), count);
                }
                count += 1;
            } else {
                let expected = model.pop_first().map(|((at, _), event)| (at, event));
                assert_eq!(queue.pop(), expected);
                now = expected.map_or(now, |(at, _)| at);
            }
        }
        assert!(now > 10_000, "the wheel must have turned: {now}");
        while let Some((at, event)) = queue.pop() {
            assert_eq!(model.pop_first().map(|((at, _), event)| (at, event)), Some((at, event)));
        }
        assert!(model.is_empty());
    }

    #[test]
    fn places_are_used_again() {
        let mut queue = Queue::new(1_000_000);
        for at in 0..100_000 {
            queue.push(at, 0_u32);
            queue.push(at + 20_000, 1);
            queue.pop();
            queue.pop();
        }
        assert!(queue.entries.len() < 100, "{}", queue.entries.len());
    }
}
