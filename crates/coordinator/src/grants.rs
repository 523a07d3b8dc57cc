//! Who may give to whom: assigning providers to a consumer for a window, and signing that.
//!
//! Consumers do not choose, because one that does chooses its friends. Of the members that a consumer is shown,
//! those three are assigned that come first by a hash of the coordinator's secret, weighted by what they offer
//! (weighted rendezvous: Schindelhauer and Schomaker, 2005), so that nobody can foresee who it will be. A measurer
//! is assigned first at whom it is to look: its grants, and what it signs under them, are as everybody else's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use streamr_coordinator_api::{Granted, MemberView, Membership};
use streamr_model::{BitsPerSecond, Grant, GrantId, NodeId, SecretKey, Signed, StreamId, UnixMs, Window};

use crate::state::{App, lock};
use crate::storage::{Assigned, StorageError, Stream};

/// What grants are made with, and what else only a coordinator knows. All follow from the operator token, so that every
/// replica has the same.
pub(crate) struct Keys {
    sign: SecretKey,
    assign: [u8; 32],
    probe: [u8; 32],
    network: [u8; 32],
}

impl Keys {
    pub(crate) fn of(operator_token: &str) -> Self {
        let derive = |context| blake3::derive_key(context, operator_token.as_bytes());
        Self {
            sign: SecretKey::from_seed(derive("streamr coordinator: signs grants")),
            assign: derive("streamr coordinator: assigns providers"),
            probe: derive("streamr coordinator: plans probes"),
            network: derive("streamr coordinator: hides addresses"),
        }
    }

    /// What probes are planned with.
    pub(crate) fn probe(&self) -> &[u8; 32] {
        &self.probe
    }

    /// What address prefixes are hashed with.
    pub(crate) fn network(&self) -> &[u8; 32] {
        &self.network
    }

    /// Whose signature grants carry.
    pub(crate) fn public(&self) -> NodeId {
        self.sign.node_id()
    }

    /// Signing again gives the same bytes.
    pub(crate) fn granted(&self, grant: &Grant) -> Granted {
        Granted { provider: grant.provider, window: grant.window, grant: Signed::new(grant, &self.sign) }
    }
}

/// The place of a member for a consumer in a window: the smallest come first. Exponentially distributed with
/// the member's weight as its rate, so that it is first as often as its weight is of all weights.
fn place(key: &[u8; 32], window: Window, consumer: &NodeId, member: &MemberView) -> f64 {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&window.0.to_le_bytes()).update(&consumer.0).update(&member.node.0);
    #[expect(clippy::cast_precision_loss, reason = "weights need no more than 53 bits")]
    let weight = member.uplink_bps.0 as f64;
    if weight > 0.0 { -uniform(&hasher.finalize()).ln() / weight } else { f64::INFINITY }
}

/// Uniform over the open interval of 0 to 1.
pub(crate) fn uniform(hash: &blake3::Hash) -> f64 {
    let first = hash.as_bytes().first_chunk::<8>().expect("a hash has 32 bytes");
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    let (drawn, all) = ((u64::from_le_bytes(*first) >> 11) as f64, (1_u64 << 53) as f64);
    (drawn + 0.5) / all
}

/// Those of `members` that come first for `consumer`, at most [`Granted::PER_WINDOW`] with those in `known`.
pub(crate) fn choose(
    key: &[u8; 32],
    window: Window,
    consumer: &NodeId,
    members: &[MemberView],
    known: &[NodeId],
) -> Vec<NodeId> {
    let mut placed: Vec<(f64, NodeId)> = members
        .iter()
        .filter(|member| member.node != *consumer && !known.contains(&member.node))
        .filter(|member| member.uplink_bps.0 > 0)
        .map(|member| (place(key, window, consumer, member), member.node))
        .collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let missing = Granted::PER_WINDOW.saturating_sub(known.len());
    placed.into_iter().take(missing).map(|(_, node)| node).collect()
}

