//! The consumer's side: turns what the relay counted into cumulative receipts for each window of the
//! coordinator's clock. This machine's own clock is used to measure time, never to tell it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use streamr_coordinator_api::Granted;
use streamr_model::{GrantId, NodeId, ProviderTally, Receipt, StreamId, UnixMs, Window};

/// Between two receipts for the same provider, as long as the window lasts.
const SIGN_EVERY: Duration = Duration::from_secs(10);

/// What is signed in one session, by one consumer of one stream.
#[derive(Debug)]
pub(crate) struct Signing {
    consumer: NodeId,
    stream: StreamId,
    session: u64,
    /// What the coordinator's clock said at an instant of ours.
    clock: Option<(Instant, UnixMs)>,
    window: Option<Window>,
    /// Of the window under way, or of the next if the coordinator was quicker.
    grants: HashMap<NodeId, (Window, GrantId)>,
    accounts: HashMap<NodeId, Account>,
    due: Instant,
}

/// What is between us and one provider. At most as many as the relay counts providers.
#[derive(Debug, Clone, Copy, Default)]
struct Account {
    /// The counters when the window began.
    base: Counts,
    /// What was signed for of this window.
    signed: Counts,
    /// The grant was named in what was signed.
    under: Option<GrantId>,
    sequence: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    bytes: u64,
    blocks: u32,
    on_time: u32,
    bad: u32,
    missed: u32,
}

impl Counts {
    fn of(tally: &ProviderTally) -> Self {
        Self {
            bytes: tally.bytes,
            blocks: tally.blocks,
            on_time: tally.on_time,
            bad: tally.bad,
            missed: tally.missed,
        }
    }

    fn since(self, base: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(base.bytes),
            blocks: self.blocks.saturating_sub(base.blocks),
            on_time: self.on_time.saturating_sub(base.on_time),
            bad: self.bad.saturating_sub(base.bad),
            missed: self.missed.saturating_sub(base.missed),
        }
    }
}

impl Signing {
    /// For a relay that begins now, with every counter at nothing.
    pub(crate) fn new(consumer: NodeId, stream: StreamId, session: u64, now: Instant) -> Self {
        Self {
            consumer,
            stream,
            session,
            clock: None,
            window: None,
            grants: HashMap::new(),
            accounts: HashMap::new(),
            due: now,
        }
    }

    /// The coordinator answered: its clock, and perhaps grants.
    pub(crate) fn handle_answer(&mut self, theirs: UnixMs, grants: &[Granted], now: Instant) {
        self.clock = Some((now, theirs));
        let window = *self.window.get_or_insert(Window::of(theirs));
        for granted in grants.iter().take(Granted::PER_WINDOW) {
            if granted.window >= window {
                self.grants.insert(granted.provider, (granted.window, granted.grant.id()));
            }
        }
    }

    /// The last receipts, before the relay ends.
    pub(crate) fn finish(&mut self, counted: &[ProviderTally], now: Instant) -> Vec<Receipt> {
        self.due = now;
        self.poll(counted, now)
    }

    /// The receipts to sign now, given what the relay counts. Each is for another provider.
    pub(crate) fn poll(&mut self, counted: &[ProviderTally], now: Instant) -> Vec<Receipt> {
        let (Some((at, theirs)), Some(window)) = (self.clock, self.window) else { return Vec::new() };
        let elapsed_ms = u64::try_from((now - at).as_millis()).unwrap_or(u64::MAX);
        let present = Window::of(UnixMs(theirs.0.saturating_add(elapsed_ms)));
        if present > window {
            let last = self.sign(window, counted);
            self.open(present, counted);
            self.due = now + SIGN_EVERY;
            return last;
        }
        if now < self.due {
            return Vec::new();
        }
        self.due = now + SIGN_EVERY;
        self.sign(window, counted)
    }

    fn grant(&self, window: Window, provider: &NodeId) -> Option<GrantId> {
        self.grants.get(provider).filter(|(granted, _)| *granted == window).map(|(_, grant)| *grant)
    }

    fn open(&mut self, window: Window, counted: &[ProviderTally]) {
        self.window = Some(window);
        self.grants.retain(|_, (granted, _)| *granted >= window);
        let begun = |tally: &ProviderTally| {
            (tally.provider, Account { base: Counts::of(tally), ..Account::default() })
        };
        self.accounts = counted.iter().map(begun).collect();
    }

