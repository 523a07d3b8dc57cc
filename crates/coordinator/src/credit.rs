//! From a consumer's cumulative tallies to what its providers are credited. Pure.
//!
//! A consumer signs what it received from whom since its session began. It cannot have received more than
//! the stream sent: over all providers together, an interval's credit is at most a quarter more than bitrate
//! × time. What is over stays claimed and can be credited later, so that a buffer filled in one burst is
//! paid for over the next minutes, and nothing is paid for twice.

use std::collections::BTreeMap;
use std::time::Duration;

use streamr_model::{BitsPerSecond, NodeId, ProviderTally};

/// A consumer's account with one provider in one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// The most bytes claimed so far. A later, smaller claim changes nothing.
    pub claimed: Counts,
    /// What has been credited of it.
    pub credited: Counts,
}

/// Bytes and blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Verified bytes.
    pub bytes: u64,
    /// Verified blocks.
    pub blocks: u64,
    /// Of these, blocks that came on time.
    pub on_time: u64,
    /// Blocks that did not verify.
    pub bad: u64,
}

impl Counts {
    fn each(self, other: Self, apply: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            bytes: apply(self.bytes, other.bytes),
            blocks: apply(self.blocks, other.blocks),
            on_time: apply(self.on_time, other.on_time),
            bad: apply(self.bad, other.bad),
        }
    }

    fn of(tally: &ProviderTally) -> Self {
        Self {
            bytes: tally.bytes,
            blocks: tally.blocks.into(),
            on_time: tally.on_time.min(tally.blocks).into(),
            bad: tally.bad.into(),
        }
    }
}

/// No silence earns more than this afterwards, however long it was.
const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// The most bytes a consumer can have received in `elapsed` of a stream of `bitrate`; of a stream whose
/// bitrate is not known yet, what the fastest uplink could carry.
pub fn allowance(bitrate: BitsPerSecond, fastest: BitsPerSecond, elapsed: Duration) -> u64 {
    let rate = if bitrate.0 == 0 { fastest } else { bitrate };
    let bytes = rate.bytes_in(elapsed.min(LONGEST_INTERVAL));
    bytes.saturating_add(bytes / 4)
}