/// The most that counts of `provider`, assigned together with `others`: a quarter over its even part of the stream,
/// by what each offers. Otherwise a consumer could credit a friend with everything whenever it is assigned.
pub(crate) fn cap_bytes(
    stream_bytes: u64,
    members: &[MemberView],
    provider: &NodeId,
    others: &[NodeId],
) -> u64 {
    let offers = |node: &NodeId| {
        let member = members.iter().find(|member| member.node == *node);
        member.map_or(0, |member| u128::from(member.uplink_bps.0))
    };
    let (own, all) = (offers(provider), others.iter().chain([provider]).map(offers).sum::<u128>());
    let part = (u128::from(stream_bytes) * own * 5).checked_div(all * 4).unwrap_or(0);
    u64::try_from(part).unwrap_or(u64::MAX).min(stream_bytes)
}

/// Whether a consumer is told its grants though nothing about them is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tell {
    /// It may not know them: its session began, or an answer was lost.
    Always,
    /// It cannot know them: the window is new to it, so nobody can be assigned to it yet.
    NewWindow,
    /// It knows them.
    IfNew,
}

/// Consumers that are known to have all the providers they may in the newest window, so that it is not read
/// with every heartbeat. Who is missing is read.
#[derive(Debug, Default)]
pub(crate) struct Complete {
    known: Mutex<(Option<Window>, HashMap<NodeId, StreamId>)>,
}

/// Consumers that are remembered as complete. At the bound the others are read.
const MOST_COMPLETE: usize = 65_536;

impl Complete {
    /// Whether `consumer` is known to have all it may.
    pub(crate) fn has(&self, window: Window, stream: &StreamId, consumer: &NodeId) -> bool {
        let known = lock(&self.known);
        known.0 == Some(window) && known.1.get(consumer) == Some(stream)
    }

    /// Notes those of `assigned` that have all they may.
    pub(crate) fn note(&self, window: Window, stream: &StreamId, assigned: &BTreeMap<NodeId, Vec<Assigned>>) {
        let mut known = lock(&self.known);
        if known.0 != Some(window) {
            *known = (Some(window), HashMap::new());
        }
        for (consumer, assigned) in assigned {
            if assigned.len() >= Granted::PER_WINDOW && known.1.len() < MOST_COMPLETE {
                known.1.insert(*consumer, stream.clone());
            }
        }
    }
}

/// Consumers of a stream that is live, and whom each is assigned in the present window.
pub(crate) struct Consumers<'a> {
    /// The stream.
    pub(crate) stream: &'a Stream,
    /// Its bitrate; 0 where it is not known.
    pub(crate) bitrate: BitsPerSecond,
    /// Every one of them.
    pub(crate) assigned: &'a mut BTreeMap<NodeId, Vec<Assigned>>,
}

