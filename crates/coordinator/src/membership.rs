//! What nodes are shown of a stream's membership: a table of it, made once for each version and shared by all
//! who ask.
//!
//! A node that asks is answered from the table with a few look-ups, however many members there are. In a large
//! swarm somebody comes or goes all the time, so there a table is shown for a while though the membership has
//! gone on: everything in it belongs to its own version.
//!
//! Where anybody measures, members are weighed with no more than they were seen to carry. What is believed of them
//! is reviewed once in a window and changes in steps over a quarter, because a change is a new version: everybody
//! must weigh stripes by the same numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use streamr_coordinator_api::{Elector, MemberView, Membership, ReceiptsRequest};
use streamr_model::{BitsPerSecond, NodeId, UnixMs, Window};

use crate::capacity::{Capacities, Part, RECENT_WINDOWS, receivers};
use crate::electors::{Candidate, Chosen, choose};
use crate::neighbours::{Places, RINGS, Rings};
use crate::probes::{Looks, Plan};
use crate::slots::Slots;
use crate::storage::{Member, Storage, StorageError, Stream, Tx};

/// Rings that join the electors among themselves, so that what one of them fetches is soon at the others.
const FRONT_RINGS: usize = 2;
/// Rings that join the fast ones among themselves: what they pass on reaches far, if it reaches them early.
const FAST_RINGS: usize = 4;
/// Who offers so many times the mean is fast.
const FAST: u64 = 2;
/// Up to so many members a table is made anew with every change; from there on it is shown for a millisecond
/// for each of them, so that making tables costs a bounded share of the machine.
const SMALL: usize = 256;

/// The membership of one stream at one version.
#[derive(Debug)]
pub(crate) struct Table {
    version: u64,
    made_at: UnixMs,
    review_at: Option<UnixMs>,
    key: [u8; 32],
    members: Vec<MemberView>,
    electors: Vec<Elector>,
    /// Those of the members that measure, by id.
    measurers: Vec<NodeId>,
    all: Rings,
    front: Rings,
    fast: Rings,
    /// Who offers as much is on the rings of the fast.
    fast_from_bps: u64,
}

impl Table {
    /// Of all `members`, by id, at `version`.
    fn new(stream: &Stream, version: u64, members: Vec<Member>, chosen: &Chosen, made_at: UnixMs) -> Self {
        let key = neighbours_key(stream);
        let members: Vec<MemberView> = members.into_iter().map(|member| member.view).collect();
        let is_elector = |member: &MemberView| chosen.electors.binary_search(&member.node).is_ok();
        let placed: Vec<(usize, Places)> =
            members.iter().map(|member| Places::of(&member.node, &key)).enumerate().collect();
        let front: Vec<(usize, Places)> =
            placed.iter().filter(|(member, _)| is_elector(&members[*member])).copied().collect();
        let mean_bps =
            members.iter().map(|member| member.uplink_bps.0).sum::<u64>() / members.len().max(1) as u64;
        let fast_from_bps = (mean_bps * FAST).max(1);
        let is_fast = |member: usize| members[member].uplink_bps.0 >= fast_from_bps;
        let fast: Vec<(usize, Places)> =
            placed.iter().filter(|(member, _)| is_fast(*member)).copied().collect();
        let elector = |(member, _): &(usize, Places)| {
            let member = &members[*member];
            Elector { node: member.node, uplink_bps: member.uplink_bps }
        };
        Self {
            version,
            made_at,
            review_at: chosen.review_at,
            measurers: Vec::new(),
            key,
            electors: front.iter().map(elector).collect(),
            all: Rings::new(RINGS, &placed),
            front: Rings::new(FRONT_RINGS, &front),
            fast: Rings::new(FAST_RINGS, &fast),
            fast_from_bps,
            members,
        }
    }

    /// Which version of the membership this is.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// How many support the stream.
    pub(crate) fn supporters(&self) -> usize {
        self.members.len()
    }

    /// Who takes part in elections, by id.
    pub(crate) fn electors(&self) -> &[Elector] {
        &self.electors
    }

    /// Whether `node` is to know the seed.
    pub(crate) fn may_see_seed(&self, node: &NodeId) -> bool {
        self.supporters() <= Membership::SEED_FOR_ALL || self.is_elector(node)
    }

