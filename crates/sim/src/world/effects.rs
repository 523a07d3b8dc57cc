//! What swarms ask for, carried out.

use std::ops::Range;

use streamr_model::{BlockIndex, BlockSet, NodeId, SegmentRef};
use streamr_relay_core::{Action, FetchEnd, FetchId, Freshness, Message, QueueTime, wire};

use super::{SEED, World};
use crate::event::{Event, Index};
use crate::links::{micros, on_wire};
use crate::node::{Conduct, Fetching};
use crate::queue::Micros;

/// What an origin without Range has sent of a whole segment before the driver hangs up.
const WASTED_BYTES: u64 = 64 * 1024;

impl World {
    /// Carries out everything a node's swarm asks for, and plans its waking.
    pub(super) fn perform(&mut self, node: Index) {
        while let Some(action) =
            self.nodes[node as usize].swarm.as_mut().and_then(|swarm| swarm.poll_action())
        {
            self.effect(node, action);
        }
        let now = self.instant();
        let this = &mut self.nodes[node as usize];
        let Some(swarm) = &mut this.swarm else { return };
        // Rounded up: woken early it would have to be woken again.
        let at = swarm.poll_timeout(now).map(|at| at.max(now).0.as_nanos().div_ceil(1_000));
        let at = at.map(|at| Micros::try_from(at).unwrap_or(Micros::MAX));
        if let Some(at) = this.wake.want(at) {
            self.queue.push(at, Event::Wake(node));
        }
    }

    fn effect(&mut self, from: Index, action: Action) {
        match action {
            Action::Send(to, message) => {
                let to = self.names.node_index(to);
                self.send(from, to, message);
            }
            Action::SendManifest(to, freshness, name) => self.send_manifest(from, to, freshness, name),
            Action::SendBlock(to, name, index) => self.send_block(from, to, name, index),
            Action::Fetch(fetch, name, blocks) => self.fetch(from, fetch, name, blocks),
            Action::Abort(fetch) => self.abort(from, fetch),
            Action::Complete(name) => self.complete(from, name),
            Action::Play(name) => self.play(from, name),
            // Nobody signs for anything here.
            Action::Receipt(..) | Action::Evict(_) => {}
            Action::Disconnect(peer, _) => {
                let peer = self.names.node_index(peer);
                self.hang_up(from, peer);
            }
        }
    }

    /// Puts a control message on its way.
    pub(super) fn send(&mut self, from: Index, to: Index, mut message: Message) {
        if let (Conduct::Liar, Message::Have(_, blocks, _)) =
            (self.nodes[from as usize].conduct, &mut message)
        {
            *blocks = BlockSet::full(blocks.capacity());
        }
        let (now, bytes) = (self.now, wire::encode(&message).0.len() as u64);
        let bytes = self.node(from).links.write(to, now, bytes);
        self.tally.control_bytes += bytes;
        let left = self.leaves(from, bytes);
        if let Some(at) = self.arrival(from, to, left, bytes) {
            let what = self.parking.pack(self.names, message);
            self.queue.push(at, Event::Message { from, to, what });
        }
    }

    fn send_manifest(&mut self, from: Index, to: NodeId, freshness: Freshness, name: SegmentRef) {
        let (to, bytes) = (self.names.node_index(to), on_wire(self.media.manifest_frame_bytes));
        self.tally.control_bytes += bytes;
        let left = self.leaves(from, bytes);
        if let Some(at) = self.arrival(from, to, left, bytes) {
            let sequence = self.names.segment_sequence(name);
            self.queue.push(at, Event::Manifest { from, to, freshness, sequence });
        }
    }

    fn send_block(&mut self, from: Index, to: NodeId, name: SegmentRef, index: BlockIndex) {
        let (to, bytes) = (self.names.node_index(to), on_wire(self.media.block_frame_bytes()));
        let left = self.leaves(from, bytes);
        self.queue.push(left, Event::Sent { from, to });
        let sequence = self.names.segment_sequence(name);
        if from == SEED {
            self.tally.left_origin(
                sequence,
                u64::from(self.media.block_len),
                self.nodes[to as usize].conduct,
            );
        }
        if matches!(self.nodes[from as usize].conduct, Conduct::Silent | Conduct::Liar) {
            return;
        }
        self.tally.block_bytes += bytes;
        if let Some(at) = self.arrival(from, to, left, bytes) {
            self.queue.push(at, Event::Block { from, to, sequence, index });
        }
    }