impl Consumers<'_> {
    /// Assigns more to those that have fewer than they may, because few were there when they were assigned
    /// them; to whom. The caller must hold no transaction.
    pub(crate) async fn complete(self, app: &App, now: UnixMs) -> Result<BTreeSet<NodeId>, StorageError> {
        let (window, stream) = (Window::of(now), &self.stream.stream);
        if self.assigned.values().all(|assigned| assigned.len() >= Granted::PER_WINDOW) {
            return Ok(BTreeSet::new());
        }
        let table = app.tables.current(&app.storage, self.stream, now).await?;
        let looks = app.looks(window);
        let mut chosen: BTreeMap<NodeId, Vec<Assigned>> = BTreeMap::new();
        let mut probes: BTreeSet<(NodeId, NodeId)> = BTreeSet::new();
        for (consumer, known) in self.assigned.iter().filter(|(_, known)| known.len() < Granted::PER_WINDOW) {
            let members = table.members_for(consumer, &looks);
            let known: Vec<NodeId> = known.iter().map(|one| one.provider).collect();
            let mut looked_at = table.probed_by(consumer, &looks);
            looked_at.retain(|node| !known.contains(node));
            looked_at.truncate(Granted::PER_WINDOW - known.len());
            let more = self.more(&app.grants.assign, window, consumer, &members, &known, &looked_at);
            if !more.is_empty() {
                probes.extend(looked_at.into_iter().map(|provider| (*consumer, provider)));
                chosen.insert(*consumer, more);
            }
        }
        if chosen.is_empty() {
            return Ok(BTreeSet::new());
        }
        let consumers: BTreeSet<NodeId> = chosen.keys().copied().collect();
        let mut tx = app.storage.write().await?;
        tx.lock_nodes(&consumers).await?;
        let mut before = tx.assigned_to(stream, window, &consumers).await?;
        let mut new = Vec::new();
        for (consumer, more) in chosen {
            let mut assigned = before.remove(&consumer).unwrap_or_default();
            let known = self.assigned.entry(consumer).or_default();
            // Otherwise whoever answered another heartbeat of this node at the same time was first.
            if assigned.len() == known.len() {
                new.extend(more.iter().map(|one| (consumer, *one)));
                assigned.extend(more);
                assigned.sort_unstable_by_key(|one| one.provider);
            }
            *known = assigned;
        }
        tx.assign_all(stream, window, &new).await?;
        for (measurer, provider) in new.iter().map(|(consumer, one)| (*consumer, one.provider)) {
            if probes.contains(&(measurer, provider)) {
                tx.plan_probe(stream, window, &measurer, &provider).await?;
            }
        }
        tx.commit().await?;
        Ok(consumers)
    }

    /// Whom `consumer`, who is assigned `known`, is to be assigned besides: those at whom it is to look, and others of
    /// the `members` that it is shown.
    fn more(
        &self,
        key: &[u8; 32],
        window: Window,
        consumer: &NodeId,
        members: &[MemberView],
        known: &[NodeId],
        looked_at: &[NodeId],
    ) -> Vec<Assigned> {
        let settled = [known, looked_at].concat();
        let by_chance = choose(key, window, consumer, members, &settled);
        let chosen = [looked_at, by_chance.as_slice()].concat();
        let together = [known, chosen.as_slice()].concat();
        let stream_bytes = window_bytes(self.bitrate);
        let assign = |provider: NodeId| {
            let others: Vec<NodeId> = together.iter().filter(|node| **node != provider).copied().collect();
            let cap_bytes = cap_bytes(stream_bytes, members, &provider, &others);
            let expires_at = crate::receipts::taken_until(window);
            let mut one = Assigned { provider, cap_bytes, expires_at, grant: GrantId([0; 32]) };
            one.grant = grant(&self.stream.stream, window, consumer, &one).id();
            one
        };
        chosen.into_iter().map(assign).collect()
    }
}

/// Bytes of the stream in a window; of one whose bitrate is not known yet, what the fastest uplink could carry.
fn window_bytes(bitrate: BitsPerSecond) -> u64 {
    let rate = if bitrate.0 == 0 { Membership::MAX_UPLINK } else { bitrate };
    rate.bytes_in(Duration::from_millis(Window::MS))
}