    fn plan<'a>(&self, looks: &Looks<'a>) -> Plan<'a> {
        Plan { looks: *looks, measurers: self.measurers.len(), supporters: self.supporters() }
    }

    /// At whom `measurer` is to look, who offers something; at nobody if it does not measure.
    pub(crate) fn probed_by(&self, measurer: &NodeId, looks: &Looks<'_>) -> Vec<NodeId> {
        if self.measurers.binary_search(measurer).is_err() {
            return Vec::new();
        }
        let offering = self.members.iter().filter(|member| member.uplink_bps.0 > 0);
        self.plan(looks).of(measurer, offering.map(|member| member.node))
    }

    /// With whom `asker` shares a look, from either side, in this window and the next: both are to see each other as
    /// neighbours do, before it begins.
    fn looking(&self, asker: &NodeId, looks: &Looks<'_>) -> Vec<usize> {
        let plans = [self.plan(looks), self.plan(&looks.next())];
        let place = |node: &NodeId| self.members.binary_search_by_key(node, |member| member.node).ok();
        let looks_here = |measurer: &&NodeId| plans.iter().any(|plan| plan.has(measurer, asker));
        let mut found: Vec<usize> = self.measurers.iter().filter(looks_here).filter_map(place).collect();
        if self.measurers.binary_search(asker).is_ok() {
            let probed = |node: &NodeId| plans.iter().any(|plan| plan.has(asker, node));
            found.extend((0..self.members.len()).filter(|member| probed(&self.members[*member].node)));
        }
        found
    }

    /// Whom `asker` is to be connected to. Whoever is no member yet is shown those whom it will have.
    pub(crate) fn members_for(&self, asker: &NodeId, looks: &Looks<'_>) -> Vec<MemberView> {
        if self.supporters() <= Membership::MAX_EVERYBODY {
            return self.members.iter().filter(|member| member.node != *asker).cloned().collect();
        }
        let places = Places::of(asker, &self.key);
        let mut beside = self.all.beside(&places);
        if self.is_elector(asker) {
            beside.extend(self.front.beside(&places));
        }
        if self.is_fast(asker) {
            beside.extend(self.fast.beside(&places));
        }
        beside.extend(
            self.looking(asker, looks).into_iter().take(Membership::MAX_MEMBERS.saturating_sub(beside.len())),
        );
        beside.sort_unstable();
        beside.dedup();
        beside.into_iter().map(|member| self.members[member].clone()).collect()
    }

    fn is_fast(&self, node: &NodeId) -> bool {
        let member = self.members.binary_search_by_key(node, |member| member.node);
        member.is_ok_and(|member| self.members[member].uplink_bps.0 >= self.fast_from_bps)
    }

    fn is_elector(&self, node: &NodeId) -> bool {
        self.electors.binary_search_by_key(node, |elector| elector.node).is_ok()
    }

    /// Whether it may be shown at `now`, when the membership is at `version`.
    fn will_do(&self, version: u64, now: UnixMs) -> bool {
        let patience_ms = if self.supporters() <= SMALL { 0 } else { self.supporters() as u64 };
        let is_young = now.0.saturating_sub(self.made_at.0) < patience_ms;
        let is_present = self.version >= version && self.review_at.is_none_or(|at| now < at);
        is_young || is_present
    }
}

/// What the rings of a stream are keyed with: nobody but the coordinator knows it, and it stays the same over
/// restarts.
fn neighbours_key(stream: &Stream) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("streamr coordinator: the rings of a stream's members");
    hasher.update(stream.secret.as_bytes()).update(stream.stream.as_str().as_bytes());
    *hasher.finalize().as_bytes()
}

/// The tables of all streams.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    slots: Slots<Table>,
}

impl Tables {
    /// The table to show at `now`. The caller must hold no transaction: one is needed to make a table.
    pub(crate) async fn current(
        &self,
        storage: &Storage,
        stream: &Stream,
        now: UnixMs,
    ) -> Result<Arc<Table>, StorageError> {
        let slot = self.slots.of(&stream.stream, now);
        let mut held = slot.lock().await;
        if let Some(table) = held.as_ref().filter(|table| table.will_do(stream.membership_version, now)) {
            return Ok(table.clone());
        }
        let table = Arc::new(make(storage, stream, now).await?);
        *held = Some(table.clone());
        Ok(table)
    }
}

