//! How often a password may be tried: growing delays, never a locked account. Pure; the clock is an argument.
//!
//! Failures are counted for each network, for each handle, and for each handle from each network. Only the
//! network that failed ever waits. A stranger who guesses at somebody's handle makes *their own* next guess
//! wait, and, when many strangers guess at it, shortens what each of them has free; the person at home waits
//! for nobody. An attempt counts as failed from its beginning until it is known to be none, so that many at
//! once get no more than one after the other.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use streamr_model::UnixMs;

use super::Handle;
use crate::limits::network;

/// Failures are forgotten when none was added for so long.
const FORGET_MS: u64 = 60 * 60_000;
/// The longest delay.
const MAX_DELAY_MS: u64 = 15 * 60_000;
/// Guesses at one handle from one network before they are delayed.
const FREE: u32 = 5;
/// The same while the handle is under attack.
const FREE_UNDER_ATTACK: u32 = 1;
/// Failures at one handle, from everywhere together, that make an attack.
const ATTACK: u32 = 100;
/// Failures of one network, at all handles together, before it is delayed: a campus may share one.
const FREE_OF_NETWORK: u32 = 30;
/// Counts remembered in each generation of a table; see [`Table`].
const MAX_COUNTS: usize = 16_384;

/// Counts failed attempts to sign in.
#[derive(Debug, Default)]
pub struct Throttle {
    networks: Table<IpAddr>,
    handles: Table<Handle>,
    pairs: Table<(Handle, IpAddr)>,
}

impl Throttle {
    /// Lets an attempt begin, which counts as failed from now on, or says how many seconds to wait.
    ///
    /// `handle` is `None` where what was sent cannot be one; such a guess counts for its network.
    pub fn begin(&mut self, handle: Option<&Handle>, from: IpAddr, now: UnixMs) -> Result<(), u32> {
        let network = network(from);
        let mut ready_at = self.networks.get(&network, now).ready_at(FREE_OF_NETWORK);
        if let Some(handle) = handle {
            let attacked = self.handles.get(handle, now).count >= ATTACK;
            let free = if attacked { FREE_UNDER_ATTACK } else { FREE };
            ready_at = ready_at.max(self.pairs.get(&(handle.clone(), network), now).ready_at(free));
        }
        let wait_ms = ready_at.0.saturating_sub(now.0);
        if wait_ms > 0 {
            return Err(u32::try_from(wait_ms.div_ceil(1000)).unwrap_or(u32::MAX));
        }
        self.networks.add(network, now);
        if let Some(handle) = handle {
            self.handles.add(handle.clone(), now);
            self.pairs.add((handle.clone(), network), now);
        }
        Ok(())
    }

    /// The attempt succeeded: what this network tried at this handle was the person's own mistyping.
    pub fn succeeded(&mut self, handle: &Handle, from: IpAddr, now: UnixMs) {
        self.pairs.remove(&(handle.clone(), network(from)));
        self.undecided(Some(handle), from, now);
    }

    /// Nothing was found out, because we were too busy: the attempt does not count.
    pub fn undecided(&mut self, handle: Option<&Handle>, from: IpAddr, now: UnixMs) {
        let network = network(from);
        self.networks.take_back(&network, now);
        if let Some(handle) = handle {
            self.handles.take_back(handle, now);
            self.pairs.take_back(&(handle.clone(), network), now);
        }
    }
}

/// Failures, and when the last was.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: u32,
    last_at: UnixMs,
}

impl Failures {
    /// What is left of them: nothing after a time, nor when the clock was set back.
    fn at(self, now: UnixMs) -> Self {
        let known = self.last_at <= now && now.0 - self.last_at.0 < FORGET_MS;
        if known { self } else { Self::default() }
    }

    /// When the next attempt may begin, if so many are free: a second after the first that is not, then twice
    /// as long after each.
    fn ready_at(self, free: u32) -> UnixMs {
        let Some(over) = self.count.checked_sub(free) else { return UnixMs(0) };
        let delay_ms = (1000_u64 << over.min(20)).min(MAX_DELAY_MS);
        UnixMs(self.last_at.0.saturating_add(delay_ms))
    }
}

/// Counts in two generations. When the young one is full it becomes the old one, and the old one is forgotten:
/// bounded, with no search for what to forget. To flush a count, an attacker must fail [`MAX_COUNTS`] times,
/// each of which costs the time of a password hash.
#[derive(Debug)]
struct Table<K> {
    young: HashMap<K, Failures>,
    old: HashMap<K, Failures>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Eq + Hash> Table<K> {
    fn get(&self, key: &K, now: UnixMs) -> Failures {
        self.young.get(key).or_else(|| self.old.get(key)).copied().unwrap_or_default().at(now)
    }

    fn add(&mut self, key: K, now: UnixMs) {
        let count = self.get(&key, now).count.saturating_add(1);
        if self.young.len() >= MAX_COUNTS && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, Failures { count, last_at: now });
    }

    fn take_back(&mut self, key: &K, now: UnixMs) {
        if let Some(failures) = self.young.get_mut(key) {
            *failures = Failures { count: failures.count.saturating_sub(1), ..failures.at(now) };
        }
    }

    fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn handle(text: &str) -> Handle {
        text.parse().unwrap()
    }

    fn address(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(n).into()
    }

    /// Guesses as often as it is let, until `until_s`; how often.
    fn guesses(throttle: &mut Throttle, name: &Handle, from: IpAddr, until_s: u64) -> usize {
        let tried = (0..until_s * 1000)
            .step_by(500)
            .filter(|now| throttle.begin(Some(name), from, UnixMs(*now)).is_ok());
        tried.count()
    }

    #[test]
    fn each_guess_over_the_free_ones_waits_twice_as_long() {
        let (mut throttle, alice) = (Throttle::default(), handle("alice"));
        let mut begin = |s: u64| throttle.begin(Some(&alice), address(1), UnixMs(s * 1000));
        for _ in 0..FREE {
            assert_eq!(begin(0), Ok(()));
        }
        assert_eq!(begin(0), Err(1));
        assert_eq!(begin(1), Ok(()));
        assert_eq!(begin(1), Err(2));
        assert_eq!(begin(3), Ok(()));
        assert_eq!(begin(3), Err(4));
        assert_eq!(begin(3 + 3600), Ok(()), "an hour later all is forgotten");
    }

    #[test]
    fn an_address_gets_few_guesses_in_a_day() {
        let (mut throttle, alice) = (Throttle::default(), handle("alice"));
        let count = guesses(&mut throttle, &alice, address(1), 24 * 3600);
        assert!((90..=120).contains(&count), "{count}");
    }

    #[test]
    fn strangers_never_lock_a_person_out() {
        let (mut throttle, alice) = (Throttle::default(), handle("alice"));
        for stranger in 0..5000 {
            let _ = throttle.begin(Some(&alice), address(1000 + stranger), UnixMs(0));
        }
        let home = address(1);
        assert_eq!(throttle.begin(Some(&alice), home, UnixMs(0)), Ok(()));
        throttle.succeeded(&alice, home, UnixMs(0));
        assert_eq!(throttle.begin(Some(&alice), home, UnixMs(0)), Ok(()));
    }

    #[test]
    fn under_attack_each_stranger_has_one_guess_free() {
        let (mut throttle, alice) = (Throttle::default(), handle("alice"));
        for stranger in 0..ATTACK {
            throttle.begin(Some(&alice), address(1000 + stranger), UnixMs(0)).unwrap();
        }
        assert_eq!(throttle.begin(Some(&alice), address(1), UnixMs(0)), Ok(()));
        assert_eq!(throttle.begin(Some(&alice), address(1), UnixMs(0)), Err(1));
        assert_eq!(throttle.begin(Some(&handle("bob")), address(1), UnixMs(0)), Ok(()));
    }

    #[test]
    fn an_address_that_tries_one_guess_at_each_of_many_handles_waits_too() {
        let mut throttle = Throttle::default();
        let let_through = (0..100)
            .filter(|n| {
                let name = handle(&format!("person-{n}"));
                throttle.begin(Some(&name), address(1), UnixMs(0)).is_ok()
            })
            .count();
        assert_eq!(let_through, FREE_OF_NETWORK as usize);
        assert!(throttle.begin(None, address(1), UnixMs(0)).is_err(), "with what is no handle as well");
        assert_eq!(throttle.begin(Some(&handle("person-1")), address(2), UnixMs(0)), Ok(()));
    }

    #[test]
    fn what_was_not_decided_does_not_count() {
        let (mut throttle, alice) = (Throttle::default(), handle("alice"));
        for _ in 0..1000 {
            assert_eq!(throttle.begin(Some(&alice), address(1), UnixMs(0)), Ok(()));
            throttle.undecided(Some(&alice), address(1), UnixMs(0));
        }
    }

    #[test]
    fn a_clock_that_was_set_back_shuts_nobody_out() {
        let (mut throttle, alice) = (Throttle::default(), handle("alice"));
        for _ in 0..FREE {
            throttle.begin(Some(&alice), address(1), UnixMs(1_000_000)).unwrap();
        }
        assert_eq!(throttle.begin(Some(&alice), address(1), UnixMs(10)), Ok(()));
    }

    #[test]
    fn the_tables_are_bounded_and_forget_the_oldest() {
        let mut throttle = Throttle::default();
        let many = u32::try_from(MAX_COUNTS).unwrap() * 3;
        for n in 0..many {
            let _ = throttle.begin(Some(&handle(&format!("p-{n}"))), address(n), UnixMs(0));
        }
        for len in [throttle.networks.young.len(), throttle.handles.old.len(), throttle.pairs.young.len()] {
            assert!(len <= MAX_COUNTS, "{len}");
        }
    }

    proptest! {
        #[test]
        fn nobody_waits_longer_than_a_quarter_of_an_hour(times in proptest::collection::vec(0_u64..10_000_000, 1..200)) {
            let (mut throttle, alice) = (Throttle::default(), handle("alice"));
            for time in times {
                if let Err(wait_s) = throttle.begin(Some(&alice), address(1), UnixMs(time)) {
                    prop_assert!(wait_s <= 15 * 60);
                }
            }
        }
    }
}
