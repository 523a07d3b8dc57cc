//! Enrolment challenges: single-use, for one node, good for a minute. The clock is an argument.
//!
//! A challenge carries its own time and node under a keyed hash, so those that are outstanding take no
//! memory however many are asked for. Only those that were used are remembered, until they are stale anyway.

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use streamr_model::{NodeId, UnixMs};

/// How long a challenge is good for.
const VALID_MS: u64 = 60_000;
/// Used challenges remembered at most. At the bound, enrolling waits until some are stale.
const MAX_USED: usize = 16_384;
const TIME_LEN: usize = 8;
const SALT_LEN: usize = 16;
const MAC_LEN: usize = 32;

/// Gives challenges and takes each at most once.
pub(crate) struct Challenges {
    key: [u8; 32],
    /// When each used challenge was given.
    used: HashMap<[u8; MAC_LEN], UnixMs>,
}

/// Why a challenge is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not one of ours, for another node, too old, or used.
    Stale,
    /// Too many were used within the last minute.
    Full,
}

impl Challenges {
    /// Under `key`, which is drawn anew at each start: a challenge does not outlive the process.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key, used: HashMap::new() }
    }

    /// A challenge for `node`.
    pub(crate) fn give(&self, node: &NodeId, salt: [u8; SALT_LEN], now: UnixMs) -> String {
        let time = now.0.to_be_bytes();
        let mac = self.mac(node, &time, &salt);
        HEXLOWER.encode(&[time.as_slice(), &salt, mac.as_bytes()].concat())
    }

    /// Uses up `challenge`, which `node` has signed.
    pub(crate) fn take(&mut self, node: &NodeId, challenge: &str, now: UnixMs) -> Result<(), Refusal> {
        let bytes = HEXLOWER.decode(challenge.as_bytes()).map_err(|_| Refusal::Stale)?;
        let (time, rest) = bytes.split_first_chunk::<TIME_LEN>().ok_or(Refusal::Stale)?;
        let (salt, mac) = rest.split_first_chunk::<SALT_LEN>().ok_or(Refusal::Stale)?;
        let mac: [u8; MAC_LEN] = mac.try_into().map_err(|_| Refusal::Stale)?;
        let given = UnixMs(u64::from_be_bytes(*time));

        // blake3::Hash compares in constant time.
        let ours = self.mac(node, time, salt) == blake3::Hash::from_bytes(mac);
        let fresh = |given: UnixMs| given.0 <= now.0 && now.0 - given.0 <= VALID_MS;
        if !ours || !fresh(given) || self.used.contains_key(&mac) {
            return Err(Refusal::Stale);
        }
        if self.used.len() >= MAX_USED {
            self.used.retain(|_, given| fresh(*given));
            if self.used.len() >= MAX_USED {
                return Err(Refusal::Full);
            }
        }
        self.used.insert(mac, given);
        Ok(())
    }

    fn mac(&self, node: &NodeId, time: &[u8; TIME_LEN], salt: &[u8; SALT_LEN]) -> blake3::Hash {
        blake3::keyed_hash(&self.key, &[node.0.as_slice(), time, salt].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId([1; 32]);

    fn challenges() -> Challenges {
        Challenges::new([9; 32])
    }

    #[test]
    fn a_challenge_is_taken_once() {
        let mut challenges = challenges();
        let challenge = challenges.give(&NODE, [0; 16], UnixMs(1000));
        assert_eq!(challenges.take(&NODE, &challenge, UnixMs(1001)), Ok(()));
        assert_eq!(challenges.take(&NODE, &challenge, UnixMs(1002)), Err(Refusal::Stale));
    }

    #[test]
    fn a_challenge_is_good_for_a_minute_and_not_before_it_was_given() {
        let mut challenges = challenges();
        let challenge = challenges.give(&NODE, [0; 16], UnixMs(1000));
        assert_eq!(challenges.take(&NODE, &challenge, UnixMs(999)), Err(Refusal::Stale));
        assert_eq!(challenges.take(&NODE, &challenge, UnixMs(61_001)), Err(Refusal::Stale));
        assert_eq!(challenges.take(&NODE, &challenge, UnixMs(61_000)), Ok(()));
    }

    #[test]
    fn a_challenge_serves_only_the_node_it_was_given_to() {
        let mut challenges = challenges();
        let challenge = challenges.give(&NODE, [0; 16], UnixMs(0));
        assert_eq!(challenges.take(&NodeId([2; 32]), &challenge, UnixMs(0)), Err(Refusal::Stale));
    }

    #[test]
    fn a_challenge_of_another_process_or_of_nobody_is_stale() {
        let other = Challenges::new([8; 32]).give(&NODE, [0; 16], UnixMs(0));
        for bad in [other.as_str(), "", "00", "zz", &"0".repeat(112), &"0".repeat(100_000)] {
            assert_eq!(challenges().take(&NODE, bad, UnixMs(0)), Err(Refusal::Stale));
        }
    }

    #[test]
    fn used_challenges_are_bounded_and_make_room_when_stale() {
        let mut challenges = challenges();
        let mut take = |at: u64, n: usize| {
            let mut salt = [0; 16];
            salt[..8].copy_from_slice(&(n as u64).to_be_bytes());
            let challenge = challenges.give(&NODE, salt, UnixMs(at));
            challenges.take(&NODE, &challenge, UnixMs(at))
        };
        assert!((0..MAX_USED).all(|n| take(0, n) == Ok(())));
        assert_eq!(take(1, MAX_USED), Err(Refusal::Full));
        assert_eq!(take(VALID_MS + 1, MAX_USED), Ok(()));
    }
}