/// Takes `received` into `accounts` and credits at most `allowance` bytes over all of them.
///
/// Only providers for whom `eligible` says yes get an account. Returns what each is newly credited.
pub fn settle(
    accounts: &mut BTreeMap<NodeId, Account>,
    received: &[ProviderTally],
    allowance: u64,
    eligible: impl Fn(&NodeId) -> bool,
) -> BTreeMap<NodeId, Counts> {
    for tally in received.iter().filter(|tally| eligible(&tally.provider)) {
        let account = accounts.entry(tally.provider).or_default();
        account.claimed = account.claimed.each(Counts::of(tally), u64::max);
    }
    let pending = |account: &Account| account.claimed.each(account.credited, u64::saturating_sub);
    let wanted: u128 = accounts.values().map(|account| u128::from(pending(account).bytes)).sum();
    let granted = wanted.min(allowance.into());

    let mut credits = BTreeMap::new();
    for (provider, account) in accounts.iter_mut() {
        let pending = pending(account);
        let bytes = (u128::from(pending.bytes) * granted).checked_div(wanted).unwrap_or(0);
        // Blocks are only ever compared with blocks, so they need no cap and go with the first byte.
        let credit = Counts { bytes: u64::try_from(bytes).unwrap_or(0), ..pending };
        if allowance > 0 && credit != Counts::default() {
            account.credited = account.credited.each(credit, u64::saturating_add);
            credits.insert(*provider, credit);
        }
    }
    credits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tally(provider: u8, bytes: u64) -> ProviderTally {
        ProviderTally { provider: NodeId([provider; 32]), bytes, blocks: 0, on_time: 0, bad: 0 }
    }

    fn bytes_credited(credits: &BTreeMap<NodeId, Counts>, provider: u8) -> u64 {
        credits.get(&NodeId([provider; 32])).map_or(0, |credit| credit.bytes)
    }

    #[test]
    fn a_cumulative_claim_is_credited_once() {
        let mut accounts = BTreeMap::new();
        let first = settle(&mut accounts, &[tally(1, 100)], 1000, |_| true);
        let second = settle(&mut accounts, &[tally(1, 150)], 1000, |_| true);
        let again = settle(&mut accounts, &[tally(1, 150)], 1000, |_| true);
        assert_eq!([&first, &second, &again].map(|credits| bytes_credited(credits, 1)), [100, 50, 0]);
    }

    #[test]
    fn a_claim_that_shrinks_changes_nothing() {
        let mut accounts = BTreeMap::new();
        settle(&mut accounts, &[tally(1, 100)], 1000, |_| true);
        let shrunk = settle(&mut accounts, &[tally(1, 10)], 1000, |_| true);
        let back = settle(&mut accounts, &[tally(1, 110)], 1000, |_| true);
        assert_eq!((bytes_credited(&shrunk, 1), bytes_credited(&back, 1)), (0, 10));
    }

    #[test]
    fn more_than_the_stream_sent_waits_and_is_shared_in_proportion() {
        let mut accounts = BTreeMap::new();
        let burst = settle(&mut accounts, &[tally(1, 300), tally(2, 100)], 200, |_| true);
        assert_eq!((bytes_credited(&burst, 1), bytes_credited(&burst, 2)), (150, 50));
        let later = settle(&mut accounts, &[], 1000, |_| true);
        assert_eq!((bytes_credited(&later, 1), bytes_credited(&later, 2)), (150, 50));
    }

    #[test]
    fn the_first_heartbeat_of_a_session_credits_nothing_because_no_time_has_passed() {
        let mut accounts = BTreeMap::new();
        assert_eq!(settle(&mut accounts, &[tally(1, 100)], 0, |_| true), BTreeMap::new());
    }

    #[test]
    fn an_ineligible_provider_gets_no_account() {
        let mut accounts = BTreeMap::new();
        let credits =
            settle(&mut accounts, &[tally(1, 100), tally(2, 100)], 1000, |id| *id != NodeId([1; 32]));
        assert_eq!((bytes_credited(&credits, 1), bytes_credited(&credits, 2)), (0, 100));
        assert_eq!(accounts.len(), 1);
    }

    #[test]
    fn the_allowance_is_a_quarter_over_bitrate_times_time() {
        let fastest = BitsPerSecond(1_000_000_000);
        assert_eq!(allowance(BitsPerSecond(8_000_000), fastest, Duration::from_secs(30)), 37_500_000);
        assert_eq!(allowance(BitsPerSecond(0), fastest, Duration::from_secs(8)), 1_250_000_000);
        assert_eq!(allowance(BitsPerSecond(u64::MAX), fastest, Duration::MAX), u64::MAX);
        let day = allowance(BitsPerSecond(8), fastest, Duration::from_secs(86_400));
        assert_eq!(allowance(BitsPerSecond(8), fastest, Duration::MAX), day);
    }

    proptest! {
        #[test]
        fn no_claims_ever_get_more_than_claimed_or_allowed(
            rounds in proptest::collection::vec(
                (proptest::collection::vec((0_u8..4, any::<u64>()), 0..8), 0_u64..1 << 40), 0..10),
        ) {
            let mut accounts = BTreeMap::new();
            let mut sums: BTreeMap<NodeId, u128> = BTreeMap::new();
            for (claims, allowance) in rounds {
                let received: Vec<_> = claims.into_iter().map(|(id, bytes)| tally(id, bytes)).collect();
                let credits = settle(&mut accounts, &received, allowance, |_| true);
                let sum: u128 = credits.values().map(|credit| u128::from(credit.bytes)).sum();
                prop_assert!(sum <= u128::from(allowance));
                for (provider, credit) in credits {
                    *sums.entry(provider).or_default() += u128::from(credit.bytes);
                }
            }
            for (provider, sum) in sums {
                prop_assert!(sum <= u128::from(accounts[&provider].claimed.bytes));
            }
        }
    }
}