/// Makes the table of now. Where the choice of electors has become another, that is a change of the membership.
async fn make(storage: &Storage, stream: &Stream, now: UnixMs) -> Result<Table, StorageError> {
    let mut tx = storage.read().await?;
    if let Some(table) = look(&mut tx, stream, now).await?.settled() {
        return Ok(table);
    }
    drop(tx);
    let mut tx = storage.write().await?;
    tx.lock_streams(&[&stream.stream]).await?;
    let mut looked = look(&mut tx, stream, now).await?;
    if looked.has_changed {
        let electors: Vec<NodeId> = looked.table.electors.iter().map(|elector| elector.node).collect();
        tx.save_electors(&stream.stream, &electors).await?;
        tx.save_capacities(&stream.stream, &looked.capacities).await?;
        looked.table.version = tx.membership_changed(&stream.stream).await?;
    }
    tx.commit().await?;
    Ok(looked.table)
}

/// A table, with what is believed of its members, and whether that or its electors are others than those stored.
struct Looked {
    table: Table,
    /// Those that offer more than is believed, and what is, in bits a second.
    capacities: BTreeMap<NodeId, u64>,
    has_changed: bool,
}

impl Looked {
    fn settled(self) -> Option<Table> {
        (!self.has_changed).then_some(self.table)
    }
}

async fn look(tx: &mut Tx, stream: &Stream, now: UnixMs) -> Result<Looked, StorageError> {
    // The version, too, must be that of this moment.
    let version = tx.membership_version(&stream.stream).await?;
    let mut members = tx.members(&stream.stream).await?;
    let before = tx.electors(&stream.stream).await?;
    let believed_before = tx.capacities(&stream.stream).await?;
    let seen = seen(tx, stream, &before, members.len(), now).await?;
    let believed = seen.as_ref().map(|seen| believe(seen, &believed_before, &members)).unwrap_or_default();
    for Member { view, .. } in &mut members {
        if let Some(most) = believed.get(&view.node) {
            view.uplink_bps = view.uplink_bps.min(BitsPerSecond(*most));
        }
    }
    let candidate = |member: &Member| Candidate {
        node: member.view.node,
        uplink_bps: member.view.uplink_bps.0,
        since: member.since,
    };
    let candidates: Vec<Candidate> = members.iter().map(candidate).collect();
    let mut chosen = choose(&before, &candidates, now);
    let measurers = tx.measurers_of(&stream.stream).await?;
    if seen.is_some() || !measurers.is_empty() {
        let next_window = Window::of(now).ends_at();
        chosen.review_at = Some(chosen.review_at.map_or(next_window, |at| at.min(next_window)));
    }
    let has_changed = chosen.electors != before || believed != believed_before;
    let table = Table { measurers, ..Table::new(stream, version, members, &chosen, now) };
    Ok(Looked { table, capacities: believed, has_changed })
}

/// What the members were seen to carry, by the windows about which nothing more is taken in: so whoever makes a table
/// in one window makes it of the same. `None` where nobody measures.
async fn seen(
    tx: &mut Tx,
    stream: &Stream,
    electors: &[NodeId],
    supporters: usize,
    now: UnixMs,
) -> Result<Option<Capacities>, StorageError> {
    let settled = Window::of(now).0.saturating_sub(ReceiptsRequest::LATE_MS.div_ceil(Window::MS));
    let recent = Window(settled.saturating_sub(RECENT_WINDOWS))..Window(settled);
    let probes = tx.probes(&stream.stream, recent).await?;
    let part = |node: &NodeId| {
        if electors.binary_search(node).is_ok() { Part::Elector } else { Part::Supporter }
    };
    Ok(Capacities::of(&probes, |node| receivers(supporters, part(node))))
}

/// Who offers more than it is seen to carry, and what is believed instead: what was before, unless that is off by more
/// than a quarter.
fn believe(seen: &Capacities, before: &BTreeMap<NodeId, u64>, members: &[Member]) -> BTreeMap<NodeId, u64> {
    let believed = |Member { view, .. }: &Member| {
        let now = seen.uplink(&view.node).0;
        let as_before = before.get(&view.node).filter(|before| before.abs_diff(now) <= **before / 4);
        (view.node, as_before.copied().unwrap_or(now), view.uplink_bps.0)
    };
    let lower =
        |(node, believed, offered): (NodeId, u64, u64)| (believed < offered).then_some((node, believed));
    members.iter().map(believed).filter_map(lower).collect()
}