/// The grant that `assigned` stands for.
pub(crate) fn grant(stream: &StreamId, window: Window, consumer: &NodeId, assigned: &Assigned) -> Grant {
    Grant {
        provider: assigned.provider,
        consumer: *consumer,
        stream: stream.clone(),
        window,
        cap_bytes: assigned.cap_bytes,
        expires_at: assigned.expires_at,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn member(n: u8, mbps: u64) -> MemberView {
        MemberView { node: NodeId([n; 32]), addresses: vec![], uplink_bps: BitsPerSecond(mbps * 1_000_000) }
    }

    #[test]
    fn a_consumer_is_assigned_three_others_that_offer_something() {
        let members: Vec<MemberView> = (0..9).map(|n| member(n, u64::from(n % 2))).collect();
        let chosen = choose(&KEY, Window(1), &NodeId([1; 32]), &members, &[]);
        assert_eq!(chosen.len(), 3);
        assert!(chosen.iter().all(|node| [3, 5, 7].contains(&node.0[0])), "{chosen:?}");
    }

    #[test]
    fn each_window_and_each_secret_assigns_anew() {
        let members = || (0..100).map(|n| member(n, 10)).collect::<Vec<_>>();
        let of = |key, window| choose(&key, Window(window), &NodeId([200; 32]), &members(), &[]);
        assert_eq!(of(KEY, 1), of(KEY, 1));
        assert_ne!(of(KEY, 1), of(KEY, 2));
        assert_ne!(of(KEY, 1), of([8; 32], 1));
    }

    #[test]
    fn who_offers_more_is_assigned_as_much_more_often() {
        let members = || vec![member(1, 5), member(2, 15), member(3, 30), member(4, 50)];
        let mut firsts: BTreeMap<u8, u32> = BTreeMap::new();
        for window in 0..20_000 {
            let first = choose(&KEY, Window(window), &NodeId([9; 32]), &members(), &[])[0];
            *firsts.entry(first.0[0]).or_default() += 1;
        }
        for (n, percent) in [(1, 5), (2, 15), (3, 30), (4, 50)] {
            let found = firsts[&n];
            assert!(found.abs_diff(percent * 200) < 300, "{n}: {found} of 20,000");
        }
    }

    #[test]
    fn whoever_is_known_is_not_assigned_again() {
        let members: Vec<MemberView> = (0..9).map(|n| member(n, 5)).collect();
        let consumer = NodeId([200; 32]);
        let all = choose(&KEY, Window(1), &consumer, &members, &[]);
        assert_eq!(choose(&KEY, Window(1), &consumer, &members, &all[..1]), all[1..]);
        assert_eq!(choose(&KEY, Window(1), &consumer, &members, &all), []);
    }

    #[test]
    fn a_grant_is_for_a_quarter_more_than_an_even_part() {
        let members = [member(1, 10), member(2, 10), member(3, 20)];
        let id = |n| NodeId([n; 32]);
        let cap = |provider, others: &[NodeId]| cap_bytes(8_000, &members, &id(provider), others);
        assert_eq!(cap(1, &[id(2), id(3)]), 2_500);
        assert_eq!(cap(3, &[id(1), id(2)]), 5_000);
        assert_eq!(cap(1, &[id(2)]), 5_000);
        assert_eq!(cap(1, &[]), 8_000, "never more than there is");
        assert_eq!(cap(1, &[id(99)]), 8_000, "whoever has left offers nothing");
    }

    #[test]
    fn who_has_all_it_may_is_known_for_that_window_and_stream_only() {
        let (alice, bob): (StreamId, StreamId) = ("alice".parse().unwrap(), "bob".parse().unwrap());
        let id = |n| NodeId([n; 32]);
        let one = Assigned { provider: id(9), cap_bytes: 1, expires_at: UnixMs(9), grant: GrantId([0; 32]) };
        let complete = Complete::default();
        complete.note(Window(1), &alice, &BTreeMap::from([(id(1), vec![one; 3]), (id(2), vec![one; 2])]));
        assert!(complete.has(Window(1), &alice, &id(1)));
        for (window, stream, n) in [(1, &alice, 2), (1, &bob, 1), (2, &alice, 1), (1, &alice, 3)] {
            assert!(!complete.has(Window(window), stream, &id(n)), "{window} {stream} {n}");
        }
        complete.note(Window(2), &alice, &BTreeMap::new());
        assert!(!complete.has(Window(1), &alice, &id(1)), "windows that are over are forgotten");
    }

    #[test]
    fn a_grant_signed_again_is_the_same() {
        let keys = Keys::of("the operator's token, long enough");
        let assigned = Assigned {
            provider: NodeId([1; 32]),
            cap_bytes: 5,
            expires_at: UnixMs(9),
            grant: GrantId([0; 32]),
        };
        let grant = grant(&"alice".parse().unwrap(), Window(3), &NodeId([2; 32]), &assigned);
        let (one, two) = (keys.granted(&grant), keys.granted(&grant));
        assert_eq!((one.grant.clone(), one.grant.id()), (two.grant.clone(), two.grant.id()));
        assert_eq!(one.grant.verify_node(&keys.public()), Ok(grant));
    }
}