    /// When the last bit of `bytes` sent now has left.
    fn leaves(&mut self, from: Index, bytes: u64) -> Micros {
        let now = self.now;
        self.node(from).uplink.pass(now, bytes)
    }

    /// When what left at `left` arrives; `None` if the sender has no connection to `to`.
    fn arrival(&mut self, from: Index, to: Index, left: Micros, bytes: u64) -> Option<Micros> {
        let travel = self.network.travel(from, to, &mut self.dice);
        let mut at = left.saturating_add(travel);
        if let Some(downlink) = &mut self.nodes[to as usize].downlink {
            at = downlink.pass(at, bytes);
        }
        self.node(from).links.deliver(to, at)
    }

    /// The origin answers a request for blocks.
    fn fetch(&mut self, node: Index, fetch: FetchId, name: SegmentRef, blocks: Range<u16>) {
        let fetch = u32::try_from(fetch.0).unwrap_or(u32::MAX);
        let sequence = self.names.segment_sequence(name);
        let latency = self.network.latency(SEED, node);
        let asked = self.now.saturating_add(latency);
        let is_whole = blocks.len() == usize::from(self.media.blocks());
        if !self.scenario.origin.has_range && !is_whole {
            self.tally.left_origin(sequence, WASTED_BYTES, self.nodes[node as usize].conduct);
            let at = self.origin.pass(asked, WASTED_BYTES).saturating_add(latency);
            return self.queue.push(at, Event::FetchEnded { node, fetch, end: FetchEnd::RangeIgnored });
        }
        self.nodes[node as usize].fetches.push(Fetching { fetch, end: blocks.end });
        self.fetch_next(node, fetch, sequence, BlockIndex(blocks.start), asked);
    }

    /// The origin sends the next block of a fetch; what it sends to others at the same time goes between.
    fn fetch_next(&mut self, node: Index, fetch: u32, sequence: u16, index: BlockIndex, asked: Micros) {
        let bytes = u64::from(self.media.block_len);
        self.tally.left_origin(sequence, bytes, self.nodes[node as usize].conduct);
        let bytes = on_wire(bytes);
        let mut at = self.origin.pass(asked, bytes).saturating_add(self.network.latency(SEED, node));
        if let Some(downlink) = &mut self.nodes[node as usize].downlink {
            at = downlink.pass(at, bytes);
        }
        self.queue.push(at, Event::Fetched { node, fetch, sequence, index });
    }

    /// A block of a fetch has come: the next one follows it, or the end.
    pub(super) fn go_on_fetching(&mut self, node: Index, fetch: u32, sequence: u16, index: BlockIndex) {
        let fetches = &mut self.nodes[node as usize].fetches;
        let Some(at) = fetches.iter().position(|fetching| fetching.fetch == fetch) else { return };
        if index.0 + 1 < fetches[at].end {
            let sent = self.now.saturating_sub(self.network.latency(SEED, node));
            return self.fetch_next(node, fetch, sequence, BlockIndex(index.0 + 1), sent);
        }
        fetches.swap_remove(at);
        self.queue.push(self.now, Event::FetchEnded { node, fetch, end: FetchEnd::Done });
    }

    fn abort(&mut self, node: Index, fetch: FetchId) {
        self.nodes[node as usize].fetches.retain(|fetching| u64::from(fetching.fetch) != fetch.0);
    }

    fn complete(&mut self, node: Index, name: SegmentRef) {
        let sequence = self.names.segment_sequence(name);
        self.node(node).complete |= 1 << sequence;
        let published = micros(self.scenario.published_at(sequence));
        if node != SEED && self.is_counted(&self.nodes[node as usize], sequence) {
            self.tally.completed(sequence, self.now.saturating_sub(published));
        }
    }

    fn play(&mut self, node: Index, name: SegmentRef) {
        let sequence = self.names.segment_sequence(name);
        let this = self.node(node);
        let is_in_order = sequence >= this.plays_next;
        this.plays_next = sequence + 1;
        self.tally.out_of_order += u64::from(!is_in_order);
    }

    /// A liar's word to everybody it knows: it holds all of a segment.
    pub(super) fn boast(&mut self, liar: Index, sequence: u16) {
        let (name, all) = (self.media.name(sequence), BlockSet::full(self.media.blocks()));
        let peers: Vec<Index> =
            self.nodes[liar as usize].links.peers().filter(|peer| *peer != SEED).collect();
        for peer in peers {
            self.send(liar, peer, Message::Have(name, all.clone(), QueueTime(0)));
        }
    }
}