    fn sign(&mut self, window: Window, counted: &[ProviderTally]) -> Vec<Receipt> {
        let chosen = self.chosen(window, counted);
        let mut receipts = Vec::new();
        for tally in counted.iter().filter(|tally| chosen.contains(&tally.provider)) {
            let grant = self.grant(window, &tally.provider);
            let account = self.accounts.entry(tally.provider).or_default();
            let counts = Counts::of(tally).since(account.base);
            if counts == account.signed && (grant == account.under || account.sequence == 0) {
                continue;
            }
            *account = Account {
                signed: counts,
                under: grant,
                sequence: account.sequence.saturating_add(1),
                ..*account
            };
            receipts.push(Receipt {
                stream: self.stream.clone(),
                window,
                provider: tally.provider,
                consumer: self.consumer,
                grant,
                session: self.session,
                sequence: account.sequence,
                bytes: counts.bytes,
                blocks: counts.blocks,
                on_time: counts.on_time,
                bad: counts.bad,
                missed: counts.missed,
            });
        }
        receipts
    }

    /// For whom to sign: those under a grant, then those signed for already, then those that gave the most.
    fn chosen(&self, window: Window, counted: &[ProviderTally]) -> HashSet<NodeId> {
        let mut candidates: Vec<_> = counted
            .iter()
            .map(|tally| {
                let account = self.accounts.get(&tally.provider).copied().unwrap_or_default();
                let gave = Counts::of(tally).since(account.base);
                let is_granted = self.grant(window, &tally.provider).is_some();
                (is_granted, account.sequence > 0, gave.bytes, tally.provider, gave)
            })
            .filter(|(.., gave)| *gave != Counts::default())
            .collect();
        candidates.sort_by_key(|(granted, signed, bytes, provider, _)| {
            std::cmp::Reverse((*granted, *signed, *bytes, *provider))
        });
        candidates.truncate(Receipt::MAX_PROVIDERS);
        candidates.into_iter().map(|(.., provider, _)| provider).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use streamr_model::{Grant, SecretKey, Signed};

    const BEGIN: UnixMs = UnixMs(10 * Window::MS);

    fn provider(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    fn tally(n: u8, bytes: u64) -> ProviderTally {
        let blocks = u32::try_from(bytes / 100).unwrap();
        ProviderTally { provider: provider(n), bytes, blocks, on_time: blocks, bad: 0, missed: 0 }
    }

    fn granted(n: u8, window: Window) -> Granted {
        let grant = Grant {
            provider: provider(n),
            consumer: NodeId([0; 32]),
            stream: "alice".parse().unwrap(),
            window,
            cap_bytes: 1,
            expires_at: window.ends_at(),
        };
        let grant = Signed::new(&grant, &SecretKey::from_seed([1; 32]));
        Granted { provider: provider(n), window, grant }
    }

    fn signing(now: Instant) -> Signing {
        Signing::new(NodeId([0; 32]), "alice".parse().unwrap(), 7, now)
    }

    fn after(now: Instant, seconds: u64) -> Instant {
        now + Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_is_signed_before_the_coordinator_has_told_the_time() {
        let now = Instant::now();
        assert_eq!(signing(now).poll(&[tally(1, 100)], after(now, 1000)), []);
    }

    #[test]
    fn receipts_are_cumulative_within_a_window_and_begin_anew_with_the_next() {
        let now = Instant::now();
        let mut signing = signing(now);
        signing.handle_answer(BEGIN, &[granted(1, Window(10))], now);
        let first = signing.poll(&[tally(1, 1000)], now);
        assert_eq!((first[0].sequence, first[0].bytes, first[0].window), (1, 1000, Window(10)));
        assert_eq!(first[0].grant, Some(granted(1, Window(10)).grant.id()));
        assert_eq!(signing.poll(&[tally(1, 2000)], after(now, 9)), [], "not so soon");
        let second = signing.poll(&[tally(1, 2000)], after(now, 10));
        assert_eq!((second[0].sequence, second[0].bytes), (2, 2000));
        assert!(second[0].follows(&first[0]));
        assert_eq!(signing.poll(&[tally(1, 2000)], after(now, 20)), [], "nothing new came");

        let last = signing.poll(&[tally(1, 5000)], after(now, 300));
        assert_eq!((last[0].window, last[0].sequence, last[0].bytes), (Window(10), 3, 5000));
        let next = signing.poll(&[tally(1, 5600)], after(now, 310));
        assert_eq!((next[0].window, next[0].sequence, next[0].bytes), (Window(11), 1, 600));
        assert_eq!(next[0].grant, None, "the grant was for the window before");
    }

    #[test]
    fn whoever_ends_signs_for_the_last_seconds_too() {
        let now = Instant::now();
        let mut signing = signing(now);
        signing.handle_answer(BEGIN, &[], now);
        signing.poll(&[tally(1, 1000)], now);
        assert_eq!(signing.finish(&[tally(1, 1800)], after(now, 2))[0].bytes, 1800);
    }

    #[test]
    fn a_grant_for_the_next_window_waits_for_it() {
        let now = Instant::now();
        let mut signing = signing(now);
        signing.handle_answer(BEGIN, &[granted(1, Window(11))], now);
        assert_eq!(signing.poll(&[tally(1, 1000)], now)[0].grant, None);
        signing.poll(&[tally(1, 1000)], after(now, 300));
        assert!(signing.poll(&[tally(1, 1500)], after(now, 310))[0].grant.is_some());
    }

    #[test]
    fn a_grant_that_comes_later_is_named_by_the_next_receipt_though_nothing_new_came() {
        let now = Instant::now();
        let mut signing = signing(now);
        signing.handle_answer(BEGIN, &[], now);
        assert_eq!(signing.poll(&[tally(1, 1000)], now)[0].grant, None);
        signing.handle_answer(UnixMs(BEGIN.0 + 5000), &[granted(1, Window(10))], after(now, 5));
        let named = signing.poll(&[tally(1, 1000)], after(now, 10));
        assert_eq!((named[0].sequence, named[0].grant.is_some()), (2, true));
    }

    #[test]
    fn this_machines_own_clock_does_not_matter() {
        let now = Instant::now();
        let mut signing = signing(now);
        signing.handle_answer(UnixMs(BEGIN.0 - 1), &[], now);
        assert_eq!(signing.poll(&[tally(1, 100)], now)[0].window, Window(9));
        // The coordinator’s clock was set back: the window goes on until it is over.
        signing.handle_answer(UnixMs(0), &[], now);
        assert_eq!(signing.poll(&[tally(1, 200)], after(now, 10))[0].window, Window(9));
    }

    #[test]
    fn of_many_providers_the_granted_and_the_most_generous_are_signed_for() {
        let now = Instant::now();
        let mut signing = signing(now);
        signing.handle_answer(BEGIN, &[granted(1, Window(10))], now);
        let counted: Vec<ProviderTally> = (1..=20).map(|n| tally(n, u64::from(n) * 1000)).collect();
        let mut signed: Vec<u8> =
            signing.poll(&counted, now).iter().map(|receipt| receipt.provider.0[0]).collect();
        signed.sort_unstable();
        assert_eq!(signed, [1, 14, 15, 16, 17, 18, 19, 20]);
        let overtaken: Vec<ProviderTally> =
            (1..=20).map(|n| tally(n, if n == 2 { 1_000_000 } else { u64::from(n) * 1100 })).collect();
        let later = signing.poll(&overtaken, after(now, 10));
        assert!(
            later.iter().all(|receipt| receipt.provider != provider(2)),
            "whoever was begun with is gone on with"
        );
    }

    proptest! {
        #[test]
        fn the_last_receipts_of_all_windows_sum_to_what_came(
            steps in proptest::collection::vec((1_u64..120, 0_u64..100), 1..60),
        ) {
            let mut now = Instant::now();
            let mut signing = signing(now);
            signing.handle_answer(BEGIN, &[], now);
            let (mut bytes, mut last) = (0_u64, HashMap::new());
            for (seconds, blocks) in steps {
                now += Duration::from_secs(seconds);
                bytes += blocks * 100;
                for receipt in signing.poll(&[tally(1, bytes)], now) {
                    let before: Option<Receipt> = last.insert(receipt.window, receipt.clone());
                    prop_assert!(before.is_none_or(|before| receipt.follows(&before)));
                }
            }
            for receipt in signing.poll(&[tally(1, bytes)], now + SIGN_EVERY) {
                last.insert(receipt.window, receipt);
            }
            prop_assert_eq!(last.values().map(|receipt| receipt.bytes).sum::<u64>(), bytes);
        }
    }
}
